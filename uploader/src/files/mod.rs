//! Handles files: reads them within bounds, measures disks, makes temporary files, and spells paths in JSON.

pub(crate) mod disk;
pub(crate) mod serde_path;
pub(crate) mod temporary;

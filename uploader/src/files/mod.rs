//! Handles files: reads them within bounds, measures disks, makes temporary files, and spells paths in JSON.

pub(crate) mod io_error;
pub(crate) mod read;
pub(crate) mod serde_path;
pub(crate) mod space;
pub(crate) mod temporary;

//! Handles files: reads them within limits, measures free space, makes temporary files, keeps documents in locked
//! files, installs plugins, and writes paths as JSON.

pub(crate) mod installation;
pub(crate) mod io_error;
pub(crate) mod read;
pub(crate) mod receipt;
pub(crate) mod serde_path;
pub(crate) mod space;
pub(crate) mod temporary;

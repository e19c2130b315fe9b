//! The handlers of Atlas's API, one module for each noun. Arguments come in one order everywhere: state,
//! caller, path, query, body.

pub(crate) mod artifacts;
pub(crate) mod authenticate;
pub(crate) mod download;
mod range;
pub(crate) mod unserved;
pub(crate) mod upload;
pub(crate) mod versions;

//! Contains the handlers of Atlas's API, one module for each noun. Arguments have the same order everywhere:
//! state, caller, path, query, body.

pub(crate) mod artifacts;
pub(crate) mod authenticate;
pub(crate) mod download;
pub(crate) mod range;
mod repr_digest;
pub(crate) mod unserved;
pub(crate) mod upload;
pub(crate) mod versions;

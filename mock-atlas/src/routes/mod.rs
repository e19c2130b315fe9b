//! The handlers, one module for each noun of the API. Arguments come in one order everywhere:
//! state, caller, path, query, body.

pub(crate) mod artifacts;
pub(crate) mod authenticate;
pub(crate) mod download;
pub(crate) mod mock;
mod range;
pub(crate) mod unserved;
pub(crate) mod upload;
pub(crate) mod versions;

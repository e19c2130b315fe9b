//! What callers may do. Each function authorises its caller, acts, and returns its own error.
//!
//! - `artifacts`, `versions`, `files`, `uploads`: what the API is about
//! - `accounts`: tokens, and who they stand for; `authorize`: what a caller may read and write
//! - `dataset`: all that an emulator knows at a time, and which of them is the present one
//! - `seed`: files that say what a dataset is to hold; `snapshot`: a dataset as one archive, and back
//! - `error`: why a service refuses

pub(crate) mod accounts;
pub(crate) mod artifacts;
mod authorize;
mod dataset;
mod error;
pub(crate) mod files;
pub(crate) mod seed;
pub(crate) mod snapshot;
pub(crate) mod uploads;
pub(crate) mod versions;

pub(crate) use dataset::{Dataset, DatasetId, Datasets};
pub(crate) use error::ServiceError;

//! Services: the operations of callers. Each function authorises its caller, acts, and returns a
//! [`ServiceError`].
//!
//! - `artifacts`, `versions`, `files`, `uploads`: the operations of the API
//! - `boxes`: Vagrant boxes, their versions, providers and files; `box_lists`: lists of boxes, and searches
//! - `registries`: namespaces as registries of boxes; `provider_groups`: providers as HCP's API has them;
//!   `operations`: operations of HCP
//! - `quotas`: how many bytes an owner may have; `channels`: names that point at versions
//! - `listing`: lists of what a caller may read, page by page
//! - `accounts`: authentication and tokens; `authorize`: read and write access of a caller
//! - `dataset`: the current and the initial state of an emulator
//! - `webhooks`: receivers that are told what has changed
//! - `imports`: versions and boxes as they were elsewhere; `contents`: a list of all of them; `incoming`:
//!   bodies that are taken piece by piece
//! - `seed`: files that declare the content of a dataset; `snapshot`: a dataset as an archive
//! - `error`: the errors of the services

pub(crate) mod accounts;
pub(crate) mod artifacts;
pub(crate) mod audit;
mod authorize;
pub(crate) mod box_lists;
pub(crate) mod boxes;
pub(crate) mod channels;
pub(crate) mod contents;
mod dataset;
mod error;
pub(crate) mod files;
pub(crate) mod imports;
mod incoming;
pub(crate) mod listing;
pub(crate) mod operations;
pub(crate) mod provider_groups;
pub(crate) mod quotas;
pub(crate) mod registries;
pub(crate) mod seed;
pub(crate) mod snapshot;
pub(crate) mod uploads;
pub(crate) mod versions;
pub(crate) mod webhooks;

pub(crate) use dataset::{Dataset, DatasetId, Datasets};
pub(crate) use error::ServiceError;
pub(crate) use incoming::Incoming;

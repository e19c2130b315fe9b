//! Publishes the file of a box in the order of `vagrant cloud publish`: the box, its version, the provider with its
//! architecture, the bytes, and the release. What exists is not made again, and nothing of it is replaced unless that
//! is wanted.
//!
//! [`Publish`] describes a publication, and [`PreparedFile`] reads its file. A [`PublishReceipt`] records the progress,
//! from which [`publish`] continues. `run` makes the steps, and `upload` sends the bytes.

mod outcome;
mod prepared;
pub mod receipt;
mod request;
mod run;
mod upload;

pub use outcome::{FileStatus, Published};
pub use prepared::PreparedFile;
pub use receipt::PublishReceipt;
pub use request::{BoxSource, Publish};
pub use run::publish;

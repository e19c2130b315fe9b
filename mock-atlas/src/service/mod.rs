//! What a caller may do with the data of an Atlas.
//!
//! - `dataset`: all that an emulator knows at a time: the catalog, and who may see it
//! - `seed`: files that say what a dataset is to hold
//! - `snapshot`: a dataset as one archive, and back

mod dataset;
pub(crate) mod seed;
pub(crate) mod snapshot;

pub(crate) use dataset::Dataset;

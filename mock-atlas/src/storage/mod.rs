//! Storage: a catalog of artifacts, versions, uploads and accounts, and the bytes of files.
//!
//! - `catalog`: the enum of backends, with the documentation of all operations; `memory`: the memory backend
//! - `conformance`: tests for every backend
//! - `addition`: atomic additions; `contents`: exported contents of a catalog; `incoming_files`: the files of
//!   contents that are imported
//! - `imported`: versions and boxes as they were elsewhere
//! - `found_box`: boxes as values, and their changes; `found_registry`: registries as values;
//!   `found_channel`: channels as values
//! - `upload`: targets and attempts of uploads; `error`: errors
//! - `token`: tokens and hashed secrets; `access_token`: short-lived tokens that are not stored;
//!   `signature`: signatures of paths
//! - `listing`: lists of artifacts, page by page
//! - `blob`: the bytes of a file, in memory or on disk; `memory_budget`: the limit on the bytes of all files
//! - `disk`: brings what was written to disk for certain
//! - `box_file`: reads what the file of a Vagrant box says of itself
//! - `store`: stores of the bytes of files: a folder, or a bucket of S3
//! - `webhooks`: bounds on the log of deliveries to webhooks
//! - `regular_file`: bounded reading of regular files; `free_space`: the free space of the disk

mod access_record;
mod access_token;
mod addition;
mod blob;
mod box_file;
mod catalog;
#[cfg(test)]
mod conformance;
mod contents;
mod disk;
mod durable;
mod error;
mod found_box;
mod found_channel;
mod found_registry;
mod free_space;
mod imported;
mod incoming_files;
mod last_use;
mod listing;
mod memory;
mod memory_budget;
mod record;
mod regular_file;
mod signature;
mod store;
mod token;
mod upload;
mod webhooks;

pub(crate) use access_record::AccessRecord;
pub(crate) use addition::{
    AdditionError, Additions, NewArtifact, NewOrganization, NewToken, NewUser, SeededBox,
    SeededBoxVersion, SeededProvider, SeededTimes, SeededVersion,
};
pub(crate) use blob::{Blob, BlobWriter, Checksums, Written};
pub(crate) use box_file::{BoxFile, BoxFileReader};
pub(crate) use catalog::Catalog;
pub(crate) use contents::{Contents, ImportError, Records};
pub use durable::{CheckProgress, CheckReport, Damage, Moved};
pub(crate) use durable::{DurableCatalog, OpenError, Swept};
pub(crate) use error::{AccountError, BackendError, BackendErrorKind, StorageError};
pub(crate) use found_box::{BoxDraft, FoundBox, NewBox};
pub(crate) use found_channel::{ChannelPlace, FoundChannel};
pub(crate) use found_registry::{FoundRegistry, RegistryOwner};
pub(crate) use free_space::LEAST_FREE;
pub(crate) use imported::{ImportedBox, ImportedBytes, ImportedFile, ImportedVersion, Presence};
pub(crate) use incoming_files::IncomingFiles;
pub(crate) use listing::{ArtifactsQuery, ListedArtifact, ListedFile, ListedType};
pub(crate) use memory::{Found, MemoryCatalog};
pub(crate) use memory_budget::{MemoryBudget, MemoryFull, Reservation};
pub(crate) use record::{
    ArtifactRecord, FileRecord, RecordError, StoredFile, VersionRecord, stored_files,
};
pub use regular_file::{open_regular_file, read_regular_file, read_regular_text};
pub(crate) use store::{Location, LocationError, Store, StoreError};
pub(crate) use token::{Hashed, Login, Token, TokenLimits, random_token};
pub(crate) use upload::{TypeKey, UploadAttempt, UploadTarget, VersionKey};

//! What an emulator keeps: the catalog of artifacts and versions, the bytes of their files, and accounts
//! with their tokens.
//!
//! - `memory`: the catalog of artifacts, versions and uploads, in memory
//! - `accounts`: users, organisations and tokens
//! - `blob`: the bytes of a file, in memory or on disk; `memory_budget`: how many bytes all files may take
//! - `regular_file`: bounded reading of regular files

mod accounts;
mod blob;
mod memory;
mod memory_budget;
mod regular_file;

pub(crate) use accounts::{AccessRecord, AccountError, Accounts, Directory, Token, random_token};
pub(crate) use blob::{Blob, BlobWriter};
pub(crate) use memory::{
    ArtifactRecord, File, FileSelector, Found, MemoryCatalog, NewArtifact, NewVersion, Orphan,
    OrphanState, RecordError, SeededVersion, StorageError, UploadAttempt, Version, stored_files,
};
pub(crate) use memory_budget::{MemoryBudget, MemoryFull, Reservation};
pub use regular_file::{open_regular_file, read_regular_file, read_regular_text};

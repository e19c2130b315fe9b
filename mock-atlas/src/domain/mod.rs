//! The nouns and rules of Atlas: pure values, without HTTP, tasks or input and output.
//!
//! - `names`: names of users, artifacts and artifact types
//! - `access`: callers, roles and who may read or write an artifact
//! - `version`: versions of an artifact; `sequence`: their numbers; `orphan`: those whose file never came
//! - `metadata`: a version's metadata, in the order in which Atlas gave it back
//! - `query`: what a search asks for
//! - `limits`: how large a version may be
//! - `totals`: how much a catalog holds
//! - `digest`: SHA-256 digests of files and bodies
//! - `clock`: the emulator's time of day; `timestamp`: how RFC 3339 spells it
//! - `text`: shortening of texts for messages

mod access;
mod clock;
mod digest;
mod limits;
mod metadata;
mod names;
mod orphan;
mod query;
mod sequence;
pub(crate) mod text;
mod timestamp;
mod totals;
mod version;

pub(crate) use access::{Account, Caller, ROOT, ReadAccess, Role, Visibility};
pub use clock::Clock;
pub(crate) use digest::Digest;
pub(crate) use limits::{Limits, OverLimit};
pub(crate) use metadata::Metadata;
pub(crate) use names::{ArtifactName, Name};
pub use names::{ArtifactNameError, NameError};
pub(crate) use orphan::{Orphan, OrphanState};
pub(crate) use query::{Filter, Page, Query, Select};
pub(crate) use sequence::{HIGHEST, Sequence};
pub(crate) use timestamp::timestamp;
pub(crate) use totals::Totals;
pub(crate) use version::{FileSelector, FileState, NewVersion, NoProvider, Version};

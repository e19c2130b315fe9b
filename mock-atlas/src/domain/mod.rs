//! The types and rules of Atlas, as pure values without HTTP, tasks or I/O.
//!
//! - `names`: names of users, artifacts and artifact types
//! - `access`: accounts, callers, roles, and the rules for reading; `scope`: limits of a token
//! - `audit`: who changed what
//! - `version`: versions of an artifact; `sequence`: their numbers; `orphan`: uploads that are awaited
//! - `boxes`: Vagrant boxes, their versions and providers
//! - `registry`: what is known of a namespace as a registry of boxes
//! - `metadata`: a version's metadata, in the order of the real Atlas
//! - `query`: searches among versions; `channel`: names that point at a version
//! - `limits`: limits on the size of a version; `quota`: limits on the files of an owner
//! - `totals`: counts of a catalog's content
//! - `digest`: digests of files and bodies, BLAKE3 and SHA-256; `checksum`: checksums of Vagrant boxes
//! - `clock`: the emulator's time of day; `timestamp`: its RFC 3339 form
//! - `webhooks`: receivers that are told what has changed
//! - `text`: shortening of texts for messages

mod access;
mod audit;
mod boxes;
mod channel;
mod checksum;
mod clock;
mod digest;
mod limits;
mod metadata;
mod names;
mod orphan;
mod query;
mod quota;
mod registry;
mod scope;
mod sequence;
pub(crate) mod text;
mod timestamp;
mod totals;
mod version;
mod webhooks;

pub(crate) use access::{Account, Caller, ROOT, ReadAccess, Role, Visibility};
pub(crate) use audit::{AuditEntry, AuditQuery, NumberedEntry};
pub(crate) use boxes::{
    BOX_TYPE, BoxDifference, BoxError, BoxFilter, BoxNumber, BoxOrder, BoxProvider, BoxQuery,
    BoxSort, BoxSource, BoxStatus, BoxVersion, HostedFile, ProviderChange, ProviderGroup,
    ProviderKey, ProviderPlace, PushedBox, PushedBoxError, VagrantBox, unknown_architecture,
};
pub(crate) use channel::{
    Channel, ChannelChange, ChannelError, ChannelName, ChannelNameError, MOST_CHANNELS,
};
pub(crate) use checksum::{Checksum, ChecksumError, ChecksumHasher, ChecksumKind};
pub use clock::Clock;
pub(crate) use digest::{Digest, DigestError, Sha256Digest};
pub(crate) use limits::{Limits, OverLimit};
pub(crate) use metadata::Metadata;
pub(crate) use names::{ArtifactName, Name, RESERVED};
pub use names::{ArtifactNameError, NameError};
pub(crate) use orphan::{Orphan, OrphanState, OrphanTarget};
pub(crate) use query::{Filter, Page, Query, Select};
pub(crate) use quota::{Allowance, HIGHEST_QUOTA, OverQuota, Quota};
pub(crate) use registry::{Registry, RegistryChange};
pub(crate) use scope::{Scope, ScopeError, Target};
pub(crate) use sequence::{HIGHEST, Sequence};
pub(crate) use timestamp::{
    TimestampError, exact_timestamp, parse_timestamp, required_timestamp, timestamp,
};
pub(crate) use totals::Totals;
pub(crate) use version::{FileSelector, FileState, NewVersion, Version};
pub(crate) use webhooks::{
    BoxFacts, Claim, Claimed, Delivery, DeliveryQuery, DeliveryState, Event, EventKind, EventKinds,
    FileFacts, MOST_WEBHOOKS, Outcome, ProviderFacts, Subject, Try, TryId, Verdict, VersionFacts,
    Webhook, WebhookPlace, WebhookSecret, box_events,
};

//! An emulator of HashiCorp Atlas Enterprise: artifacts, boxes and their versions, in memory for offline development
//! and CI, or with data that is kept. `docs/contract.md` describes its behaviour and the evidence for it.
//!
//! Start at [`MockAtlas`], a running emulator for a test, and [`Builder`], its configuration.
//! [`Builder::router`] and [`serve`] are the two lower-level parts.
//!
//! The modules, lowest layer first; each imports only modules above it:
//!
//! - `domain`: names, access rules, metadata, queries, limits, the clock; pure
//! - `endpoint`: the list of all endpoints; its head says how to add one
//! - `faults`: decides which fault is due; `http/middleware/fault_injection` applies it
//! - `observe`: the journal, metrics, expectations, lints
//! - `storage`: artifacts, versions, files, accounts and tokens. In `storage/memory/versions`,
//!   `Versions::add` gives a version its number (`domain/sequence`), and `Versions::finish_upload`
//!   makes an upload visible; `storage/durable` keeps the same in a folder
//! - `service`: authorised operations of callers; seeds and snapshots; webhooks
//! - `net`: listeners, TLS, connections, threads
//! - `http`: routes, middleware, extractors, handlers, JSON, errors. `http/extract/caller` checks
//!   the token of a request (by `service/accounts`)
//! - `app`: the builder and the running emulator; the only place that chooses a backend; delivers to webhooks
//! - `cli`: the command line; it belongs to the binary, and uses only this library's public items

mod app;
mod domain;
mod endpoint;
mod faults;
mod http;
mod net;
mod observe;
mod service;
mod storage;

pub use app::{Builder, Garbage, MockAtlas, Rebuilt, StartError, User};
pub use domain::{ArtifactNameError, Clock, NameError};
pub use faults::{Fault, FaultError, FaultReport};
pub use net::{TlsError, local_url, serve};
pub use observe::{ExpectError, Expectations, Lint, LintKind, Request, TokenPlace, Unmet};
pub use service::seed::{Seed, SeedError};
pub use service::snapshot::{BackupError, BackupIndex, BackupPart};
pub use storage::{CheckProgress, CheckReport, Damage, Moved};
pub use storage::{open_regular_file, read_regular_file, read_regular_text};

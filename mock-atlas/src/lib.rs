//! An in-memory emulator of HashiCorp Atlas Enterprise: artifacts and their versions, for offline
//! development and CI. `docs/contract.md` describes its behaviour and the evidence for it.
//!
//! Start at [`MockAtlas`], a running emulator for a test, and [`Builder`], its configuration.
//! [`Builder::router`] and [`serve`] are the two lower-level parts.
//!
//! Each folder imports only folders above it:
//!
//! - `domain`: names, access rules, metadata, queries, limits, the clock; pure
//! - `endpoint`: every endpoint once: method, path, name, fields of the body, secrets
//! - `faults`: fault injection; `observe`: the journal, metrics, expectations, lints
//! - `storage`: the catalog of artifacts and versions, the bytes of files, accounts and tokens
//! - `service`: authorised operations of callers; seeds and snapshots
//! - `net`: listeners, TLS, connections, threads
//! - `http`: routes, middleware, extractors, handlers, JSON, errors
//! - `app`: the builder and the running emulator; the only place that chooses a backend

mod app;
mod domain;
mod endpoint;
mod faults;
mod http;
mod net;
mod observe;
mod service;
mod storage;

pub use app::{Builder, MockAtlas, StartError, User};
pub use domain::{ArtifactNameError, Clock, NameError};
pub use faults::{Fault, FaultError, FaultReport};
pub use net::{TlsError, local_url, serve};
pub use observe::{ExpectError, Expectations, Lint, LintKind, Request, TokenPlace, Unmet};
pub use service::seed::{Seed, SeedError};
pub use storage::{open_regular_file, read_regular_file, read_regular_text};

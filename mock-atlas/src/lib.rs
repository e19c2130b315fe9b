//! An in-memory emulator of HashiCorp Atlas Enterprise: artifacts and their versions, for offline
//! development and CI. What it does, and how that is known, stands in `docs/contract.md`.
//!
//! Start at [`MockAtlas`], a running emulator for a test, and [`Builder`], what it can be given.
//! [`Builder::router`] and [`serve`] are the two halves below it.
//!
//! Each folder imports only those above it:
//!
//! - `domain`: names, access rules, metadata, queries, limits, the clock; pure
//! - `endpoint`: every endpoint once: method, path, name, fields of the body, secrets
//! - `faults`: which requests go wrong, and how; `observe`: the journal, metrics, expectations, lints
//! - `storage`: the catalog of artifacts and versions, the bytes of files, accounts and tokens
//! - `service`: what a caller may do; seeds and snapshots
//! - `net`: listeners, TLS, connections, threads; knows no route
//! - `http`: routes, middleware, extractors, handlers, JSON, errors
//! - `app`: the builder and the running emulator; alone chooses a backend

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

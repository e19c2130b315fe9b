//! An in-memory emulator of HashiCorp Atlas Enterprise: artifacts and their versions, for offline
//! development and CI. What it does, and how that is known, stands in `docs/contract.md`.
//!
//! Start at [`MockAtlas`], a running emulator for a test, and [`Builder`], what it can be given.
//! [`Builder::router`] and [`serve`] are the two halves below it.
//!
//! - `mock`: the emulator in this process; `builder`: what it is to be; `clock`: its time of day
//! - `seed`: what it is to hold from the start; `plain`: files that are read of a disk
//! - `snapshot`: all that it holds, as one archive
//! - `server`: connections, and how they end; `threads`: where they are served; `late`: when replies
//!   leave; `tls`: certificates
//! - `router`: the route table; `around`: what happens around each request; `witness`: what was
//!   asked, from its log on
//! - `patience`: bodies that do not come; `rest`: those that nobody reads to the end; `unread`: clients
//!   that read nothing; `half`: those that have said all
//! - `faults`: what is to go wrong, free of HTTP; `inject`: makes it so; `line`: a connection to end
//! - `extract`: what a handler gets to see of a request
//! - `routes`: the handlers; `wire`: the JSON they answer; `error`: the one door for errors
//! - `atlas`: what handlers work on; `world`: all that it knows at a time
//! - `access`: who may see and write what, free of HTTP
//! - `store`: artifacts, versions, files and uploads, free of HTTP; `names`: what may be a name; `short`:
//!   the beginning of a long text

mod access;
mod around;
mod atlas;
mod builder;
mod clock;
mod error;
mod extract;
mod faults;
mod half;
mod inject;
mod late;
mod line;
mod mock;
mod names;
mod patience;
mod plain;
mod rest;
mod router;
mod routes;
mod seed;
mod server;
mod short;
mod snapshot;
mod store;
mod threads;
mod tls;
mod unread;
mod wire;
mod witness;
mod world;

pub use builder::{Builder, StartError, User};
pub use clock::Clock;
pub use faults::{Fault, FaultError, FaultReport};
pub use mock::MockAtlas;
pub use names::{ArtifactNameError, NameError};
pub use plain::{open_plain, read_plain, read_plain_text};
pub use seed::{Seed, SeedError};
pub use server::{local_url, serve};
pub use tls::TlsError;
pub use witness::{ExpectError, Expectations, Lint, LintKind, Request, TokenPlace, Unmet};

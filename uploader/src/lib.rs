//! Pushes artifacts to any Atlas, and pulls them back.
//!
//! Each folder imports only the folders above it in this list:
//!
//! ```text
//! base     defines names of artifacts, errors and exit codes, digests, secrets, events
//! files    reads files within limits, measures free space, makes temporary files, writes paths as JSON
//! api      sends requests to an Atlas, repeats them, and translates the JSON of the wire
//! config   resolves the settings, and records where each came from
//! show     finds the newest versions, and writes a version as variables of Terraform
//! pull     fetches the file of a version, verifies it, and unpacks it
//! push     packs files, makes a version, sends its bytes, keeps receipts
//! boxes    mirrors Vagrant boxes out of a registry that is switched off
//! mirror   mirrors artifacts out of an Atlas, into the same tree
//! packer   reads Packer's manifests and templates, and serves as its `atlas` post-processor
//! terraform   serves as Terraform's provider `atlas`
//! cli      runs the program `atlas-upload` (not part of the library)
//! ```
//!
//! The library prints nothing. It reports events to a [`Reporter`](base::reporter::Reporter), and a program
//! passes all its output through the redactor of [`base::secret`].

pub mod api;
pub mod base;
pub mod boxes;
pub mod config;
mod files;
pub mod mirror;
pub mod packer;
pub mod pull;
pub mod push;
pub mod show;
pub mod terraform;

pub use api::{Client, ClientOptions};
pub use base::error::{Cause, Error, Phase};
pub use push::{Push, PushOutcome, push};

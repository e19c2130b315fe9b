//! Holds what the programs of this workspace share. Nothing here knows Atlas.
//!
//! - `manual` makes the completion scripts and the manual pages of a clap command (feature `manual`).
//! - `certificates` loads certificates from PEM files and builds reqwest clients with them (feature
//!   `certificates`).
//! - `decompress` decompresses files of the formats that Vagrant takes (feature `decompress`).
//! - [`programs`] builds the workspace's programs for the tests that run them.
//! - [`servers`] starts the servers that tests need (features `postgres-server` and `s3-server`).
//! - [`gem_version`] orders version numbers like RubyGems, which Vagrant's versions follow.
//! - [`read`] reads files that must not be longer than a limit.
//! - [`redaction`] finds secrets in a text, in whatever spelling they stand there.
//!
//! The crate prints nothing, and its errors name no option and no file: each program does that in its own
//! words.

#[cfg(feature = "certificates")]
pub mod certificates;
#[cfg(feature = "decompress")]
pub mod decompress;
pub mod gem_version;
#[cfg(feature = "manual")]
pub mod manual;
pub mod programs;
pub mod read;
pub mod redaction;
pub mod servers;

//! Mirrors Vagrant boxes from a registry that will be switched off into a tree of files, and publishes boxes.
//!
//! [`mirror()`] reads the boxes of a [`source`] (HCP Vagrant, Vagrant Cloud, a catalog, or the boxes that
//! Vagrant has installed) into the records of [`model`], filters them by a [`Selection`], and fetches their
//! files ([`mod@fetch`]) into a [`Tree`]. The tree is described by its `mirror.json`, and by the catalogs for
//! Vagrant that [`catalog_writer`] writes; [`check()`] verifies it without a source.
//!
//! [`mod@publish`] uploads the file of a box to a [`service`]; [`change`] releases, revokes and deletes, and
//! [`mod@download`] fetches one file.
//!
//! [`registry`] sends all requests, within the registry's rate limits; [`credentials`] authorises them.

pub mod catalog_writer;
pub mod change;
mod check;
mod checksum;
pub mod credentials;
pub mod download;
pub mod fetch;
mod mirror;
pub mod model;
mod outcome;
pub mod publish;
mod rate_limits;
pub mod registry;
pub(crate) mod saving;
mod selection;
pub mod service;
pub mod source;
pub mod tree;

pub use atlas_common::gem_version::{GemVersion, is_gem_version};
pub use check::{Checked, check};
pub use checksum::{Checksum, ChecksumKind};
pub use mirror::{MirrorOptions, Plan, mirror, plan};
pub use outcome::{Outcome, Report};
pub use selection::{InvalidPattern, Selection};
pub use tree::Tree;

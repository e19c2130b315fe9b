//! Vagrant boxes: copies them out of a registry that is switched off, into a tree of files.
//!
//! [`mirror()`] reads what a [`source`] has (HCP Vagrant, Vagrant Cloud, a catalog, or boxes that
//! Vagrant has installed) into the records of [`model`], keeps those that a [`Selection`] takes, and
//! fetches their files ([`mod@fetch`]) into a [`Tree`]. The tree is described by its `mirror.json`,
//! and by catalogs ([`catalog`]) that genuine Vagrant reads; [`check()`] verifies it without a source.
//! [`registry`] sends the requests, and waits as the registry's limits want it; [`credentials`] are whose
//! they are.

pub mod catalog;
mod check;
mod checksum;
pub mod credentials;
pub mod fetch;
mod gem_version;
mod mirror;
pub mod model;
mod outcome;
mod rate_limits;
pub mod registry;
mod selection;
pub mod source;
mod tree;

pub use check::{Checked, check};
pub use checksum::{Checksum, ChecksumKind};
pub use gem_version::{GemVersion, is_gem_version};
pub use mirror::{MirrorOptions, Plan, mirror, plan};
pub use outcome::{Outcome, Report};
pub use selection::{InvalidPattern, Selection};
pub use tree::Tree;

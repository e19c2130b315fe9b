//! Vagrant boxes: copies them out of a registry that is switched off, into a tree of files.
//!
//! [`mirror()`] reads what a [`source`] has (HCP Vagrant, Vagrant Cloud, a catalog, or boxes that
//! Vagrant has installed) into the records of [`model`], keeps those that a [`Choice`] takes, and
//! fetches their files ([`mod@fetch`]) into a [`Tree`]. The tree is described by its `mirror.json`,
//! and by catalogs ([`catalog`]) that genuine Vagrant reads; [`check()`] verifies it without a source.
//! [`http`] sends the requests, and waits as the registry's limits want it; [`credentials`] are whose
//! they are.

pub mod catalog;
mod check;
mod checksum;
mod choice;
pub mod credentials;
pub mod fetch;
pub mod http;
mod limits;
mod mirror;
pub mod model;
mod order;
mod outcome;
pub mod source;
mod tree;

pub use check::{Checked, check};
pub use checksum::{Checksum, ChecksumKind};
pub use choice::{Choice, InvalidPattern};
pub use mirror::{MirrorOptions, Plan, mirror, plan};
pub use order::{Number, is_gem_version};
pub use outcome::{Outcome, Report};
pub use tree::Tree;

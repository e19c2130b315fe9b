//! Protects a server from a run, and keeps secrets out of every text.
//!
//! [`policy`] decides where a run may write, [`pace`] limits how fast requests follow each other, and [`trust`] loads
//! the trusted certificates. All names of a run begin with its [`run_prefix`]. The [`journal`] records on disk what a
//! run is about to make; [`secrets`] redacts tokens and upload paths.

pub(crate) mod address;
pub mod journal;
pub mod pace;
pub mod policy;
pub mod run_prefix;
pub mod secrets;
pub mod trust;

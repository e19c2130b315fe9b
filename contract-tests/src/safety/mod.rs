//! The rules that keep a server safe from a run, and secrets out of every text.
//!
//! [`policy`] says where may be written, [`pace`] how fast requests follow each other, and [`trust`] which certificates
//! are accepted. All names of a run begin with its [`run_prefix`]. The [`journal`] names on disk what a run is about to make; [`secrets`] redacts tokens and upload paths.

pub(crate) mod address;
pub mod journal;
pub mod pace;
pub mod policy;
pub mod run_prefix;
pub mod secrets;
pub mod trust;

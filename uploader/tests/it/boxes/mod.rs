//! These tests run `atlas-upload box` against a fake of HCP Vagrant and Vagrant Cloud: they check the files,
//! their places, and the messages.

mod access;
mod faults;
mod hostile;
mod links;
pub(crate) mod publish;
mod registry;
mod scene;
mod served;
mod sources;
mod tree;
mod verify;

//! These tests run `atlas-upload box` against a fake of HCP Vagrant and Vagrant Cloud: they look at what
//! comes, where it is put, and what is said of it.

mod access;
mod faults;
mod hostile;
mod links;
mod registry;
mod scene;
mod sources;
mod tree;
mod verify;

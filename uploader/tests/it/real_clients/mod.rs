//! These tests need genuine clients on this machine, and the feature `real-clients`: a program that is missing
//! fails them.

#[cfg(target_os = "linux")]
mod builds;
mod manifest;
mod packer;
#[cfg(unix)]
mod packing;
#[cfg(unix)]
mod sequences;
mod vagrant;

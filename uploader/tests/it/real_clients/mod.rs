//! Tests with genuine clients, which must be installed on this machine. They need the feature
//! `real-clients`; a missing program fails them.

#[cfg(target_os = "linux")]
mod builds;
mod manifest;
mod packer;
#[cfg(unix)]
mod packing;
#[cfg(unix)]
mod sequences;
#[cfg(target_os = "linux")]
mod terraform;
mod vagrant;

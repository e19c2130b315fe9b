//! These tests push artifacts.

mod existing;
mod faults;
#[cfg(target_os = "linux")]
mod memory;
mod packing;
mod pipeline;
mod receipts;
#[cfg(unix)]
mod resume;

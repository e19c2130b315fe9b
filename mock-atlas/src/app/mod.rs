//! Assembles and runs an emulator.
//!
//! - `builder`: the settings of an emulator; the only place that chooses a storage backend
//! - `emulator`: a running emulator, for tests in the same process

mod builder;
mod emulator;
mod webhooks;

pub use builder::{Builder, Garbage, Rebuilt, StartError, User};
pub use emulator::MockAtlas;

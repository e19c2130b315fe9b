//! Puts an emulator together and runs it.
//!
//! - `builder`: what an emulator is to be; it alone chooses the backend of its storage
//! - `emulator`: a running emulator, for tests in the same process

mod builder;
mod emulator;

pub use builder::{Builder, StartError, User};
pub use emulator::MockAtlas;

//! Compresses blocks with ISA-L, a library that uses the vector instructions of the processor: in a third of the time
//! of zlib, for a few percent more bytes.
//!
//! The compressed blocks do not depend on each other and end at a byte, so several threads can make them, and one
//! after the other they are a stream of deflate that only needs an end.
//!
//! The feature `system` links the library of the system (Debian: `libisal-dev`); without it, the crate is empty, so
//! that the workspace builds without a library in C. The crate exists because the rest of the workspace forbids
//! `unsafe`, and because `isal-rs`, which wraps the same library safely, cannot end a block without ending the stream.

#[cfg(feature = "system")]
mod deflate;

#[cfg(feature = "system")]
pub use deflate::{Deflate, Level, Refused};

//! Tests the emulator as a library.

mod clock;
mod lifecycle;
mod seed;
mod stress;

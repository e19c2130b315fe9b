//! Tests the emulator as a library.

mod clock;
mod data;
mod lifecycle;
mod seed;
mod space;
mod stress;

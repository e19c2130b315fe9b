//! Tests the emulator as a library.

mod check;
mod clock;
mod data;
mod lifecycle;
mod seed;
mod space;
mod stress;
mod upgrades;

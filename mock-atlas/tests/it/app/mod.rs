//! Tests the emulator as a library.

pub(crate) mod backup;
mod check;
mod clock;
mod data;
mod lifecycle;
pub(crate) mod moves;
mod seed;
mod space;
mod stress;
mod upgrades;
pub(crate) mod webhooks;

//! The tests open connections to the emulator.

mod executor;
mod half_closed;
mod idle_connections;
mod limits;
mod tls;

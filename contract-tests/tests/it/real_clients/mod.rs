//! The tests need genuine clients on this machine; without them they fail.

mod client;
mod nginx;

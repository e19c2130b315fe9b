//! Tests that a run keeps a server, its data and its secrets safe.

mod read_only;
mod secrets;
mod upload_origins;
mod writes;

//! Tests the program as a user runs it.

mod progress;
mod runs;
mod secrets;

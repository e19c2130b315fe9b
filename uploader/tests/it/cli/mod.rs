//! These tests run the program as a user does.

mod progress;
mod runs;
mod secrets;

//! The tests run the program as its user does.

mod exit_codes;
mod program;
#[cfg(unix)]
mod signals;

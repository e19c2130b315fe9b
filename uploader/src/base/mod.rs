//! Contains the types that all other modules use: names of artifacts, errors and exit codes, digests,
//! secrets, and the events of a [`reporter`].

pub mod digest;
pub mod error;
pub mod exit_code;
pub mod reporter;
pub mod secret;
pub mod shell;
pub mod slug;

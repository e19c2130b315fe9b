//! The handlers of the emulator's own API, below `/_mock`: what it can do and Atlas could not. They are for
//! the root token only, unless said otherwise.

pub(crate) mod artifacts;
pub(crate) mod faults;
pub(crate) mod health;
pub(crate) mod lints;
pub(crate) mod metrics;
pub(crate) mod requests;
pub(crate) mod snapshot;
pub(crate) mod state;
pub(crate) mod tokens;
pub(crate) mod verify;

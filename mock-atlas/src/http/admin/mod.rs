//! Contains the handlers of the emulator's own API, below `/_mock`. They require the root token with the argument
//! `RequireRoot`, unless their documentation says otherwise.

pub(crate) mod artifacts;
pub(crate) mod audit;
pub(crate) mod channels;
pub(crate) mod faults;
pub(crate) mod health;
pub(crate) mod imports;
pub(crate) mod lints;
pub(crate) mod metrics;
pub(crate) mod openapi;
pub(crate) mod quotas;
pub(crate) mod requests;
pub(crate) mod snapshot;
pub(crate) mod state;
#[cfg(test)]
mod tests;
pub(crate) mod tokens;
pub(crate) mod verify;
pub(crate) mod webhooks;

//! What was asked of this Atlas, and what came of it.
//!
//! - `observe`: the one place from which requests are watched
//! - `journal`: what is kept of each
//! - `notes`: what handlers know of a request
//! - `request_id`: what names a request

mod journal;
mod notes;
mod observe;
mod request_id;

pub(crate) use journal::TokenPlace;
pub(crate) use notes::Notes;
pub(crate) use observe::observe;

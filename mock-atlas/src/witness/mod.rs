//! What was asked of this Atlas, and what came of it.
//!
//! - `observe`: the one place from which requests are watched
//! - `journal`: what is kept of each
//! - `metrics`: what is counted of all
//! - `notes`: what handlers know of a request
//! - `request_id`: what names a request

mod journal;
mod metrics;
mod notes;
mod observe;
mod request_id;

pub(crate) use journal::TokenPlace;
pub(crate) use metrics::Metrics;
pub(crate) use notes::Notes;
pub(crate) use observe::observe;

/// All that was seen since the start.
#[derive(Debug)]
pub(crate) struct Witness {
    metrics: Metrics,
}

impl Witness {
    pub(crate) fn new() -> Self {
        Self {
            metrics: Metrics::new(),
        }
    }

    pub(crate) fn metrics(&self) -> &Metrics {
        &self.metrics
    }
}

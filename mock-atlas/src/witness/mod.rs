//! What was asked of this Atlas, and what came of it.
//!
//! - `observe`: the one place from which requests are watched
//! - `notes`: what handlers know of a request; `request_id`: what names it
//! - `journal`: what is kept of each request; `record`, `texts`: how; `entry`: how it gets there;
//!   `hide`: what does not
//! - `pattern`: which paths are meant
//! - `expect`: what is expected of requests; `verify`: whether it happened
//! - `lints`: what clients should do in another way
//! - `metrics`: what is counted of all

mod entry;
mod expect;
mod hide;
mod journal;
mod lints;
mod metrics;
mod notes;
mod observe;
mod pattern;
mod record;
mod request_id;
mod texts;
mod verify;

pub use expect::{ExpectError, Expectations};
pub(crate) use journal::{DEFAULT_CAPACITY, Filter, Journal};
pub use journal::{Request, TokenPlace};
pub use lints::{Lint, LintKind};
pub(crate) use metrics::{Counted, Metrics};
pub(crate) use notes::Notes;
pub(crate) use observe::{Observation, observe};
pub use verify::Unmet;
pub(crate) use verify::Verdict;

use lints::lints;
use verify::verify;

use crate::clock::Clock;

/// All that was seen since the start.
#[derive(Debug)]
pub(crate) struct Witness {
    journal: Journal,
    metrics: Metrics,
}

impl Witness {
    /// A witness that remembers so many requests, and when they came.
    pub(crate) fn new(capacity: usize, clock: Clock) -> Self {
        Self {
            journal: Journal::new(capacity, clock),
            metrics: Metrics::new(),
        }
    }

    pub(crate) fn journal(&self) -> &Journal {
        &self.journal
    }

    /// Holds what was asked against what is expected.
    pub(crate) fn verify(&self, expectations: &Expectations) -> Verdict {
        verify(expectations, &self.journal.page())
    }

    /// What clients should do in another way.
    pub(crate) fn lints(&self) -> Vec<Lint> {
        lints(&self.journal.page().requests)
    }

    pub(crate) fn metrics(&self) -> &Metrics {
        &self.metrics
    }
}

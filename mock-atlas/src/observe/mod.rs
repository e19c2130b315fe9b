//! Records requests and what came of them: a journal, metrics, and what can be said of both.
//!
//! - `journal`: the bounded journal of requests; `record`, `texts`: how it keeps them; `redact`: hides
//!   secrets in all of it
//! - `metrics`: counters and histograms of all requests; `method`: the methods that are told apart
//! - `pattern`: patterns of paths
//! - `expect`: expectations of requests; `verify`: holds the journal against them
//! - `lints`: finds what clients should do in another way

mod expect;
mod journal;
mod lints;
mod method;
mod metrics;
mod pattern;
mod record;
mod redact;
mod texts;
mod verify;

pub use expect::{ExpectError, Expectations};
pub(crate) use journal::{DEFAULT_CAPACITY, Filter, Journal};
pub use journal::{Request, TokenPlace};
pub use lints::{Lint, LintKind};
pub(crate) use method::known_method;
pub(crate) use metrics::{CounterCache, Metrics, Outcome};
pub(crate) use record::{Facts, Head, Tail};
pub(crate) use redact::{LONGEST_FIELD, Redactor};
pub(crate) use texts::Texts;
#[cfg(test)]
pub(crate) use texts::read as read_texts;
pub use verify::Unmet;
pub(crate) use verify::Verdict;

use lints::lints;
use verify::verify;

use crate::domain::Clock;

/// All that was seen since the start.
#[derive(Debug)]
pub(crate) struct Observer {
    journal: Journal,
    metrics: Metrics,
}

impl Observer {
    /// Creates an observer that remembers so many requests, and when they came.
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

//! Observation of requests: a journal, metrics, and checks of the journal.
//!
//! - `journal`: the bounded journal of requests; `record`, `packed_strings`: its compact form
//! - `redact`: hides secrets
//! - `metrics`: counters and histograms of requests; `method`: the distinguished methods
//! - `pattern`: patterns of paths
//! - `expect`: expectations of requests; `verify`: compares the journal with them
//! - `lints`: practices of clients that should be avoided; `lint_kind`: their kinds

mod expect;
mod journal;
mod lint_kind;
mod lints;
mod method;
mod metrics;
mod packed_strings;
mod pattern;
mod record;
mod redact;
mod verify;

pub use expect::{ExpectError, Expectations};
pub(crate) use journal::{DEFAULT_CAPACITY, Filter, Journal};
pub use journal::{Request, TokenPlace};
pub(crate) use lint_kind::Finding;
pub use lint_kind::LintKind;
pub use lints::Lint;
pub(crate) use method::known_method;
pub(crate) use metrics::{CounterCache, Metrics, Outcome, TryOutcome};
pub(crate) use packed_strings::PackedStrings;
#[cfg(test)]
pub(crate) use packed_strings::read as read_packed;
pub(crate) use record::{EndStrings, FixedFields, HeadStrings};
pub(crate) use redact::{LONGEST_FIELD, Redactor};
pub use verify::Unmet;
pub(crate) use verify::Verdict;

use lints::lints;
use verify::verify;

use crate::domain::Clock;

/// The journal and the metrics of an emulator.
#[derive(Debug)]
pub(crate) struct Observer {
    journal: Journal,
    metrics: Metrics,
}

impl Observer {
    /// Creates an observer whose journal holds `capacity` requests and uses `clock`.
    pub(crate) fn new(capacity: usize, clock: Clock) -> Self {
        Self {
            journal: Journal::new(capacity, clock),
            metrics: Metrics::new(),
        }
    }

    /// Returns the clock of the journal.
    pub(crate) fn clock(&self) -> &Clock {
        self.journal.clock()
    }

    pub(crate) fn journal(&self) -> &Journal {
        &self.journal
    }

    /// Compares the journal with expectations.
    pub(crate) fn verify(&self, expectations: &Expectations) -> Verdict {
        verify(expectations, &self.journal.page())
    }

    /// Returns the lints of the requests in the journal.
    pub(crate) fn lints(&self) -> Vec<Lint> {
        lints(&self.journal.page().requests)
    }

    pub(crate) fn metrics(&self) -> &Metrics {
        &self.metrics
    }
}

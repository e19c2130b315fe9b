//! The summary counts the outcomes of a run, and decides its exit code.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::{ClauseReport, Status};
use crate::exit_code::ExitCode;

/// The number of clauses with each outcome.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Summary {
    /// Clauses that hold.
    pub passed: usize,
    /// Clauses that failed.
    pub failed: usize,
    /// Clauses with a harmless difference.
    pub differences: usize,
    /// Clauses that the filter excludes.
    pub skipped: usize,
    /// Clauses for which a setting is missing.
    pub disabled: usize,
    /// Clauses without a verdict.
    pub errors: usize,
}

impl Summary {
    /// Counts the outcomes of the reports.
    pub fn of(reports: &[ClauseReport]) -> Self {
        let count = |status| reports.iter().filter(|it| it.status == status).count();
        Self {
            passed: count(Status::Pass),
            failed: count(Status::Fail),
            differences: count(Status::Difference),
            skipped: count(Status::Skip),
            disabled: count(Status::Disabled),
            errors: count(Status::Error),
        }
    }

    /// Returns the number of clauses with this outcome.
    pub fn count(&self, status: Status) -> usize {
        match status {
            Status::Pass => self.passed,
            Status::Fail => self.failed,
            Status::Difference => self.differences,
            Status::Skip => self.skipped,
            Status::Disabled => self.disabled,
            Status::Error => self.errors,
        }
    }

    /// Returns the exit code of a completed run.
    pub fn exit_code(&self) -> ExitCode {
        if self.failed > 0 {
            ExitCode::Failed
        } else if self.errors > 0 {
            ExitCode::SuiteBroke
        } else if self.ran() == 0 {
            ExitCode::NothingRan
        } else {
            ExitCode::Holds
        }
    }

    /// Returns the number of clauses that were checked.
    pub fn ran(&self) -> usize {
        self.passed + self.failed + self.differences + self.errors
    }
}

impl fmt::Display for Summary {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            out,
            "{} ran: {} pass, {} fail, {} difference, {} error; not run: {} disabled, {} skip",
            self.ran(),
            self.passed,
            self.failed,
            self.differences,
            self.errors,
            self.disabled,
            self.skipped
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn code(passed: usize, failed: usize, differences: usize, errors: usize) -> ExitCode {
        Summary {
            passed,
            failed,
            differences,
            errors,
            disabled: 7,
            skipped: 7,
        }
        .exit_code()
    }

    #[test]
    fn only_what_ran_and_holds_is_a_success() {
        assert_eq!(code(1, 0, 0, 0), ExitCode::Holds);
        assert_eq!(code(0, 0, 1, 0), ExitCode::Holds);
        assert_eq!(code(0, 0, 0, 0), ExitCode::NothingRan);
    }

    #[test]
    fn an_error_weighs_more_than_a_success_and_a_failure_more_than_both() {
        assert_eq!(code(9, 0, 1, 1), ExitCode::SuiteBroke);
        assert_eq!(code(9, 1, 1, 0), ExitCode::Failed);
        assert_eq!(code(9, 1, 1, 1), ExitCode::Failed);
    }
}

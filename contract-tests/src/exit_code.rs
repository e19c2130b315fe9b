//! The exit codes tell the caller of the program how it ended.

/// The exit codes of `atlas-contract`.
///
/// When several codes apply to a run, a failure takes precedence over an error: a violation that was observed stays
/// one, even if other clauses could not be judged. The summary reports both. A report that could not be written takes
/// precedence over all, because otherwise the readers of reports would use an old one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub enum ExitCode {
    /// At least one clause ran, and all required clauses hold. Differences are not failures.
    Holds = 0,
    /// A clause failed, even if others ended without a verdict.
    Failed = 1,
    /// The configuration or the arguments are invalid, or the server refuses the token: nothing was judged.
    BadConfiguration = 2,
    /// Nothing ran: a filter matches no clause, or all clauses that match are disabled.
    NothingRan = 3,
    /// The suite broke, or the server could not be reached or is unstable.
    SuiteBroke = 4,
    /// A report could not be written, or the check before the run found that its path cannot be written.
    ReportLost = 5,
    /// After a cleanup, something that a run made is still on the server, or may be, because a request went unanswered.
    CleanupIncomplete = 6,
    /// SIGINT, as sent by Ctrl-C, stopped the work (128 + the signal's number).
    Interrupted = 130,
    /// SIGTERM stopped the work (128 + the signal's number).
    Terminated = 143,
}

impl From<ExitCode> for std::process::ExitCode {
    fn from(code: ExitCode) -> Self {
        Self::from(code as u8)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_numbers_are_those_of_the_documentation() {
        let numbers = [
            ExitCode::Holds,
            ExitCode::Failed,
            ExitCode::BadConfiguration,
            ExitCode::NothingRan,
            ExitCode::SuiteBroke,
            ExitCode::ReportLost,
            ExitCode::CleanupIncomplete,
            ExitCode::Interrupted,
            ExitCode::Terminated,
        ]
        .map(|code| code as u8);
        assert_eq!(numbers, [0, 1, 2, 3, 4, 5, 6, 130, 143]);
    }
}

//! The exit codes are what the program tells the one who started it.

/// The exit codes of `atlas-contract`.
///
/// Where several apply to a run, a failure weighs more than an error: what a server was seen to do wrong stays wrong,
/// whatever else could not be judged. The summary tells both. A report that is missing is said above all, because whoever
/// reads reports would go on with an old one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub enum ExitCode {
    /// Something ran and all required clauses hold. Differences are no failures.
    Holds = 0,
    /// A clause failed, whatever else ended without a verdict.
    Failed = 1,
    /// The configuration or the arguments are bad, or the server refuses the token: nothing was judged.
    BadConfiguration = 2,
    /// Nothing ran: a filter matches no clause, or all that they match are disabled.
    NothingRan = 3,
    /// The suite broke, or the server could not be reached or is unstable.
    SuiteBroke = 4,
    /// A report could not be written, or, which is found before the run, has no place where it could be.
    ReportLost = 5,
    /// Something that a run made is still there after a cleanup, or may be: no answer told.
    CleanupIncomplete = 6,
    /// SIGINT, as Ctrl-C sends it, stopped the work (128 + its number).
    Interrupted = 130,
    /// SIGTERM stopped the work (128 + its number).
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

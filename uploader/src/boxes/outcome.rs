//! The outcome of each file, and the report of a whole run.

use crate::base::error::Error;
use crate::base::reporter::{Event, Reporter};

/// The outcome of one file.
#[derive(Debug)]
pub enum Outcome {
    /// The file was fetched, verified and moved into place.
    Fetched {
        /// The size in bytes.
        bytes: u64,
    },
    /// The file was present and intact.
    Present {
        /// The size in bytes.
        bytes: u64,
    },
    /// Only the file's address was kept: it is on its owner's host, or no files were wanted.
    Linked,
    /// The source now describes other bytes than those that are present; the present file was left unchanged.
    Differs(String),
    /// The file could not be fetched or verified.
    Failed(Error),
}

/// The report of a run.
#[derive(Debug, Default)]
pub struct Report {
    /// The number of boxes or artifacts that were selected and found.
    pub found: usize,
    /// The number of their versions.
    pub versions: usize,
    /// The outcome of each file, with the file's label.
    pub files: Vec<(String, Outcome)>,
    /// The boxes or artifacts that were left out, each with the reason.
    pub failures: Vec<(String, Error)>,
    /// Notes for the user that are not failures.
    pub notes: Vec<String>,
}

/// The totals of a report.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Totals {
    /// The number of boxes or artifacts.
    pub found: usize,
    /// The number of versions.
    pub versions: usize,
    /// The number of files in place.
    pub files: usize,
    /// The total size of these files in bytes.
    pub bytes: u64,
    /// The number of files that this run fetched.
    pub fetched: usize,
    /// The number of files of which only the address was kept.
    pub links: usize,
    /// The number of files that differ from the source's.
    pub differing: usize,
    /// The number of files, and of boxes or artifacts, that failed.
    pub failed: usize,
}

impl Report {
    /// Adds the outcome of a file, and reports it if it is news.
    pub(crate) fn add(&mut self, reporter: &dyn Reporter, name: String, outcome: Outcome) {
        match &outcome {
            Outcome::Fetched { bytes } => reporter.report(Event::MirroredFile {
                name: &name,
                bytes: *bytes,
            }),
            Outcome::Failed(error) => reporter.report(Event::MirrorFailed { name: &name, error }),
            Outcome::Present { .. } | Outcome::Linked | Outcome::Differs(_) => {}
        }
        self.files.push((name, outcome));
    }

    /// Orders the files by their labels.
    pub(crate) fn sort_files(&mut self) {
        self.files.sort_by(|(left, _), (right, _)| left.cmp(right));
    }

    /// Counts the outcomes.
    pub fn totals(&self) -> Totals {
        let mut totals = Totals {
            found: self.found,
            versions: self.versions,
            failed: self.failures.len(),
            ..Totals::default()
        };
        for (_, outcome) in &self.files {
            match outcome {
                Outcome::Fetched { bytes } => {
                    totals.files += 1;
                    totals.fetched += 1;
                    totals.bytes += bytes;
                }
                Outcome::Present { bytes } => {
                    totals.files += 1;
                    totals.bytes += bytes;
                }
                Outcome::Linked => totals.links += 1,
                Outcome::Differs(_) => totals.differing += 1,
                Outcome::Failed(_) => totals.failed += 1,
            }
        }
        totals
    }

    /// Returns the first failure.
    pub fn first_failure(&self) -> Option<&Error> {
        let of_files = self.files.iter().filter_map(|(_, outcome)| match outcome {
            Outcome::Failed(error) => Some(error),
            _ => None,
        });
        let left_out = self.failures.iter().map(|(_, error)| error);
        left_out.chain(of_files).next()
    }
}

//! The outcome of each file, and of a whole run.

use serde::Serialize;

use crate::base::error::Error;

/// The outcome of one file.
#[derive(Debug)]
pub enum Outcome {
    /// It was fetched, verified and put into its place.
    Fetched {
        /// Its size in bytes.
        bytes: u64,
    },
    /// It was there, and whole.
    Present {
        /// Its size in bytes.
        bytes: u64,
    },
    /// It is on its owner's own host, or nothing was to be fetched: its address was kept.
    Linked,
    /// It was fetched or was there before, and the source says now that it is another one; what is here
    /// was left as it is.
    Differs(String),
    /// It is not there.
    Failed(Error),
}

/// The report of a run.
#[derive(Debug, Default)]
pub struct Report {
    /// Boxes that were wanted and found.
    pub boxes: usize,
    /// Their versions.
    pub versions: usize,
    /// Each file by its name in messages, with what became of it.
    pub files: Vec<(String, Outcome)>,
    /// The boxes that were left out, each with the reason.
    pub failures: Vec<(String, Error)>,
    /// Sentences that somebody should know all the same.
    pub notes: Vec<String>,
}

/// The numbers of a report.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
pub struct Totals {
    /// Boxes.
    pub boxes: usize,
    /// Versions.
    pub versions: usize,
    /// Files that are in their places.
    pub files: usize,
    /// Their bytes.
    pub bytes: u64,
    /// Files that came in this run.
    pub fetched: usize,
    /// Addresses that were kept.
    pub links: usize,
    /// Files that differ from the source's.
    pub differing: usize,
    /// Files, and boxes, that are not there.
    pub failed: usize,
}

impl Report {
    /// The numbers.
    pub fn totals(&self) -> Totals {
        let mut totals = Totals {
            boxes: self.boxes,
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

    /// The first thing that failed.
    pub fn first_failure(&self) -> Option<&Error> {
        let of_files = self.files.iter().filter_map(|(_, outcome)| match outcome {
            Outcome::Failed(error) => Some(error),
            _ => None,
        });
        let of_boxes = self.failures.iter().map(|(_, error)| error);
        of_boxes.chain(of_files).next()
    }
}

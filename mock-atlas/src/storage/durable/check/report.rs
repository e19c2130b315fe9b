//! The report of a check, and how far a check is.

/// The largest number of damages that are named: the others are counted.
const MOST_NAMED: usize = 1000;

/// A report of what [`Builder::check`](crate::Builder::check) has found.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct CheckReport {
    /// The number of versions that were checked.
    pub versions: u64,
    /// The number of Vagrant boxes that were checked.
    pub boxes: u64,
    /// The number of files whose bytes were read and compared with their digests.
    pub files: u64,
    /// The size in bytes of these files.
    pub bytes: u64,
    /// The number of damages.
    pub damaged: u64,
    /// The first 1000 damages.
    pub damages: Vec<Damage>,
}

/// A damage: something that is not as it was stored, or that contradicts something else.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Damage {
    /// The name of the damaged thing, such as `acme/web/custom.image/3`.
    pub what: String,
    /// A description of the damage.
    pub how: String,
}

/// The progress of a check with the bytes of files.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct CheckProgress {
    /// The number of files that were read.
    pub files: u64,
    /// The number of all files.
    pub of_files: u64,
    /// The number of bytes that were read.
    pub bytes: u64,
    /// The number of bytes of all files.
    pub of_bytes: u64,
}

impl CheckReport {
    /// Returns whether nothing is damaged.
    pub fn is_whole(&self) -> bool {
        self.damaged == 0
    }
}

impl Damage {
    pub(in crate::storage::durable) fn new(
        what: impl Into<String>,
        how: impl Into<String>,
    ) -> Self {
        Self {
            what: what.into(),
            how: how.into(),
        }
    }
}

/// A report under way.
#[derive(Default)]
pub(in crate::storage::durable) struct Found {
    pub(in crate::storage::durable) report: CheckReport,
}

impl Found {
    /// Adds damages.
    pub(in crate::storage::durable) fn extend(
        &mut self,
        damages: impl IntoIterator<Item = Damage>,
    ) {
        for damage in damages {
            self.report.damaged += 1;
            if self.report.damages.len() < MOST_NAMED {
                self.report.damages.push(damage);
            }
        }
    }

    /// Adds what another report has found.
    pub(in crate::storage::durable) fn merge(&mut self, other: Self) {
        let report = &mut self.report;
        report.versions += other.report.versions;
        report.boxes += other.report.boxes;
        report.files += other.report.files;
        report.bytes += other.report.bytes;
        self.extend(other.report.damages);
    }
}

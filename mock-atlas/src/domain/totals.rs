//! How much a catalog holds.

/// `Totals` counts artifacts, versions and the bytes of their files.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Totals {
    pub(crate) artifacts: u64,
    /// Versions that await their file are counted, too.
    pub(crate) versions: u64,
    /// Bytes of files in memory. Versions that share a file count it once.
    pub(crate) memory_bytes: u64,
    /// Bytes of files on disk.
    pub(crate) disk_bytes: u64,
}

//! Counts of a catalog's content.

/// The number of artifacts, versions and boxes of a catalog, and the bytes of their files.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Totals {
    pub(crate) artifacts: u64,
    /// The number of versions, those that await their file included.
    pub(crate) versions: u64,
    pub(crate) boxes: u64,
    /// The number of versions of boxes, of any status.
    pub(crate) box_versions: u64,
    /// The bytes of files in memory. A file that several versions share counts once.
    pub(crate) memory_bytes: u64,
    /// The bytes of files on disk.
    pub(crate) disk_bytes: u64,
    /// The number of files that a check has found damaged.
    pub(crate) damaged_files: u64,
    /// The number of deliveries to webhooks that wait for a try.
    pub(crate) pending_deliveries: u64,
}

//! Brings what was written to disk for certain, and tells when the disk can no longer be relied on.

use std::fs::{self, File};
use std::io;
use std::path::Path;
use std::sync::Arc;

use tokio::sync::watch;

/// The disk of a durable home. A clone is a handle of the same disk.
///
/// After a failed fsync nobody knows what is on disk: the kernel drops what it could not write, and
/// the next fsync succeeds. So none is tried again: nothing more is written, and the process is to
/// stop.
#[derive(Clone, Debug)]
pub(super) struct Disk(watch::Sender<Option<Arc<str>>>);

impl Disk {
    /// Returns a disk that has not failed.
    pub(super) fn new() -> Self {
        Self(watch::Sender::new(None))
    }

    /// Brings the bytes of a file to disk. Blocks while it does. `what` names it in the reason of a failure.
    ///
    /// # Errors
    /// When the disk has failed, now or before.
    pub(super) fn sync(&self, file: &File, what: &str) -> io::Result<()> {
        self.check()?;
        self.judge(file.sync_all(), what)
    }

    /// Brings the names in a folder to disk. Blocks while it does. `what` names it in the reason of a
    /// failure.
    ///
    /// # Errors
    /// When the disk has failed, now or before.
    pub(super) fn sync_folder(&self, folder: &Path, what: &str) -> io::Result<()> {
        self.check()?;
        match File::open(folder)?.sync_all() {
            // Some network file systems cannot sync folders, and have no need to.
            Err(error) if error.kind() == io::ErrorKind::InvalidInput => Ok(()),
            synced => self.judge(synced, what),
        }
    }

    fn check(&self) -> io::Result<()> {
        match self.failure() {
            Some(reason) => Err(io::Error::other(reason)),
            None => Ok(()),
        }
    }

    fn judge(&self, synced: io::Result<()>, what: &str) -> io::Result<()> {
        synced.inspect_err(|error| {
            self.fail(&format!("{what} could not be brought to disk: {error}"))
        })
    }

    /// Creates a folder and those above it, where they are not there, and brings their names to disk.
    /// Blocks while it does.
    ///
    /// # Errors
    /// When the folder cannot be created, or the disk has failed.
    pub(super) fn create_folder(&self, folder: &Path) -> io::Result<()> {
        let above = folder
            .parent()
            .filter(|above| !above.as_os_str().is_empty());
        let above = above.unwrap_or(Path::new("."));
        if !above.is_dir() {
            self.create_folder(above)?;
        }
        match fs::create_dir(folder) {
            Err(error) if !folder.is_dir() => return Err(error),
            // One that is there may have been created by a process that was killed before this.
            _ => {}
        }
        match self.sync_folder(above, "the name of a folder") {
            // What the process may not read, somebody else has created.
            Err(error) if error.kind() == io::ErrorKind::PermissionDenied => Ok(()),
            synced => synced,
        }
    }

    /// Records that the disk has failed. Only the first reason counts.
    pub(super) fn fail(&self, reason: &str) {
        let is_first = self.0.send_if_modified(|failure| {
            let is_first = failure.is_none();
            failure.get_or_insert_with(|| reason.into());
            is_first
        });
        if is_first {
            tracing::error!(reason, "the disk has failed, and nothing more is written");
        }
    }

    /// Returns the reason of the failure; `None` as long as the disk has not failed.
    pub(super) fn failure(&self) -> Option<String> {
        self.0.borrow().as_deref().map(str::to_owned)
    }

    /// Waits until the disk fails, and returns the reason.
    pub(super) async fn failed(&self) -> String {
        let mut failure = self.0.subscribe();
        // The sender lives as long as this handle, so the wait does not fail.
        let _ = failure.wait_for(Option::is_some).await;
        self.failure().unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn after_a_failed_sync_no_other_is_tried_and_the_first_reason_is_told() {
        let disk = Disk::new();
        // The kernel refuses to sync what is no file.
        let (reader, _writer) = io::pipe().unwrap();
        let pipe = File::from(std::os::fd::OwnedFd::from(reader));
        let whole = tempfile::tempfile().unwrap();
        disk.sync(&whole, "a file").unwrap();
        assert_eq!(disk.failure(), None);
        disk.sync(&pipe, "a pipe").unwrap_err();
        disk.fail("another reason");
        let reason = disk.clone().failed().await;
        assert!(
            reason.starts_with("a pipe could not be brought to disk: "),
            "{reason}"
        );
        let refused = disk.sync(&whole, "a file").unwrap_err();
        assert_eq!(refused.to_string(), reason);
    }
}

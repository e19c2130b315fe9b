//! Watches the free space of a disk, so that growth is refused well before a write fails.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use tokio::task::spawn_blocking;

use super::BackendError;

/// The space in bytes that stays free unless another is chosen: enough for the database to take
/// what is under way, and for deletions.
pub(crate) const LEAST_FREE: u64 = 256 * 1024 * 1024;

/// The time for which a measurement counts, in which no disk takes nearly as much as [`LEAST_FREE`].
const VALID: Duration = Duration::from_millis(10);

/// The free space of the disk that a folder is on. A clone is a cheap handle.
#[derive(Clone, Debug)]
pub(super) struct FreeSpace(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    folder: PathBuf,
    /// The space in bytes that stays free.
    least: u64,
    /// The last measurement, in bytes.
    last: Mutex<Option<(Instant, u64)>>,
}

impl FreeSpace {
    /// Watches the disk of a folder, of which `least` bytes stay free.
    pub(super) fn new(folder: &Path, least: u64) -> Self {
        Self(Arc::new(Inner {
            folder: folder.to_owned(),
            least,
            last: Mutex::default(),
        }))
    }

    /// Checks whether the disk takes so many bytes more, and has the least space free then.
    ///
    /// # Errors
    /// An error of the kind [`Full`](super::BackendErrorKind::Full).
    pub(super) async fn check(&self, more: u64) -> Result<(), BackendError> {
        let least = self.0.least;
        match self.measure().await {
            Some(free) if free < least.saturating_add(more) => Err(self.full(free, more)),
            // Where nothing can be measured, the write itself tells whether there is space.
            Some(_) | None => Ok(()),
        }
    }

    /// Returns the free space in bytes; `None` if the system does not tell.
    pub(super) async fn measure(&self) -> Option<u64> {
        let last = || self.0.last.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((at, free)) = *last()
            && at.elapsed() < VALID
        {
            return Some(free);
        }
        // The file system may be slow to answer, which must not block the runtime.
        let watched = self.clone();
        let measured = spawn_blocking(move || rustix::fs::statvfs(&watched.0.folder)).await;
        let disk = measured.ok()?.ok()?;
        let free = disk.f_bavail.saturating_mul(disk.f_frsize);
        *last() = Some((Instant::now(), free));
        Some(free)
    }

    fn full(&self, free: u64, more: u64) -> BackendError {
        let Inner { folder, least, .. } = &*self.0;
        let wanted = match more {
            0 => String::new(),
            more => format!(", and {more} more are asked for"),
        };
        BackendError::full(format!(
            "the disk is nearly full: {free} bytes are free at {}{wanted}, while {least} are kept free \
             (--min-free); delete versions, or make room on the disk",
            folder.display()
        ))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::storage::BackendErrorKind;

    #[tokio::test]
    async fn what_is_asked_for_and_what_stays_free_must_fit_together() {
        let folder = tempfile::tempdir().unwrap();
        let watch = |least| FreeSpace::new(folder.path(), least);
        let free = watch(0).measure().await.unwrap();
        assert_eq!(watch(0).check(0).await, Ok(()));
        for (least, more) in [
            (u64::MAX, 0),
            (u64::MAX, 1),
            (0, u64::MAX),
            (1 << 62, 1 << 62),
        ] {
            let refused = watch(least).check(more).await.unwrap_err();
            assert_eq!(
                refused.kind(),
                BackendErrorKind::Full,
                "{free} bytes are free"
            );
        }
    }

    #[tokio::test]
    async fn a_folder_that_cannot_be_measured_refuses_nothing() {
        let nowhere = FreeSpace::new(Path::new("/nowhere"), u64::MAX);
        assert_eq!(nowhere.check(1).await, Ok(()));
    }
}

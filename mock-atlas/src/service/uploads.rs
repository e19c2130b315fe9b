//! Uploads: taking the bytes of a version, within limits and budgets.

use std::error::Error;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use futures_util::{Stream, StreamExt};
use tokio::sync::Semaphore;
use tokio::task::yield_now;
use uuid::Uuid;

use super::{Dataset, Datasets, ServiceError};
use crate::domain::{Digest, Limits};
use crate::storage::{
    Blob, BlobWriter, MemoryBudget, Reservation, StorageError, UploadAttempt, UploadTarget,
};

/// What uploads may take.
#[derive(Debug)]
pub(crate) struct Uploads {
    limits: Limits,
    /// What all files may hold.
    budget: MemoryBudget,
    /// The folder for files that are more than that.
    spill: Option<PathBuf>,
    /// Held by uploads while they are under way.
    permits: Semaphore,
}

/// An upload, as its head announces it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct UploadRequest {
    pub(crate) upload: Uuid,
    /// How many bytes will come, if that is known.
    pub(crate) announced: Option<u64>,
    /// Whether the bytes are only a part of the file.
    pub(crate) is_partial: bool,
    /// Whether the bytes are to be kept once all have come.
    pub(crate) keep: bool,
}

/// What is known of an upload in its course.
#[derive(Clone, Copy, Debug)]
pub(crate) enum UploadEvent<'a> {
    /// What it belongs to.
    Target(&'a UploadTarget),
    /// All bytes have come, and this is their digest.
    Received(Digest),
    /// The bytes are those of the version.
    Stored,
}

impl Uploads {
    /// Takes uploads within limits, and so many at a time.
    pub(crate) fn new(
        limits: Limits,
        budget: MemoryBudget,
        spill: Option<PathBuf>,
        at_a_time: Option<usize>,
    ) -> Self {
        let permits = at_a_time.unwrap_or(Semaphore::MAX_PERMITS);
        Self {
            limits,
            budget,
            spill,
            permits: Semaphore::new(permits.min(Semaphore::MAX_PERMITS)),
        }
    }

    /// Takes the bytes of an upload, and returns the file that its version has then; `None` if they were
    /// not to be kept. The path alone authorises, so there is no caller.
    ///
    /// # Errors
    /// Where there is no such upload, it takes no bytes or others, the body breaks off, or there is no room.
    /// Nothing of the bytes is kept then.
    pub(crate) async fn receive<E: Into<Box<dyn Error + Send + Sync>>>(
        &self,
        datasets: &Datasets,
        request: UploadRequest,
        body: impl Stream<Item = Result<Bytes, E>> + Unpin,
        tell: impl Fn(UploadEvent<'_>),
    ) -> Result<Option<Blob>, ServiceError> {
        let UploadRequest { upload, .. } = request;
        let permit = self.permits.try_acquire();
        let _under_way = permit.map_err(|_| ServiceError::TooManyUploads)?;
        let dataset = datasets.current();
        if let Ok(target) = dataset.catalog().upload_target(upload).await {
            tell(UploadEvent::Target(&target));
        }
        let (attempt, is_again) = self.begin(&dataset, request).await?;
        let received = Receiver::new(self, is_again).read(body, &attempt).await?;
        tell(UploadEvent::Received(received.digest()));
        if !request.keep {
            return Ok(None);
        }
        // In the dataset as it is by now: a reset has put away what was there when the upload began.
        let blob = keep(&datasets.current(), upload, received).await?;
        tell(UploadEvent::Stored);
        Ok(Some(blob))
    }

    /// Checks whether the bytes may come, before they are read, and whether the version has its file
    /// already.
    // Contract: silent.wrong-uploads
    async fn begin(
        &self,
        dataset: &Dataset,
        request: UploadRequest,
    ) -> Result<(Arc<UploadAttempt>, bool), ServiceError> {
        let UploadRequest {
            upload, announced, ..
        } = request;
        let attempt = dataset.catalog().begin_upload(upload, announced).await?;
        if request.is_partial {
            return Err(ServiceError::PartialUpload);
        }
        let expected = announced.unwrap_or_default();
        self.limits.check_file(expected)?;
        let is_again = dataset.catalog().uploaded(upload).await?.is_some();
        if self.spill.is_none() && !is_again {
            self.budget.check(expected)?;
        }
        Ok((attempt, is_again))
    }
}

/// Returns how long ago the version of an upload was made; `None` where there is no such upload.
pub(crate) async fn age(dataset: &Dataset, upload: Uuid) -> Option<Duration> {
    dataset.catalog().upload_age(upload).await.ok()
}

/// Forgets an upload, but not its version.
pub(crate) async fn expire(dataset: &Dataset, upload: Uuid) -> Result<(), ServiceError> {
    Ok(dataset.catalog().expire_upload(upload).await?)
}

/// The bytes of an upload, all of them.
enum Received {
    New(Blob),
    /// Bytes for a version that has its file already: they take no room, since they are either the
    /// same or refused.
    Again(Digest),
}

impl Received {
    fn digest(&self) -> Digest {
        match self {
            Self::New(blob) => blob.digest(),
            Self::Again(digest) => *digest,
        }
    }
}

/// Gives the version its file, or sees that it has it.
async fn keep(dataset: &Dataset, upload: Uuid, received: Received) -> Result<Blob, StorageError> {
    match received {
        Received::New(blob) => {
            dataset
                .catalog()
                .finish_upload(upload, blob.clone())
                .await?;
            Ok(blob)
        }
        Received::Again(digest) => {
            let stored = dataset.catalog().uploaded(upload).await?;
            let stored = stored.ok_or(StorageError::NotFound)?;
            if stored.digest() == digest {
                Ok(stored)
            } else {
                Err(StorageError::OtherBytes)
            }
        }
    }
}

/// A `Receiver` takes the bytes of an upload as they come. Dropped halfway, because the connection broke or
/// a limit was reached, it takes all it has with it: nothing of an incomplete upload stays.
struct Receiver<'a> {
    uploads: &'a Uploads,
    writer: BlobWriter,
    /// The memory that is taken; `None` once the bytes go to disk.
    reservation: Option<Reservation>,
    is_again: bool,
}

impl<'a> Receiver<'a> {
    fn new(uploads: &'a Uploads, is_again: bool) -> Self {
        Self {
            uploads,
            writer: BlobWriter::parallel(),
            reservation: Some(uploads.budget.reservation()),
            is_again,
        }
    }

    // Contract: uploads.chunked, uploads.half-hidden
    async fn read<E: Into<Box<dyn Error + Send + Sync>>>(
        mut self,
        mut body: impl Stream<Item = Result<Bytes, E>> + Unpin,
        attempt: &UploadAttempt,
    ) -> Result<Received, ServiceError> {
        while let Some(part) = body.next().await {
            // Others have their turn: a client that sends fast enough never makes this wait.
            yield_now().await;
            let part = part.map_err(|error| ServiceError::BrokenBody {
                after: self.writer.len(),
                error: error.into(),
            })?;
            self.push(&part).await?;
            if !self.is_again {
                attempt.set_received(self.writer.len());
            }
        }
        self.finish().await
    }

    async fn push(&mut self, part: &[u8]) -> Result<(), ServiceError> {
        let len = part.len() as u64;
        self.uploads.limits.check_file(self.writer.len() + len)?;
        if self.is_again {
            self.writer.hash(part);
            return Ok(());
        }
        if let Some(Err(full)) = self.reservation.as_mut().map(|taken| taken.reserve(len)) {
            let folder = self.uploads.spill.as_deref().ok_or(full)?;
            let spilled = self.writer.spill(folder).await;
            spilled.map_err(ServiceError::DiskFull)?;
            self.reservation = None;
        }
        self.writer.write(part);
        self.writer.hash_in_parallel().await?;
        self.writer.flush().await.map_err(ServiceError::DiskFull)
    }

    async fn finish(self) -> Result<Received, ServiceError> {
        if self.is_again {
            return Ok(Received::Again(self.writer.digest()));
        }
        let blob = self.writer.close().await.map_err(ServiceError::DiskFull)?;
        if let Some(reservation) = self.reservation {
            blob.attach(reservation);
        }
        Ok(Received::New(blob))
    }
}

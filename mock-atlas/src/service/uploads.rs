//! Receives the bytes of versions, within limits and budgets. `keep` stores complete bytes, which
//! makes the version visible.

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
use crate::domain::{BOX_TYPE, Digest, Limits, Name};
use crate::storage::{
    Blob, BlobWriter, Checksums, MemoryBudget, Reservation, StorageError, UploadAttempt,
    UploadTarget,
};

/// The limits, budgets and permits of uploads.
#[derive(Debug)]
pub(crate) struct Uploads {
    limits: Limits,
    /// The memory budget of all files.
    budget: MemoryBudget,
    /// The folder for files that exceed the budget; `None` refuses them.
    spill: Option<PathBuf>,
    /// The permits that uploads hold while they are under way.
    permits: Semaphore,
}

/// An upload request, as described by the path and the headers.
#[derive(Clone, Copy, Debug)]
pub(crate) struct UploadRequest {
    pub(crate) upload: Uuid,
    /// The announced number of bytes, if it is known.
    pub(crate) announced: Option<u64>,
    /// Whether the bytes are only a part of the file.
    pub(crate) is_partial: bool,
    /// Whether to store the bytes once all of them have come.
    pub(crate) keep: bool,
}

/// An event in the course of an upload.
#[derive(Clone, Copy, Debug)]
pub(crate) enum UploadEvent<'a> {
    /// The target of the upload is known.
    Target(&'a UploadTarget),
    /// All bytes have come; this is their digest.
    Received(Digest),
    /// The bytes are stored in the version.
    Stored,
}

impl Uploads {
    /// Creates the state for uploads, with limits and a maximum number of uploads at a time.
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

    /// Receives the bytes of an upload, and returns the stored file; `None` if the request does not
    /// keep it. Reports each event to `on_event`. There is no caller to authorise: the path is the
    /// authorisation.
    ///
    /// # Errors
    /// When the upload does not exist, accepts no bytes or other bytes, exceeds a limit or a
    /// budget, or its body breaks off. No bytes are kept then.
    pub(crate) async fn receive<E: Into<Box<dyn Error + Send + Sync>>>(
        &self,
        datasets: &Datasets,
        request: UploadRequest,
        body: impl Stream<Item = Result<Bytes, E>> + Unpin,
        on_event: impl Fn(UploadEvent<'_>),
    ) -> Result<Option<Blob>, ServiceError> {
        let UploadRequest { upload, .. } = request;
        let permit = self.permits.try_acquire();
        let _under_way = permit.map_err(|_| ServiceError::TooManyUploads)?;
        let dataset = datasets.current();
        let target = dataset.catalog().upload_target(upload).await.ok();
        if let Some(target) = &target {
            on_event(UploadEvent::Target(target));
        }
        let (attempt, is_repeat) = self.begin(&dataset, request).await?;
        let checksums = target.as_ref().map(checksums).unwrap_or_default();
        let receiver = Receiver::new(self, is_repeat, checksums);
        let received = receiver.read(body, &attempt).await?;
        on_event(UploadEvent::Received(received.digest()));
        if !request.keep {
            return Ok(None);
        }
        // The current dataset and not that of the beginning, which a reset may have replaced.
        let blob = keep(&datasets.current(), upload, received).await?;
        on_event(UploadEvent::Stored);
        Ok(Some(blob))
    }

    /// Checks whether the upload may proceed, before its body is read. The flag tells whether the
    /// version has its file already.
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
        let is_repeat = dataset.catalog().uploaded(upload).await?.is_some();
        if self.spill.is_none() && !is_repeat {
            self.budget.check(expected)?;
        }
        Ok((attempt, is_repeat))
    }
}

/// Returns the age of an upload's version; `None` for an unknown upload.
pub(crate) async fn age(dataset: &Dataset, upload: Uuid) -> Option<Duration> {
    dataset.catalog().upload_age(upload).await.ok()
}

/// Removes an upload, but not its version.
pub(crate) async fn expire(dataset: &Dataset, upload: Uuid) -> Result<(), ServiceError> {
    Ok(dataset.catalog().expire_upload(upload).await?)
}

/// Returns the checksums to compute of an upload: clients of boxes compare the SHA-256 of what they
/// download.
fn checksums(target: &UploadTarget) -> Checksums {
    match target {
        UploadTarget::Version(version) => Checksums::of_type(&version.of.artifact_type),
        UploadTarget::Box(_) => Checksums::of_type(&Name::constant(BOX_TYPE)),
    }
}

/// The complete bytes of an upload.
enum Received {
    New(Blob),
    /// The digest of bytes for a version that has its file already. The bytes are not kept: they
    /// are either the same as the stored bytes or refused.
    Repeated(Digest),
}

impl Received {
    fn digest(&self) -> Digest {
        match self {
            Self::New(blob) => blob.digest(),
            Self::Repeated(digest) => *digest,
        }
    }
}

/// Stores the bytes in the version, which makes the version visible (`Versions::finish_upload` of
/// the storage), or compares them with the stored bytes.
async fn keep(dataset: &Dataset, upload: Uuid, received: Received) -> Result<Blob, StorageError> {
    match received {
        Received::New(blob) => {
            dataset
                .catalog()
                .finish_upload(upload, blob.clone())
                .await?;
            Ok(blob)
        }
        Received::Repeated(digest) => {
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

/// A `Receiver` collects the bytes of an upload as they come. Dropping it early, because of a
/// broken connection or a limit, frees everything: no bytes of an incomplete upload are kept.
struct Receiver<'a> {
    uploads: &'a Uploads,
    writer: BlobWriter,
    /// The reserved memory; `None` once the bytes go to disk.
    reservation: Option<Reservation>,
    is_repeat: bool,
}

impl<'a> Receiver<'a> {
    fn new(uploads: &'a Uploads, is_repeat: bool, checksums: Checksums) -> Self {
        Self {
            uploads,
            writer: match is_repeat {
                true => BlobWriter::default(),
                false => BlobWriter::parallel(checksums),
            },
            reservation: Some(uploads.budget.reservation()),
            is_repeat,
        }
    }

    // Contract: uploads.chunked, uploads.half-hidden
    async fn read<E: Into<Box<dyn Error + Send + Sync>>>(
        mut self,
        mut body: impl Stream<Item = Result<Bytes, E>> + Unpin,
        attempt: &UploadAttempt,
    ) -> Result<Received, ServiceError> {
        while let Some(part) = body.next().await {
            // Lets other tasks run: a client that sends fast enough never makes this loop wait.
            yield_now().await;
            let part = part.map_err(|error| ServiceError::BrokenBody {
                after: self.writer.len(),
                error: error.into(),
            })?;
            self.push(&part).await?;
            if !self.is_repeat {
                attempt.set_received(self.writer.len());
            }
        }
        self.finish().await
    }

    async fn push(&mut self, part: &[u8]) -> Result<(), ServiceError> {
        let len = part.len() as u64;
        self.uploads.limits.check_file(self.writer.len() + len)?;
        if self.is_repeat {
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
        if self.is_repeat {
            return Ok(Received::Repeated(self.writer.hashes().digest));
        }
        let written = self.writer.close().await.map_err(ServiceError::DiskFull)?;
        let blob = written.blob;
        if let Some(reservation) = self.reservation {
            blob.attach(reservation);
        }
        Ok(Received::New(blob))
    }
}

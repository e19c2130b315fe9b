//! Receives the bytes of versions, within limits and budgets. `keep` stores complete bytes, which
//! makes the version visible.
//!
//! - `receiver`: collects the bytes as they come
//! - `box_check`: compares the file of a box with what was told of it

mod box_check;
mod receiver;
#[cfg(test)]
mod tests;

use std::error::Error;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use futures_util::Stream;
use tokio::sync::Semaphore;
use uuid::Uuid;

use super::{Dataset, Datasets, ServiceError};
use crate::domain::{Checksum, Digest, Limits};
use crate::observe::Finding;
use crate::storage::{
    Blob, Checksums, MemoryBudget, StorageError, UploadAttempt, UploadTarget, Written,
};
use box_check::ToldBox;
use receiver::{Received, Receiver};

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
#[derive(Clone, Debug)]
pub(crate) enum UploadEvent {
    /// The target of the upload is known; this is its slug.
    Target(String),
    /// All bytes have come; this is their digest.
    Received(Digest),
    /// The bytes are stored in the version.
    Stored,
    /// The file of a box differs in this from what was told of it.
    Findings(Vec<Finding>),
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
        on_event: impl Fn(UploadEvent),
    ) -> Result<Option<Blob>, ServiceError> {
        let UploadRequest { upload, .. } = request;
        let permit = self.permits.try_acquire();
        let _under_way = permit.map_err(|_| ServiceError::TooManyUploads)?;
        let dataset = datasets.current();
        let target = dataset.catalog().upload_target(upload).await.ok();
        if let Ok(slug) = dataset.catalog().upload_slug(upload).await {
            on_event(UploadEvent::Target(slug));
        }
        let (attempt, is_repeat) = self.begin(&dataset, request).await?;
        let expected = Expected::of(&dataset, target.as_ref(), upload).await;
        let receiver = match is_repeat {
            true => Receiver::of_repeat(self),
            false => expected.receiver(self),
        };
        let received = receiver.read(body, &attempt, dataset.catalog()).await?;
        on_event(UploadEvent::Received(received.digest()));
        if !request.keep {
            return Ok(None);
        }
        // The current dataset and not that of the beginning, which a reset may have replaced.
        let dataset = datasets.current();
        let blob = keep(&dataset, upload, &received).await?;
        on_event(UploadEvent::Stored);
        let findings = expected.compare(&dataset, upload, &received).await;
        on_event(UploadEvent::Findings(findings));
        Ok(Some(blob))
    }

    /// Receives the bytes of one file, which the caller stores.
    ///
    /// # Errors
    /// When the file exceeds a limit or a budget, or its body breaks off. No bytes are kept then.
    pub(crate) async fn collect<E: Into<Box<dyn Error + Send + Sync>>>(
        &self,
        dataset: &Dataset,
        body: impl Stream<Item = Result<Bytes, E>> + Unpin,
        (len, checksums): (u64, Checksums),
    ) -> Result<Written, ServiceError> {
        let permit = self.permits.try_acquire();
        let _under_way = permit.map_err(|_| ServiceError::TooManyUploads)?;
        self.limits.check_file(len)?;
        if self.spill.is_none() {
            self.budget.check(len)?;
        }
        let catalog = dataset.catalog();
        catalog.check_space(len).await?;
        Receiver::new(self, checksums).collect(body, catalog).await
    }

    /// Receives the bytes of one file of an archive, which the caller stores. It counts as no upload, and is taken
    /// beyond the memory budget where there is no folder for it: an archive is restored as a whole or not at all.
    ///
    /// # Errors
    /// When the file exceeds a limit, the disk is full, or the archive breaks off. No bytes are kept then.
    pub(crate) async fn collect_of_archive<E: Into<Box<dyn Error + Send + Sync>>>(
        &self,
        dataset: &Dataset,
        bytes: impl Stream<Item = Result<Bytes, E>> + Unpin,
        (len, checksums): (u64, Checksums),
    ) -> Result<Written, ServiceError> {
        let catalog = dataset.catalog();
        catalog.check_space(len).await?;
        let receiver = Receiver::new(self, checksums).beyond_budget();
        receiver.collect(bytes, catalog).await
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
        if is_repeat {
            return Ok((attempt, is_repeat));
        }
        attempt.check_announced().map_err(StorageError::from)?;
        dataset.catalog().check_space(expected).await?;
        if self.spill.is_none() {
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

/// An `Expected` describes the file of an upload before it comes.
struct Expected<'a> {
    /// The target, if the file is that of a box.
    target: Option<&'a UploadTarget>,
    told: Option<ToldBox>,
    /// Whether the storage keeps the SHA-256 of every file.
    keeps_sha256: bool,
}

impl<'a> Expected<'a> {
    async fn of(dataset: &Dataset, target: Option<&'a UploadTarget>, upload: Uuid) -> Self {
        let target = target.filter(|target| target.is_box());
        let told = match target {
            Some(target) => ToldBox::of(dataset, target, upload).await,
            None => None,
        };
        Self {
            target,
            told,
            keeps_sha256: dataset.catalog().keeps_sha256(),
        }
    }

    /// Creates the receiver, which computes the checksums of a box and reads it.
    fn receiver<'r>(&self, uploads: &'r Uploads) -> Receiver<'r> {
        if self.target.is_none() {
            let checksums = Checksums {
                sha256: self.keeps_sha256,
                told: None,
            };
            return Receiver::new(uploads, checksums);
        }
        let checksum = self.told.as_ref().and_then(|told| told.checksum.as_ref());
        let checksums = Checksums {
            sha256: true,
            told: checksum.map(Checksum::kind),
        };
        Receiver::new(uploads, checksums).reading_box()
    }

    /// Compares the stored file with what was told of it.
    async fn compare(self, dataset: &Dataset, upload: Uuid, received: &Received) -> Vec<Finding> {
        let (Some(target), Received::New { file, box_file }) = (self.target, received) else {
            return Vec::new();
        };
        let told = match self.told {
            Some(told) => Some(told),
            None => ToldBox::of(dataset, target, upload).await,
        };
        told.map(|told| told.compare(box_file.as_ref(), file.told.as_ref()))
            .unwrap_or_default()
    }
}

/// Stores the bytes in the version, which makes the version visible (`Versions::finish_upload` of
/// the storage), or compares them with the stored bytes.
async fn keep(dataset: &Dataset, upload: Uuid, received: &Received) -> Result<Blob, StorageError> {
    match received {
        Received::New { file, .. } => {
            let Written { blob, .. } = file;
            let catalog = dataset.catalog();
            catalog.finish_upload(upload, blob.clone()).await?;
            Ok(blob.clone())
        }
        Received::Repeated(digest) => {
            let stored = dataset.catalog().uploaded(upload).await?;
            let stored = stored.ok_or(StorageError::NotFound)?;
            if stored.digest() == *digest {
                Ok(stored)
            } else {
                Err(StorageError::OtherBytes)
            }
        }
    }
}

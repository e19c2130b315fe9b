//! Collects the bytes of an upload as they come.

use std::error::Error;

use bytes::Bytes;
use futures_util::{Stream, StreamExt};
use tokio::task::yield_now;

use super::Uploads;
use crate::domain::Digest;
use crate::service::ServiceError;
use crate::storage::{
    BlobWriter, BoxFile, BoxFileReader, Catalog, Checksums, Reservation, StorageError,
    UploadAttempt, Written,
};

/// The complete bytes of an upload.
pub(super) enum Received {
    New {
        file: Written,
        /// The description that the file of a box has of itself, if somebody read it.
        box_file: Option<BoxFile>,
    },
    /// The digest of bytes for a version that has its file already. The bytes are not kept: they
    /// are either the same as the stored bytes or refused.
    Repeated(Digest),
}

impl Received {
    pub(super) fn digest(&self) -> Digest {
        match self {
            Self::New { file, .. } => file.blob.digest(),
            Self::Repeated(digest) => *digest,
        }
    }
}

/// A `Receiver` collects the bytes of an upload as they come. Dropping it early, because of a
/// broken connection or a limit, frees everything: no bytes of an incomplete upload are kept.
pub(super) struct Receiver<'a> {
    uploads: &'a Uploads,
    writer: BlobWriter,
    /// The reserved memory; `None` once the bytes go to disk.
    reservation: Option<Reservation>,
    is_repeat: bool,
    /// Whether bytes are taken that exceed the memory budget and have no other place.
    may_exceed: bool,
    box_file: Option<BoxFileReader>,
}

impl<'a> Receiver<'a> {
    /// Creates a receiver of bytes that are new.
    pub(super) fn new(uploads: &'a Uploads, checksums: Checksums) -> Self {
        Self {
            uploads,
            writer: BlobWriter::parallel(checksums),
            reservation: Some(uploads.budget.reservation()),
            is_repeat: false,
            may_exceed: false,
            box_file: None,
        }
    }

    /// Creates a receiver of bytes for a version that has its file already.
    pub(super) fn of_repeat(uploads: &'a Uploads) -> Self {
        Self {
            uploads,
            writer: BlobWriter::default(),
            reservation: None,
            is_repeat: true,
            may_exceed: false,
            box_file: None,
        }
    }

    /// Takes bytes beyond the memory budget, too, where there is no folder for them.
    pub(super) fn beyond_budget(self) -> Self {
        Self {
            may_exceed: true,
            ..self
        }
    }

    /// Reads the bytes as those of a box, too, unless too many boxes are read already.
    pub(super) fn reading_box(mut self) -> Self {
        self.box_file = BoxFileReader::start();
        self
    }

    // Contract: uploads.chunked, uploads.half-hidden, boxes.upload-chunked, boxes.half-hidden
    pub(super) async fn read<E: Into<Box<dyn Error + Send + Sync>>>(
        mut self,
        body: impl Stream<Item = Result<Bytes, E>> + Unpin,
        attempt: &UploadAttempt,
        catalog: &Catalog,
    ) -> Result<Received, ServiceError> {
        let counts = !self.is_repeat;
        let count = |received| {
            if counts {
                attempt.set_received(received);
            }
            attempt.check_received(received).map_err(StorageError::from)
        };
        self.push_all(body, catalog, count).await?;
        self.finish().await
    }

    /// Returns the file of the bytes, for a receiver of bytes that are new.
    pub(super) async fn collect<E: Into<Box<dyn Error + Send + Sync>>>(
        mut self,
        body: impl Stream<Item = Result<Bytes, E>> + Unpin,
        catalog: &Catalog,
    ) -> Result<Written, ServiceError> {
        self.push_all(body, catalog, |_| Ok(())).await?;
        Ok(self.close().await?.0)
    }

    /// Takes all bytes of a body. Calls `on_received` with their number, again and again, which may refuse them.
    async fn push_all<E: Into<Box<dyn Error + Send + Sync>>>(
        &mut self,
        mut body: impl Stream<Item = Result<Bytes, E>> + Unpin,
        catalog: &Catalog,
        on_received: impl Fn(u64) -> Result<(), StorageError>,
    ) -> Result<(), ServiceError> {
        while let Some(part) = body.next().await {
            // Lets other tasks run: a client that sends fast enough never makes this loop wait.
            yield_now().await;
            let part = part.map_err(|error| ServiceError::BrokenBody {
                after: self.writer.len(),
                error: error.into(),
            })?;
            self.push(part).await?;
            if self.reservation.is_none() && !self.is_repeat {
                catalog.check_space(0).await?;
            }
            on_received(self.writer.len())?;
        }
        Ok(())
    }

    async fn push(&mut self, part: Bytes) -> Result<(), ServiceError> {
        let len = part.len() as u64;
        self.uploads.limits.check_file(self.writer.len() + len)?;
        if self.is_repeat {
            self.writer.hash(&part);
            return Ok(());
        }
        self.make_room(len).await?;
        self.writer.write(&part);
        self.writer.hash_in_parallel().await?;
        if let Some(reader) = &mut self.box_file {
            reader.push(part).await;
        }
        self.writer.flush().await.map_err(ServiceError::DiskFull)
    }

    /// Reserves memory for more bytes, or moves all of them to disk.
    async fn make_room(&mut self, len: u64) -> Result<(), ServiceError> {
        let Some(taken) = &mut self.reservation else {
            return Ok(());
        };
        let Err(full) = taken.reserve(len) else {
            return Ok(());
        };
        match self.uploads.spill.as_deref() {
            Some(folder) => {
                let spilled = self.writer.spill(folder).await;
                spilled.map_err(ServiceError::DiskFull)?;
                self.reservation = None;
            }
            None if self.may_exceed => taken.reserve_beyond_limit(len),
            None => return Err(full.into()),
        }
        Ok(())
    }

    async fn finish(self) -> Result<Received, ServiceError> {
        if self.is_repeat {
            return Ok(Received::Repeated(self.writer.hashes().digest));
        }
        let (file, box_file) = self.close().await?;
        Ok(Received::New { file, box_file })
    }

    async fn close(self) -> Result<(Written, Option<BoxFile>), ServiceError> {
        let file = self.writer.close().await.map_err(ServiceError::DiskFull)?;
        if let Some(reservation) = self.reservation {
            file.blob.attach(reservation);
        }
        let box_file = match self.box_file {
            Some(reader) => Some(reader.finish().await),
            None => None,
        };
        Ok((file, box_file))
    }
}

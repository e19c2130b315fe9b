//! Writes files to a bucket: a small one at once, a large one in parts.

use std::ops::Range;
use std::time::Duration;

use bytes::Bytes;
use futures_util::{StreamExt, TryStreamExt, stream};
use object_store::multipart::{MultipartStore, PartId};
use object_store::path::Path;
use object_store::{ObjectStoreExt, PutPayload};

use super::{PATIENCE, S3};
use crate::storage::Blob;
use crate::storage::store::{FileKey, StoreError};

/// The size in bytes of the parts of a file that fits in [`MOST_PARTS`] of them, and of the largest file
/// that is written at once.
const PART: u64 = 8 * 1024 * 1024;

/// The largest number of parts that S3 takes.
const MOST_PARTS: u64 = 10_000;

/// The number of parts that are sent at a time. Each takes its size in memory.
const IN_FLIGHT: usize = 2;

/// The longest wait for the end of a multipart upload: S3 may take minutes for a large file.
const COMPLETION: Duration = Duration::from_secs(300);

/// The lowest speed in bytes per second at which a part is worth waiting for.
const LOWEST_SPEED: u64 = 64 * 1024;

impl S3 {
    pub(in crate::storage::store) async fn begin(
        &self,
        key: &FileKey,
        len: u64,
    ) -> Result<Option<String>, StoreError> {
        if len <= PART {
            return Ok(None);
        }
        let path = self.path(key.as_str());
        let create = self.0.client.create_multipart(&path);
        Ok(Some(self.within(PATIENCE, create).await?))
    }

    pub(in crate::storage::store) async fn write(
        &self,
        key: &FileKey,
        multipart: Option<&str>,
        blob: &Blob,
    ) -> Result<(), StoreError> {
        let path = self.path(key.as_str());
        let Some(id) = multipart else {
            let bytes = self.payload(blob, 0..blob.len()).await?;
            let put = self.0.client.put(&path, bytes);
            return self.within(patience(blob.len()), put).await.map(|_| ());
        };
        let id = id.to_owned();
        let sent = stream::iter(parts(blob.len()).enumerate())
            .map(|(number, part)| self.send(&path, &id, number, blob, part))
            .buffered(IN_FLIGHT);
        let sent = sent.try_collect().await?;
        let complete = self.0.client.complete_multipart(&path, &id, sent);
        self.within(COMPLETION, complete).await.map(|_| ())
    }

    async fn send(
        &self,
        path: &Path,
        id: &String,
        number: usize,
        blob: &Blob,
        part: Range<u64>,
    ) -> Result<PartId, StoreError> {
        let limit = patience(part.end - part.start);
        let bytes = self.payload(blob, part).await?;
        let put = self.0.client.put_part(path, id, number, bytes);
        self.within(limit, put).await
    }

    async fn payload(&self, blob: &Blob, range: Range<u64>) -> Result<PutPayload, StoreError> {
        let chunks = blob.stream(range).try_collect::<Vec<Bytes>>().await;
        let chunks = chunks.map_err(|error| StoreError::Folder {
            place: "the file that was to be stored".to_owned(),
            error,
        })?;
        Ok(chunks.into_iter().collect())
    }
}

/// Returns the parts of a file of this size. All but the last have the same size, as some stores demand.
fn parts(len: u64) -> impl Iterator<Item = Range<u64>> {
    let size = len.div_ceil(MOST_PARTS).max(PART);
    let count = len.div_ceil(size);
    (0..count).map(move |number| number * size..len.min((number + 1) * size))
}

/// Returns the longest wait for a request that sends so many bytes.
fn patience(bytes: u64) -> Duration {
    PATIENCE + Duration::from_secs(bytes / LOWEST_SPEED)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_of_any_size_is_cut_into_as_many_parts_as_s3_takes() {
        for len in [PART + 1, 80 * PART, 90_000 * PART, 1 << 40, (1 << 40) + 1] {
            let parts: Vec<_> = parts(len).collect();
            assert!(parts.len() as u64 <= MOST_PARTS, "{len}");
            let mut end = 0;
            for part in &parts {
                assert_eq!(part.start, end);
                assert!(part.end > part.start && part.end - part.start <= parts[0].end);
                end = part.end;
            }
            assert_eq!(end, len);
            assert!(parts[0].end >= PART);
        }
    }
}

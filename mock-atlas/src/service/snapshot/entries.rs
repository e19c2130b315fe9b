//! Reads the entries of an archive as its bytes come.

use std::error::Error;
use std::io;
use std::mem::take;

use bytes::Bytes;
use futures_util::{Stream, StreamExt};

use super::SnapshotError;
use super::header::{BLOCK, Entry, Kind};
use crate::service::Incoming;
use crate::service::incoming::Part;

/// The largest number of bytes after the end of an archive, which programs pad to a multiple of
/// their block size.
const MOST_OF_PADDING: u64 = 1024 * 1024;

/// The entries of an archive, one after the other.
pub(super) struct Entries<S> {
    incoming: Incoming<S>,
    /// The number of bytes of the last entry that nobody has taken, and of what fills its last block up.
    untaken: u64,
    padding: u64,
}

impl<S, E> Entries<S>
where
    S: Stream<Item = Result<Bytes, E>> + Unpin,
    E: Into<Box<dyn Error + Send + Sync>>,
{
    pub(super) fn new(archive: S) -> Self {
        Self {
            incoming: Incoming::new(archive),
            untaken: 0,
            padding: 0,
        }
    }

    /// Returns the name and the length of the next file; `None` at the end of the archive.
    ///
    /// # Errors
    /// When the archive breaks off, and when the next entry is none that a snapshot has.
    pub(super) async fn next(&mut self) -> Result<Option<(String, u64)>, SnapshotError> {
        while let Some(entry) = self.next_entry().await? {
            match entry.kind {
                Kind::File => return Ok(Some((entry.name, entry.len))),
                Kind::Folder => {}
                Kind::Extension => entry.check_extension(&self.read_all().await?)?,
            }
        }
        Ok(None)
    }

    async fn next_entry(&mut self) -> Result<Option<Entry>, SnapshotError> {
        let unused = take(&mut self.untaken) + take(&mut self.padding);
        if self.incoming.skip(unused).await? < unused {
            return Err(SnapshotError::breaks_off());
        }
        let mut block = [0; BLOCK];
        if self.incoming.fill(&mut block).await? < BLOCK {
            return Err(SnapshotError::breaks_off());
        }
        let entry = Entry::read(&block)?;
        if let Some(entry) = &entry {
            self.untaken = entry.len;
            self.padding = entry.padded_len() - entry.len;
        }
        Ok(entry)
    }

    /// Returns the bytes of the entry that was returned last.
    pub(super) fn bytes(&mut self) -> Part<'_, S> {
        self.incoming.file(take(&mut self.untaken))
    }

    /// Reads the bytes of the entry that was returned last into memory. The caller has checked their number.
    ///
    /// # Errors
    /// When the archive breaks off.
    pub(super) async fn read_all(&mut self) -> io::Result<Vec<u8>> {
        let mut all = Vec::new();
        let mut bytes = self.bytes();
        while let Some(part) = bytes.next().await {
            all.extend_from_slice(&part?);
        }
        Ok(all)
    }

    /// Reads what follows the end of the archive: a transfer that breaks off there is an error as well.
    ///
    /// # Errors
    /// When the transfer breaks off, or more follows than a program would fill up.
    pub(super) async fn end(mut self) -> Result<(), SnapshotError> {
        if self.incoming.skip(MOST_OF_PADDING + 1).await? > MOST_OF_PADDING {
            let error = io::Error::other("more data follows after its end");
            return Err(SnapshotError::Read(error));
        }
        Ok(())
    }
}

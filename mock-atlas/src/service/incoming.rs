//! The body of a request that is taken piece by piece: lines, blocks, and the bytes of files.

use std::error::Error;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::{Bytes, BytesMut};
use futures_util::{Stream, StreamExt};
use serde::de::DeserializeOwned;

use super::ServiceError;

/// The largest size of a description in bytes.
const MOST_OF_LINE: usize = 8 * 1024 * 1024;

/// A body of which a part is taken at a time.
pub(crate) struct Incoming<S> {
    body: S,
    /// The bytes that have come and are not used yet.
    rest: Bytes,
}

impl<S, E> Incoming<S>
where
    S: Stream<Item = Result<Bytes, E>> + Unpin,
    E: Into<Box<dyn Error + Send + Sync>>,
{
    pub(crate) fn new(body: S) -> Self {
        let rest = Bytes::new();
        Self { body, rest }
    }

    /// Returns the description at the beginning.
    ///
    /// # Errors
    /// When it is too long or no JSON of this form, or the body breaks off.
    pub(super) async fn line<T: DeserializeOwned>(&mut self) -> Result<T, ServiceError> {
        let mut line = BytesMut::new();
        loop {
            if let Some(end) = self.rest.iter().position(|byte| *byte == b'\n') {
                line.extend_from_slice(&self.rest.split_to(end));
                // The end of the line belongs to neither.
                let _ = self.rest.split_to(1);
                break;
            }
            line.extend_from_slice(&self.rest);
            if line.len() > MOST_OF_LINE {
                let reason = format!("the description is longer than {MOST_OF_LINE} bytes");
                return Err(ServiceError::Import(reason));
            }
            self.rest = match self.body.next().await {
                Some(part) => part.map_err(|error| ServiceError::BrokenBody {
                    after: line.len() as u64,
                    error: error.into(),
                })?,
                None if !line.is_empty() => break,
                None => {
                    let reason = "the body has no line with a description".to_owned();
                    return Err(ServiceError::Import(reason));
                }
            };
        }
        serde_json::from_slice(&line)
            .map_err(|error| ServiceError::Import(format!("the description: {error}")))
    }

    /// Fills a buffer, and returns the number of bytes: fewer than the buffer has only at the end of the body.
    ///
    /// # Errors
    /// When the body breaks off.
    pub(super) async fn fill(&mut self, mut buffer: &mut [u8]) -> io::Result<usize> {
        let wanted = buffer.len();
        while !buffer.is_empty() && self.has_more().await? {
            let len = self.rest.len().min(buffer.len());
            let (now, later) = buffer.split_at_mut(len);
            now.copy_from_slice(&self.rest.split_to(len));
            buffer = later;
        }
        Ok(wanted - buffer.len())
    }

    /// Takes bytes that nobody needs, and returns their number: fewer than `len` only at the end of the body.
    ///
    /// # Errors
    /// When the body breaks off.
    pub(super) async fn skip(&mut self, len: u64) -> io::Result<u64> {
        let mut left = len;
        while left > 0 && self.has_more().await? {
            let now = self
                .rest
                .len()
                .min(usize::try_from(left).unwrap_or(usize::MAX));
            self.rest = self.rest.split_off(now);
            left -= now as u64;
        }
        Ok(len - left)
    }

    /// Waits for bytes that were not taken yet. Returns whether there are any.
    async fn has_more(&mut self) -> io::Result<bool> {
        while self.rest.is_empty() {
            match self.body.next().await {
                Some(part) => self.rest = part.map_err(io::Error::other)?,
                None => return Ok(false),
            }
        }
        Ok(true)
    }

    /// Returns the bytes of the next file.
    pub(super) fn file(&mut self, len: u64) -> Part<'_, S> {
        Part {
            incoming: self,
            left: len,
        }
    }
}

/// The bytes of one file of a body.
pub(super) struct Part<'a, S> {
    incoming: &'a mut Incoming<S>,
    left: u64,
}

impl<S, E> Stream for Part<'_, S>
where
    S: Stream<Item = Result<Bytes, E>> + Unpin,
    E: Into<Box<dyn Error + Send + Sync>>,
{
    type Item = io::Result<Bytes>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        if self.left == 0 {
            return Poll::Ready(None);
        }
        if self.incoming.rest.is_empty() {
            self.incoming.rest = match ready!(self.incoming.body.poll_next_unpin(context)) {
                Some(Ok(part)) => part,
                Some(Err(error)) => return Poll::Ready(Some(Err(io::Error::other(error)))),
                None => {
                    let reason = format!("{} bytes of the file are missing", self.left);
                    let error = io::Error::new(io::ErrorKind::UnexpectedEof, reason);
                    return Poll::Ready(Some(Err(error)));
                }
            };
        }
        let left = usize::try_from(self.left).unwrap_or(usize::MAX);
        let len = self.incoming.rest.len().min(left);
        self.left -= len as u64;
        Poll::Ready(Some(Ok(self.incoming.rest.split_to(len))))
    }
}

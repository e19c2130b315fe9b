//! Reads the body of a reply to its end, within a bound of bytes.

use bytes::{Bytes, BytesMut};
use reqwest::Response;

/// The longest JSON that is read, in bytes: a search that finds some hundred thousand versions.
pub(super) const MAX_JSON: usize = 64 * 1024 * 1024;

/// The longest body of an error that is read, in bytes. Nobody would read more of the server's words.
pub(super) const MAX_ERROR: usize = 64 * 1024;

/// Why a body was not read to its end.
#[derive(Debug)]
pub(super) enum Unread {
    /// It is longer than it may be.
    TooLong,
    /// The connection broke, or stood still for too long.
    Broken(reqwest::Error),
}

/// Reads a body of at most `limit` bytes. How long that may take is the caller's to say.
///
/// # Errors
/// [`Unread::TooLong`] as soon as more than `limit` bytes have come, or are announced.
pub(super) async fn read(mut response: Response, limit: usize) -> Result<Bytes, Unread> {
    if response.content_length() > Some(limit as u64) {
        return Err(Unread::TooLong);
    }
    let mut body = BytesMut::new();
    while let Some(chunk) = response.chunk().await.map_err(Unread::Broken)? {
        if body.len() + chunk.len() > limit {
            return Err(Unread::TooLong);
        }
        body.extend_from_slice(&chunk);
    }
    Ok(body.freeze())
}

//! Reads the body of a reply to its end, within a bound of bytes and of time.

use std::time::Duration;

use bytes::{Bytes, BytesMut};
use reqwest::Response;

use super::failure::{network, within};
use super::pool::Pool;
use crate::base::error::{Cause, RequestLine, server_messages};

/// The longest JSON that is read, in bytes: a search that finds some hundred thousand versions.
const MAX_JSON: usize = 64 * 1024 * 1024;

/// The longest body of an error that is read, in bytes. Nobody would read more of the server's words.
const MAX_ERROR: usize = 64 * 1024;

const BYTE_ORDER_MARK: &[u8] = "\u{feff}".as_bytes();

/// The reason why a body was not read to its end.
enum Unread {
    /// It is longer than it may be.
    TooLong,
    /// The connection broke, or stood still for too long.
    Broken(reqwest::Error),
}

/// The whole of a reply of JSON.
///
/// # Errors
/// [`Cause::Reply`] for one that is longer than 64 MiB, [`Cause::Network`] for one that breaks off or
/// does not come in time.
pub(crate) async fn whole(
    request: &RequestLine,
    response: Response,
    time: Duration,
    pool: &Pool,
) -> Result<Bytes, Cause> {
    let url = response.url().clone();
    let body = within(time, request, async {
        read(response, MAX_JSON)
            .await
            .map_err(|unread| match unread {
                Unread::Broken(error) => network(request.clone(), error, pool.redactor()),
                Unread::TooLong => Cause::Reply {
                    request: request.clone(),
                    detail: format!("the reply is longer than {MAX_JSON} bytes"),
                },
            })
    })
    .await;
    body.map_err(|cause| pool.with_proxy(&url, cause))
}

/// Returns the words of a refusal, and the proxy that it may be of. The status is the failure: a body that breaks
/// off, stands still or does not end only takes them away.
pub(crate) async fn messages(response: Response, time: Duration, pool: &Pool) -> Vec<String> {
    let refuser = pool.refusing_proxy(&response);
    let body = tokio::time::timeout(time, read(response, MAX_ERROR)).await;
    let messages = match body {
        Ok(Ok(body)) => server_messages(&body),
        _ => Vec::new(),
    };
    let messages = messages.iter().map(|text| pool.redactor().redact(text));
    messages.chain(refuser).collect()
}

/// Returns whether a body, or its beginning, is that of a page for people: neither JSON nor an archive begins
/// like that.
pub(crate) fn is_markup(body: &[u8]) -> bool {
    let body = body.strip_prefix(BYTE_ORDER_MARK).unwrap_or(body);
    body.trim_ascii_start().starts_with(b"<")
}

/// Reads a body of at most `limit` bytes.
///
/// # Errors
/// [`Unread::TooLong`] as soon as more than `limit` bytes have come, or are announced.
async fn read(mut response: Response, limit: usize) -> Result<Bytes, Unread> {
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

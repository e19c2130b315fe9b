//! Reads the body of a reply to its end, within limits of size and time.

use std::time::Duration;

use bytes::{Bytes, BytesMut};
use reqwest::Response;

use super::failure::{network, with_timeout};
use super::pool::Pool;
use crate::base::error::{Cause, RequestLine, server_messages};

/// The size limit of a JSON body, in bytes: enough for a search that finds some hundred thousand versions.
const MAX_JSON: usize = 64 * 1024 * 1024;

/// The size limit of the body of an error, in bytes.
const MAX_ERROR: usize = 64 * 1024;

const BYTE_ORDER_MARK: &[u8] = "\u{feff}".as_bytes();

/// The reason why a body was not read to its end.
enum Unread {
    /// The body exceeds the limit.
    TooLong,
    /// The connection broke.
    Broken(reqwest::Error),
}

/// Returns the body of a JSON reply.
///
/// # Errors
/// [`Cause::Reply`] for a body of more than 64 MiB, [`Cause::Network`] for one that breaks off or does not
/// come in time.
pub(crate) async fn read_json(
    request: &RequestLine,
    response: Response,
    time: Duration,
    pool: &Pool,
) -> Result<Bytes, Cause> {
    let url = response.url().clone();
    let body = with_timeout(time, request, async {
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

/// Returns the messages of a refusal, and the name of the proxy that may have sent it. The status alone is
/// the failure: if the body breaks off, stalls or does not end, the result has no messages of the server.
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

/// Returns whether a body, or its beginning, is that of an HTML page: neither JSON nor an archive begins with
/// `<`.
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

//! Carries out what all writes have in common: a write follows no redirect, and a success must mean that the bytes
//! are stored.

use std::sync::Arc;
use std::time::Duration;

use reqwest::header::CONTENT_LENGTH;
use reqwest::{Method, Response};
use url::Url;

use super::body::{UploadSource, body};
use super::failure::stalled;
use super::headers::{is_page, retry_after};
use super::pool::Pool;
use super::redirect::{location, moved};
use super::reply;
use super::request_line::{secret_line, shown};
use crate::base::error::{Cause, RequestLine};
use crate::base::reporter::Reporter;

/// The time limits of an upload. The upload as a whole has none, since it may take hours.
#[derive(Clone, Copy)]
pub(crate) struct UploadLimits {
    /// The longest time in which the connection takes no bytes, and no reply comes.
    pub(crate) stall: Duration,
    /// The longest wait for the body of a refusal.
    pub(crate) reply: Duration,
}

/// Uploads the bytes of a source to a URL that authorises by itself, in one attempt without a token. `root` is the
/// address of the server that gave the URL.
///
/// # Errors
/// [`Cause::Unconfirmed`] for a success that cannot mean that the bytes are stored.
pub(crate) async fn upload(
    pool: &Pool,
    root: &Url,
    url: &Url,
    source: &impl UploadSource,
    limits: UploadLimits,
    reporter: &Arc<dyn Reporter>,
) -> Result<(), Cause> {
    let (body, taken) = body(source, reporter);
    let request = pool
        .request(Method::PUT, url)
        .header(CONTENT_LENGTH, source.len())
        .body(body);
    let line = secret_line("PUT", url);
    let timeout = async {
        taken.stalled(limits.stall).await;
        stalled(&line, limits.stall)
    };
    let response = pool.send(&line, request, timeout).await?;
    let response = success(pool, root, line.clone(), response, limits.reply).await?;
    confirmed(line, &response, taken.bytes(), source.len())
}

/// Returns a reply that is a success. `limit` bounds the wait for the messages of a refusal.
///
/// # Errors
/// [`Cause::Redirected`] for a redirected write; else [`Cause::Status`].
pub(crate) async fn success(
    pool: &Pool,
    root: &Url,
    request: RequestLine,
    response: Response,
    limit: Duration,
) -> Result<Response, Cause> {
    let status = response.status();
    if status.is_success() {
        return Ok(response);
    }
    let is_write = request.method != "GET";
    if let Some(location) = location(response.url(), &response).filter(|_| is_write) {
        // An upload is sent without a token, and its line does not show the path.
        let is_call = request.url == shown(response.url());
        let address = is_call.then(|| moved(root, response.url(), &location));
        let location = pool
            .redactor()
            .redact(&destination(pool, &request, is_call, &location));
        let status = status.as_u16();
        return Err(Cause::Redirected {
            request,
            status,
            location,
            address: address.flatten(),
        });
    }
    let retry_after = retry_after(response.headers());
    let messages = reply::messages(response, limit, pool).await;
    Err(Cause::Status {
        request,
        status: status.as_u16(),
        messages,
        retry_after,
    })
}

/// Returns the target of a redirected write as it may be shown: the URL of an upload authorises by itself at another
/// address as well.
fn destination(pool: &Pool, request: &RequestLine, is_call: bool, location: &Url) -> String {
    if is_call {
        return shown(location);
    }
    pool.redactor().add_url(location, "");
    secret_line(request.method, location).url
}

/// Checks that a success can mean that the bytes are stored. A reply that comes before all bytes were taken
/// cannot confirm the rest, and one with an HTML page is that of a gateway.
///
/// # Errors
/// Returns [`Cause::Unconfirmed`] otherwise.
fn confirmed(
    request: RequestLine,
    response: &Response,
    taken: u64,
    total: u64,
) -> Result<(), Cause> {
    let status = response.status();
    let detail = if taken < total {
        format!("the server answered {status} after taking {taken} of {total} bytes")
    } else if is_page(response) {
        format!("the server answered {status} with an HTML page, as gateways do")
    } else {
        return Ok(());
    };
    Err(Cause::Unconfirmed { request, detail })
}

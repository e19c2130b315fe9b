//! One attempt at one request: sending, redirects, and the meaning of a status.

use std::error::Error as _;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use bytes::Bytes;
use reqwest::header::{
    CONTENT_LENGTH, CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue, LOCATION, RETRY_AFTER,
};
use reqwest::{RequestBuilder, Response, StatusCode};
use serde::Serialize;
use url::{Origin, Url};

use super::ClientOptions;
use super::body::{LocalRead, body};
use super::reply;
use crate::error::{Cause, Reach, RequestLine};
use crate::pack::Payload;
use crate::reporter::Reporter;
use crate::secret::Redactor;

pub(crate) const USER_AGENT: &str = concat!("atlas-upload/", env!("CARGO_PKG_VERSION"));
const TOKEN_HEADER: HeaderName = HeaderName::from_static("x-atlas-token");
const CONNECT_TIMEOUT: Duration = Duration::from_secs(30);
/// How rustls words it; its error type is not part of reqwest's interface.
const UNTRUSTED: &str = "invalid peer certificate";
pub(crate) const MAX_REDIRECTS: usize = 10;

#[derive(Clone)]
pub(super) struct Transport {
    http: reqwest::Client,
    origin: Origin,
    token: Option<HeaderValue>,
    api_timeout: Duration,
    stall_timeout: Duration,
    redactor: Redactor,
}

impl Transport {
    pub(super) fn new(options: &ClientOptions) -> Result<Self, Cause> {
        // Before the time of a call is up: a server that was not reached has done nothing.
        let connect_timeout = CONNECT_TIMEOUT.min(options.api_timeout / 2);
        let builder = || {
            // By hand, because reqwest would take the token along to any other host.
            let no_redirects = reqwest::redirect::Policy::none();
            reqwest::Client::builder()
                .user_agent(USER_AGENT)
                .connect_timeout(connect_timeout)
                .redirect(no_redirects)
        };
        Ok(Self {
            http: options.trust.build(builder)?,
            origin: options.url.origin(),
            token: options
                .token
                .as_ref()
                .map(|token| header(token.expose()))
                .transpose()?,
            api_timeout: options.api_timeout,
            stall_timeout: options.stall_timeout,
            redactor: options.redactor.clone(),
        })
    }

    /// The whole reply of a small call.
    pub(super) async fn get_body(&self, url: &Url) -> Result<Bytes, Cause> {
        let response = self.get(url, &HeaderMap::new()).await?;
        self.body_of(request_line("GET", url), response).await
    }

    /// The first reply that is no redirect, its body not yet read. The headers go along to every
    /// other place.
    pub(super) async fn get(&self, url: &Url, headers: &HeaderMap) -> Result<Response, Cause> {
        let mut url = url.clone();
        let mut line = request_line("GET", &url);
        let mut at_home = true;
        for _ in 0..=MAX_REDIRECTS {
            // Once it has left, the token stays behind, even when the way leads back.
            at_home &= url.origin() == self.origin;
            let request = self.get_request(&url, at_home).headers(headers.clone());
            let response = self.answer(line.clone(), request).await?;
            let Some(next) = next_stop(&url, &response) else {
                return self.success(line, response).await;
            };
            // Another place on the way to a file is often one that authorises by itself.
            if next.path() != url.path() || next.query().is_some() {
                self.redactor.add_url(&next);
                line = secret_line("GET", &next);
            }
            url = next;
        }
        Err(Cause::Reply {
            request: line,
            detail: format!("more than {MAX_REDIRECTS} redirects"),
        })
    }

    /// The next bytes of a download; `None` at its end.
    pub(super) async fn chunk(
        &self,
        line: &RequestLine,
        response: &mut Response,
    ) -> Result<Option<Bytes>, Cause> {
        match tokio::time::timeout(self.api_timeout, response.chunk()).await {
            Ok(chunk) => chunk.map_err(|error| network(line.clone(), error, &self.redactor)),
            Err(_) => Err(stood_still(line, self.api_timeout)),
        }
    }

    pub(super) async fn post(&self, url: &Url, body: &impl Serialize) -> Result<Bytes, Cause> {
        let json = serde_json::to_vec(body).map_err(|error| Cause::Internal(error.to_string()))?;
        let request = self
            .http
            .post(url.clone())
            .headers(self.token_header())
            .header(CONTENT_TYPE, "application/json")
            .body(json);
        let line = request_line("POST", url);
        let response = self.answer(line.clone(), request).await?;
        let response = self.success(line.clone(), response).await?;
        self.body_of(line, response).await
    }

    pub(super) async fn put(
        &self,
        url: &Url,
        payload: &Payload,
        reporter: &Arc<dyn Reporter>,
    ) -> Result<(), Cause> {
        let (body, taken) = body(payload, reporter);
        let request = self
            .http
            .put(url.clone())
            .header(CONTENT_LENGTH, payload.len())
            .body(body);
        let line = secret_line("PUT", url);
        // No limit for the whole, which may take hours; but somebody must be there.
        let response = tokio::select! {
            response = self.send(line.clone(), request) => response?,
            () = taken.stalled(self.stall_timeout) => {
                return Err(stood_still(&line, self.stall_timeout));
            }
        };
        let response = self.success(line.clone(), response).await?;
        confirmed(line, &response, taken.bytes(), payload.len())
    }

    fn get_request(&self, url: &Url, token: bool) -> RequestBuilder {
        let request = self.http.get(url.clone());
        if token {
            request.headers(self.token_header())
        } else {
            request
        }
    }

    fn token_header(&self) -> HeaderMap {
        let token = self.token.iter().cloned();
        token.map(|token| (TOKEN_HEADER, token)).collect()
    }

    /// The head of a reply, for which nobody waits longer than for a call.
    async fn answer(&self, line: RequestLine, request: RequestBuilder) -> Result<Response, Cause> {
        within(self.api_timeout, &line, self.send(line.clone(), request)).await
    }

    async fn send(&self, line: RequestLine, request: RequestBuilder) -> Result<Response, Cause> {
        tracing::debug!(request = %line, "sending");
        let result = request.send().await;
        let response = result.map_err(|error| network(line.clone(), error, &self.redactor))?;
        tracing::debug!(request = %line, status = response.status().as_u16(), "answered");
        Ok(response)
    }

    async fn success(&self, request: RequestLine, response: Response) -> Result<Response, Cause> {
        let status = response.status();
        if status.is_success() {
            return Ok(response);
        }
        let written = request.method != "GET";
        if let Some(location) = location(response.url(), &response).filter(|_| written) {
            let location = self.redactor.redact(&self.destination(&request, &location));
            let status = status.as_u16();
            return Err(Cause::Redirected {
                request,
                status,
                location,
            });
        }
        let retry_after = retry_after(response.headers());
        let messages = reply::words(response, self.api_timeout, &self.redactor).await;
        Err(Cause::Status {
            request,
            status: status.as_u16(),
            messages,
            retry_after,
        })
    }

    /// Where a write is pointed to, as it may be shown: the way of an upload authorises by itself
    /// there as well.
    fn destination(&self, request: &RequestLine, location: &Url) -> String {
        if request.method == "PUT" {
            self.redactor.add_url(location);
            return secret_line(request.method, location).url;
        }
        shown(location)
    }

    async fn body_of(&self, request: RequestLine, response: Response) -> Result<Bytes, Cause> {
        reply::whole(&request, response, self.api_timeout, &self.redactor).await
    }
}

/// Ends a call that is not answered in time.
pub(crate) async fn within<T>(
    limit: Duration,
    line: &RequestLine,
    call: impl Future<Output = Result<T, Cause>>,
) -> Result<T, Cause> {
    let answered = tokio::time::timeout(limit, call).await;
    let late = || unanswered(line, format!("no answer within {limit:?}"));
    answered.unwrap_or_else(|_| Err(late()))
}

pub(crate) fn stood_still(line: &RequestLine, limit: Duration) -> Cause {
    unanswered(line, format!("nothing moved for {limit:?}"))
}

fn unanswered(line: &RequestLine, detail: String) -> Cause {
    Cause::Network {
        request: line.clone(),
        reach: Reach::Unanswered,
        detail,
    }
}

/// Whether a success can mean that the bytes are stored: one that comes before all of them were taken
/// knows nothing of the rest, and one with a page for people is that of a gateway in between.
///
/// # Errors
/// [`Cause::Unconfirmed`].
fn confirmed(
    request: RequestLine,
    response: &Response,
    taken: u64,
    total: u64,
) -> Result<(), Cause> {
    let status = response.status();
    let detail = if taken < total {
        format!("{status} came when {taken} of {total} bytes were taken")
    } else if is_page(response) {
        format!("{status} came with a page in HTML, as gateways send it")
    } else {
        return Ok(());
    };
    Err(Cause::Unconfirmed { request, detail })
}

pub(crate) fn is_page(response: &Response) -> bool {
    let kind = response.headers().get(CONTENT_TYPE);
    let kind = kind.and_then(|kind| kind.to_str().ok()).unwrap_or_default();
    let kind = kind.split(';').next().unwrap_or_default().trim();
    let html = ["text/html", "application/xhtml+xml"]
        .iter()
        .any(|html| kind.eq_ignore_ascii_case(html));
    // Some frameworks name that type for replies without a body, too.
    html && response.content_length() != Some(0)
}

/// What was asked, as it may be shown.
pub(crate) fn request_line(method: &'static str, url: &Url) -> RequestLine {
    let url = shown(url);
    RequestLine { method, url }
}

/// The same for a URL that authorises by itself, such as an upload's.
pub(crate) fn secret_line(method: &'static str, url: &Url) -> RequestLine {
    RequestLine {
        method,
        url: format!("{}/…", url.origin().ascii_serialization()),
    }
}

/// A request that got no answer, or half of one.
pub(crate) fn network(request: RequestLine, error: reqwest::Error, redactor: &Redactor) -> Cause {
    let error = error.without_url();
    if let Some(LocalRead(local)) = find_local(&error) {
        return Cause::Unpackable(format!("the file could not be read to its end: {local}"));
    }
    let detail = redactor.redact(&chain(&error));
    if error.is_builder() {
        Cause::Internal(detail)
    } else if detail.contains(UNTRUSTED) {
        Cause::Untrusted { request, detail }
    } else {
        let reach = reach(&error);
        Cause::Network {
            request,
            reach,
            detail,
        }
    }
}

fn reach(error: &reqwest::Error) -> Reach {
    // First, because a connection that took too long to be made is both.
    if error.is_connect() {
        Reach::Nowhere
    } else if error.is_timeout() {
        Reach::Unanswered
    } else {
        Reach::Broken
    }
}

/// Seconds, or a date in HTTP's form.
pub(crate) fn retry_after(headers: &HeaderMap) -> Option<Duration> {
    let text = headers.get(RETRY_AFTER)?.to_str().ok()?.trim();
    if let Ok(seconds) = text.parse() {
        return Some(Duration::from_secs(seconds));
    }
    let date = httpdate::parse_http_date(text).ok()?;
    // One that has passed asks for no wait.
    Some(date.duration_since(SystemTime::now()).unwrap_or_default())
}

fn header(token: &str) -> Result<HeaderValue, Cause> {
    let mut value = HeaderValue::from_str(token)
        .map_err(|_| Cause::Usage(crate::secret::InvalidToken.to_string()))?;
    value.set_sensitive(true);
    Ok(value)
}

pub(crate) fn next_stop(url: &Url, response: &Response) -> Option<Url> {
    let follows = matches!(
        response.status(),
        StatusCode::MOVED_PERMANENTLY
            | StatusCode::FOUND
            | StatusCode::SEE_OTHER
            | StatusCode::TEMPORARY_REDIRECT
            | StatusCode::PERMANENT_REDIRECT
    );
    follows.then(|| location(url, response)).flatten()
}

fn location(url: &Url, response: &Response) -> Option<Url> {
    if !response.status().is_redirection() {
        return None;
    }
    let next = response.headers().get(LOCATION)?.to_str().ok()?;
    url.join(next).ok()
}

fn shown(url: &Url) -> String {
    format!("{}{}", url.origin().ascii_serialization(), url.path())
}

fn find_local(error: &reqwest::Error) -> Option<&LocalRead> {
    let mut source = error.source();
    while let Some(reason) = source {
        if let Some(local) = reason.downcast_ref::<LocalRead>() {
            return Some(local);
        }
        source = reason.source();
    }
    None
}

/// An error with its reasons, less those that only repeat the one before.
pub(crate) fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(reason) = source {
        let words = reason.to_string();
        if !text.ends_with(&words) {
            text = format!("{text}: {words}");
        }
        source = reason.source();
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn asked(value: &str) -> Option<Duration> {
        let value = HeaderValue::from_str(value).unwrap();
        retry_after(&HeaderMap::from_iter([(RETRY_AFTER, value)]))
    }

    #[test]
    fn a_server_may_ask_for_a_wait_in_seconds_or_until_a_date() {
        assert_eq!(asked("120"), Some(Duration::from_secs(120)));
        let later = SystemTime::now() + Duration::from_secs(1000);
        let wait = asked(&httpdate::fmt_http_date(later)).unwrap();
        assert!((900..=1000).contains(&wait.as_secs()), "{wait:?}");
    }

    #[test]
    fn a_date_that_has_passed_asks_for_no_wait_and_nonsense_for_nothing() {
        assert_eq!(asked("Sun, 06 Nov 1994 08:49:37 GMT"), Some(Duration::ZERO));
        for nonsense in ["", "soon", "-1", "1.5"] {
            assert_eq!(asked(nonsense), None, "{nonsense}");
        }
    }
}

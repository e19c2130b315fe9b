//! One attempt at one request: sending, redirects, and the meaning of a status.

use std::error::Error as _;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use bytes::Bytes;
use reqwest::header::{
    CONTENT_LENGTH, CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue, RETRY_AFTER,
};
use reqwest::{Method, RequestBuilder, Response};
use serde::Serialize;
use url::{Origin, Url};

use super::body::{LocalRead, UploadSource, body};
use super::pool::Pool;
use super::redirect::{End, RedirectChain, location, moved};
use super::reply;
use crate::api::client::ClientOptions;
use crate::base::error::{Cause, Reach, RequestLine};
use crate::base::reporter::Reporter;
use crate::base::secret::Redactor;

const TOKEN_HEADER: HeaderName = HeaderName::from_static("x-atlas-token");
const CONNECT_TIMEOUT: Duration = Duration::from_secs(30);
/// How rustls words it; its error type is not part of reqwest's interface.
const UNTRUSTED: &str = "invalid peer certificate";
/// hyper words a proxy's refusal of a user and a password like this: the first over http, the others over
/// SOCKS.
const PASSWORD_REFUSED: [&str; 3] = [
    "proxy authorization required",
    "credentials not accepted",
    "does not support user/pass authentication",
];

/// The reply holds a file, or a part of one.
pub(in crate::api) struct FileReply {
    pub(in crate::api) response: Response,
    /// It has so many bytes.
    pub(in crate::api) length: Option<u64>,
    /// These bytes come first; they are there if they had to be looked at.
    pub(in crate::api) first: Option<Bytes>,
}

#[derive(Clone)]
pub(in crate::api) struct Transport {
    pool: Pool,
    /// The Atlas has this address, without the path of the API.
    home: Url,
    token: Option<HeaderValue>,
    api_timeout: Duration,
    stall_timeout: Duration,
    redactor: Redactor,
}

impl Transport {
    pub(in crate::api) fn new(options: &ClientOptions) -> Result<Self, Cause> {
        // Before the time of a call is up: a server that was not reached has done nothing.
        let connect_timeout = CONNECT_TIMEOUT.min(options.api_timeout / 2);
        let redactor = options.redactor.clone();
        Ok(Self {
            pool: Pool::new(&options.trust, connect_timeout, redactor.clone())?,
            home: options.url.root(),
            token: options
                .token
                .as_ref()
                .map(|token| header(token.expose()))
                .transpose()?,
            api_timeout: options.api_timeout,
            stall_timeout: options.stall_timeout,
            redactor,
        })
    }

    /// The whole reply of a small call.
    ///
    /// # Errors
    /// [`Cause::Page`] also when a redirect leads to a page for people.
    pub(in crate::api) async fn get_body(&self, url: &Url) -> Result<Bytes, Cause> {
        let (response, chain) = self.follow(url, &HeaderMap::new()).await?;
        let line = chain.line.clone();
        let to = chain.redirected_to().map(str::to_owned);
        let response = self.arrived(response, chain, true).await?;
        let body = self.body_of(line, response).await?;
        if to.is_some() && reply::is_markup(&body) {
            let request = request_line("GET", url);
            return Err(Cause::Page { request, to });
        }
        Ok(body)
    }

    /// Returns the reply with a file. The headers are sent to every other place as well.
    ///
    /// # Errors
    /// [`Cause::Page`] when a redirect leads to a page for people.
    pub(in crate::api) async fn get_file(
        &self,
        url: &Url,
        headers: &HeaderMap,
    ) -> Result<FileReply, Cause> {
        let (response, chain) = self.follow(url, headers).await?;
        let to = chain.redirected_to().map(str::to_owned);
        let mut response = self.arrived(response, chain, false).await?;
        let length = response.content_length();
        let mut first = None;
        // Some stores name that type for whatever they have.
        if to.is_some() && is_page(&response) {
            let request = request_line("GET", url);
            first = self.chunk(&request, &mut response).await?;
            if first.as_deref().is_some_and(reply::is_markup) {
                return Err(Cause::Page { request, to });
            }
        }
        Ok(FileReply {
            response,
            length,
            first,
        })
    }

    /// Returns the first reply that is no redirect, its body not yet read.
    async fn follow(
        &self,
        url: &Url,
        headers: &HeaderMap,
    ) -> Result<(Response, RedirectChain), Cause> {
        let mut chain = RedirectChain::new(&self.home, url, request_line("GET", url));
        // Another place on the way to a file is often one that authorises by itself.
        let is_secret = |chain: &RedirectChain, next: &Url| !chain.is_the_same(next);
        loop {
            let request = self
                .get_request(&chain.url, chain.at_home)
                .headers(headers.clone());
            let response = self.answer(&chain.line, request).await?;
            if !chain.goes_on(&response, is_secret, &self.redactor)? {
                return Ok((response, chain));
            }
        }
    }

    /// Returns the reply at the end of the redirects, if it is a success.
    async fn arrived(
        &self,
        response: Response,
        chain: RedirectChain,
        is_call: bool,
    ) -> Result<Response, Cause> {
        let end = End {
            is_call,
            is_page: is_page(&response),
            has_token: self.token.is_some(),
        };
        let success = self.success(chain.line.clone(), response).await;
        success.map_err(|cause| chain.explain(cause, end))
    }

    /// The next bytes of a download; `None` at its end.
    pub(in crate::api) async fn chunk(
        &self,
        line: &RequestLine,
        response: &mut Response,
    ) -> Result<Option<Bytes>, Cause> {
        self.pool.chunk(line, response, self.api_timeout).await
    }

    pub(in crate::api) async fn post(
        &self,
        url: &Url,
        body: &impl Serialize,
    ) -> Result<Bytes, Cause> {
        let json = serde_json::to_vec(body).map_err(|error| Cause::Internal(error.to_string()))?;
        let request = self
            .pool
            .request(Method::POST, url)
            .headers(self.token_header())
            .header(CONTENT_TYPE, "application/json")
            .body(json);
        let line = request_line("POST", url);
        let response = self.answer(&line, request).await?;
        let response = self.success(line.clone(), response).await?;
        self.body_of(line, response).await
    }

    pub(in crate::api) async fn put(
        &self,
        url: &Url,
        source: &impl UploadSource,
        reporter: &Arc<dyn Reporter>,
    ) -> Result<(), Cause> {
        let (body, taken) = body(source, reporter);
        let request = self
            .pool
            .request(Method::PUT, url)
            .header(CONTENT_LENGTH, source.len())
            .body(body);
        let line = secret_line("PUT", url);
        // No limit for the whole, which may take hours; but somebody must be there.
        let late = async {
            taken.stalled(self.stall_timeout).await;
            stood_still(&line, self.stall_timeout)
        };
        let response = self.pool.send(&line, request, late).await?;
        let response = self.success(line.clone(), response).await?;
        confirmed(line, &response, taken.bytes(), source.len())
    }

    fn get_request(&self, url: &Url, token: bool) -> RequestBuilder {
        let request = self.pool.request(Method::GET, url);
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
    async fn answer(&self, line: &RequestLine, request: RequestBuilder) -> Result<Response, Cause> {
        self.pool.answer(line, request, self.api_timeout).await
    }

    async fn success(&self, request: RequestLine, response: Response) -> Result<Response, Cause> {
        let status = response.status();
        if status.is_success() {
            return Ok(response);
        }
        let written = request.method != "GET";
        if let Some(location) = location(response.url(), &response).filter(|_| written) {
            // No token goes to the store of an upload.
            let is_call = request.method != "PUT";
            let address = is_call.then(|| moved(&self.home, response.url(), &location));
            let location = self.redactor.redact(&self.destination(&request, &location));
            let status = status.as_u16();
            return Err(Cause::Redirected {
                request,
                status,
                location,
                address: address.flatten(),
            });
        }
        let retry_after = retry_after(response.headers());
        let messages = reply::words(response, self.api_timeout, &self.pool).await;
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
            self.redactor.add_url(location, "");
            return secret_line(request.method, location).url;
        }
        shown(location)
    }

    async fn body_of(&self, request: RequestLine, response: Response) -> Result<Bytes, Cause> {
        reply::whole(&request, response, self.api_timeout, &self.pool).await
    }
}

/// Ends a call that is not answered in time.
pub(crate) async fn within<T>(
    limit: Duration,
    line: &RequestLine,
    call: impl Future<Output = Result<T, Cause>>,
) -> Result<T, Cause> {
    tokio::select! {
        answered = call => answered,
        cause = late(limit, line) => Err(cause),
    }
}

/// Returns the cause of a call that is not answered, once the time is up.
pub(crate) async fn late(limit: Duration, line: &RequestLine) -> Cause {
    tokio::time::sleep(limit).await;
    unanswered(line, format!("no answer within {limit:?}"))
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
        url: format!("{}/…", origin(url)),
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
    } else if PASSWORD_REFUSED.iter().any(|words| detail.contains(words)) {
        Cause::ProxyRefused { request, detail }
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
        .map_err(|_| Cause::Usage(crate::base::secret::InvalidToken.to_string()))?;
    value.set_sensitive(true);
    Ok(value)
}

fn shown(url: &Url) -> String {
    format!("{}{}", origin(url), url.path())
}

/// Returns the beginning of an address, without user and password; also of one that is no web address.
pub(crate) fn origin(url: &Url) -> String {
    match (url.origin(), url.host_str()) {
        (origin @ Origin::Tuple(..), _) => origin.ascii_serialization(),
        (Origin::Opaque(_), host) => format!("{}://{}", url.scheme(), host.unwrap_or_default()),
    }
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

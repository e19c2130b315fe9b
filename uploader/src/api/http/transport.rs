//! Makes one attempt at one request: it sends the request, follows redirects, and interprets the status.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use reqwest::header::{CONTENT_LENGTH, CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue};
use reqwest::{Method, RequestBuilder, Response};
use serde::Serialize;
use url::Url;

use super::body::{UploadSource, body};
use super::failure::stalled;
use super::headers::{is_page, retry_after};
use super::pool::Pool;
use super::redirect::{End, RedirectChain, location, moved};
use super::reply;
use super::request_line::{request_line, secret_line, shown};
use crate::api::options::ClientOptions;
use crate::base::error::{Cause, RequestLine};
use crate::base::reporter::Reporter;
use crate::base::secret::Redactor;

const TOKEN_HEADER: HeaderName = HeaderName::from_static("x-atlas-token");
const CONNECT_TIMEOUT: Duration = Duration::from_secs(30);

/// A reply with a file, or a part of one.
pub(in crate::api) struct FileReply {
    pub(in crate::api) response: Response,
    /// The announced length of the body, in bytes.
    pub(in crate::api) length: Option<u64>,
    /// The first bytes of the body, if they had to be read to detect a page.
    pub(in crate::api) first: Option<Bytes>,
}

#[derive(Clone)]
pub(in crate::api) struct Transport {
    pool: Pool,
    /// The address of the Atlas, without the path of the API.
    root: Url,
    token: Option<HeaderValue>,
    api_timeout: Duration,
    stall_timeout: Duration,
    redactor: Redactor,
}

impl Transport {
    pub(in crate::api) fn new(options: &ClientOptions) -> Result<Self, Cause> {
        // The limit for connecting is shorter than that for a call, so that a server that was not reached is
        // reported as such: it has done nothing.
        let connect_timeout = CONNECT_TIMEOUT.min(options.api_timeout / 2);
        let redactor = options.redactor.clone();
        Ok(Self {
            pool: Pool::new(&options.trust, connect_timeout, redactor.clone())?,
            root: options.url.root(),
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

    /// Sends a GET to the API, and returns the body of the reply.
    ///
    /// # Errors
    /// [`Cause::Page`] if a redirect leads to an HTML page.
    pub(in crate::api) async fn get_body(&self, url: &Url) -> Result<Bytes, Cause> {
        let (response, chain) = self.follow(url, &HeaderMap::new()).await?;
        let line = chain.line.clone();
        let to = chain.redirected_to().map(str::to_owned);
        let response = self.final_reply(response, chain, true).await?;
        let body = self.body_of(line, response).await?;
        if to.is_some() && reply::is_markup(&body) {
            let request = request_line("GET", url);
            return Err(Cause::Page { request, to });
        }
        Ok(body)
    }

    /// Sends a GET for a file, and returns the reply. `headers` are also sent to the targets of redirects.
    ///
    /// # Errors
    /// [`Cause::Page`] if a redirect leads to an HTML page.
    pub(in crate::api) async fn get_file(
        &self,
        url: &Url,
        headers: &HeaderMap,
    ) -> Result<FileReply, Cause> {
        let (response, chain) = self.follow(url, headers).await?;
        let to = chain.redirected_to().map(str::to_owned);
        let mut response = self.final_reply(response, chain, false).await?;
        let length = response.content_length();
        let mut first = None;
        // Some stores send the type of HTML for every file, so the first bytes decide.
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

    /// Returns the first reply that is not a redirect. Its body is not yet read.
    async fn follow(
        &self,
        url: &Url,
        headers: &HeaderMap,
    ) -> Result<(Response, RedirectChain), Cause> {
        let mut chain = RedirectChain::new(&self.root, url, request_line("GET", url));
        // The target of a redirect on the way to a file is often a URL that authorises by itself.
        let is_secret = |chain: &RedirectChain, next: &Url| !chain.is_same_resource(next);
        loop {
            let request = self
                .get_request(&chain.url, chain.token_allowed)
                .headers(headers.clone());
            let response = self.answer(&chain.line, request).await?;
            if !chain.advance(&response, is_secret, &self.redactor)? {
                return Ok((response, chain));
            }
        }
    }

    /// Returns the reply at the end of the redirects if it is a success, and else the cause of the refusal.
    async fn final_reply(
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

    /// Returns the next bytes of a download; `None` at its end.
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
        // There is no time limit for the whole upload, which may take hours, but one for a stall.
        let timeout = async {
            taken.stalled(self.stall_timeout).await;
            stalled(&line, self.stall_timeout)
        };
        let response = self.pool.send(&line, request, timeout).await?;
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

    /// Returns the head of a reply, which must come within the time limit of a call.
    async fn answer(&self, line: &RequestLine, request: RequestBuilder) -> Result<Response, Cause> {
        self.pool.answer(line, request, self.api_timeout).await
    }

    async fn success(&self, request: RequestLine, response: Response) -> Result<Response, Cause> {
        let status = response.status();
        if status.is_success() {
            return Ok(response);
        }
        let is_write = request.method != "GET";
        if let Some(location) = location(response.url(), &response).filter(|_| is_write) {
            // An upload is sent without a token, so its address is not that of the Atlas.
            let is_call = request.method != "PUT";
            let address = is_call.then(|| moved(&self.root, response.url(), &location));
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
        let messages = reply::messages(response, self.api_timeout, &self.pool).await;
        Err(Cause::Status {
            request,
            status: status.as_u16(),
            messages,
            retry_after,
        })
    }

    /// Returns the target of a redirected write as it may be shown: the URL of an upload authorises by itself
    /// at another address as well.
    fn destination(&self, request: &RequestLine, location: &Url) -> String {
        if request.method == "PUT" {
            self.redactor.add_url(location, "");
            return secret_line(request.method, location).url;
        }
        shown(location)
    }

    async fn body_of(&self, request: RequestLine, response: Response) -> Result<Bytes, Cause> {
        reply::read_json(&request, response, self.api_timeout, &self.pool).await
    }
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

fn header(token: &str) -> Result<HeaderValue, Cause> {
    let mut value = HeaderValue::from_str(token)
        .map_err(|_| Cause::Usage(crate::base::secret::InvalidToken.to_string()))?;
    value.set_sensitive(true);
    Ok(value)
}

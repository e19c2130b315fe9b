//! Makes one attempt at one request: it sends the request, follows redirects, and interprets the status.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use reqwest::header::{CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue};
use reqwest::{Method, RequestBuilder, Response};
use serde::Serialize;
use url::Url;

use super::body::UploadSource;
use super::headers::is_page;
use super::pool::Pool;
use super::redirect::{End, RedirectChain};
use super::reply;
use super::request_line::request_line;
use super::write::{self, UploadLimits};
use crate::api::options::ClientOptions;
use crate::base::error::{Cause, RequestLine};
use crate::base::reporter::Reporter;
use crate::base::secret::Redactor;

const TOKEN_HEADER: HeaderName = HeaderName::from_static("x-atlas-token");
const CONNECT_TIMEOUT: Duration = Duration::from_secs(30);

/// A reply with a file, or a part of one.
pub(crate) struct FileReply {
    pub(crate) response: Response,
    /// The announced length of the body, in bytes.
    pub(in crate::api) length: Option<u64>,
    /// The first bytes of the body, if they had to be read to detect a page.
    pub(crate) first: Option<Bytes>,
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

    /// Returns the same transport without its token.
    pub(in crate::api) fn anonymous(&self) -> Self {
        Self {
            token: None,
            ..self.clone()
        }
    }

    pub(in crate::api) fn has_token(&self) -> bool {
        self.token.is_some()
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
        let limits = UploadLimits {
            stall: self.stall_timeout,
            reply: self.api_timeout,
        };
        write::upload(&self.pool, &self.root, url, source, limits, reporter).await
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
        let limit = self.api_timeout;
        write::success(&self.pool, &self.root, request, response, limit).await
    }

    async fn body_of(&self, request: RequestLine, response: Response) -> Result<Bytes, Cause> {
        reply::read_json(&request, response, self.api_timeout, &self.pool).await
    }
}

fn header(token: &str) -> Result<HeaderValue, Cause> {
    let mut value = HeaderValue::from_str(token)
        .map_err(|_| Cause::Usage(crate::base::secret::InvalidToken.to_string()))?;
    value.set_sensitive(true);
    Ok(value)
}

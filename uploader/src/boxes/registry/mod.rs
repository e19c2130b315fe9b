//! Sends requests to a registry and to the stores that it points to. The token goes only to the registry,
//! transient failures are retried, and rate limits are obeyed. `write` sends those that change something.

mod write;

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use bytes::Bytes;
use reqwest::header::{ACCEPT, HeaderMap, HeaderValue, RETRY_AFTER};
use reqwest::{Method, Response, StatusCode};
use serde::de::DeserializeOwned;
use url::Url;

use super::credentials::{self, Audience, Credentials, Tokens};
use super::rate_limits::{RateLimits, Remaining};
use crate::api::Trust;
use crate::api::http::failure::chain;
use crate::api::http::headers::{is_page, retry_after};
use crate::api::http::pool::Pool;
use crate::api::http::redirect::{End, RedirectChain};
use crate::api::http::reply;
use crate::api::http::request_line::{request_line, secret_line};
use crate::api::retry::{Attempts, RetryPolicy};
use crate::base::error::{Cause, RequestLine};
use crate::base::reporter::{Event, Reporter};
use crate::base::secret::Redactor;

/// The maximum number of consecutive refusals for a limit, with a wait after each.
const MAX_REFUSALS: u32 = 8;
/// The maximum number of tokens for one request.
const MAX_TOKENS: u32 = 4;
/// The longest single sleep. A long wait consists of short sleeps, because a computer that was suspended would
/// wake up late from a long one.
const LONGEST_SLEEP: Duration = Duration::from_secs(30);

/// The options of a client of registries.
#[derive(Clone)]
pub struct RegistryOptions {
    /// The trusted certificates.
    pub trust: Trust,
    /// The number of repeats of a request, and the pauses between them.
    pub retry: RetryPolicy,
    /// The longest wait for a reply, and for more bytes of it.
    pub timeout: Duration,
    /// The credentials.
    pub credentials: Credentials,
    /// Whether bytes may be sent to an address without TLS that a registry with TLS names.
    pub allow_http_upload: bool,
    /// The redactor, which learns tokens and signed addresses.
    pub redactor: Redactor,
    /// The reporter, which receives repeats and waits.
    pub reporter: Arc<dyn Reporter>,
}

impl RegistryOptions {
    /// Reports that credentials are not sent to a registry.
    pub fn report_withheld(&self, registry: &Url) {
        let source = &registry.origin().ascii_serialization();
        self.reporter.report(Event::TokenWithheld { source });
    }
}

/// The expected content of a reply.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Format {
    Json,
    File,
}

/// A client of one registry and the stores that it points to. Clones share tokens and limits.
#[derive(Clone)]
pub struct RegistryClient {
    pool: Pool,
    registry_url: Url,
    audience: Audience,
    tokens: Arc<Tokens>,
    limits: Arc<RateLimits>,
    /// Whether the registry counts the requests as downloads.
    downloads: bool,
    options: RegistryOptions,
}

/// A request without its token.
struct Outgoing<'a> {
    method: Method,
    url: &'a Url,
    headers: &'a HeaderMap,
    body: Option<Bytes>,
}

/// The result of one request.
enum Answer {
    /// A reply that is neither a redirect nor a refusal for a limit; it may be an error.
    Final(Response, Box<RedirectChain>),
    /// A refusal for a limit: 429, or 503 with a time.
    Limited(Cause, HeaderMap),
}

impl RegistryClient {
    /// Creates a client for the registry at an address; only the registry receives the token. This reads
    /// certificates.
    ///
    /// # Errors
    /// Fails when a certificate cannot be read.
    pub fn new(
        options: RegistryOptions,
        registry_url: &Url,
        audience: Audience,
    ) -> Result<Self, Cause> {
        let connect_timeout = options.timeout.min(Duration::from_secs(60)) / 2;
        let pool = Pool::new(&options.trust, connect_timeout, options.redactor.clone())?;
        let tokens = Tokens::new(
            options.credentials.clone(),
            pool.clone(),
            options.timeout,
            options.redactor.clone(),
        );
        Ok(Self {
            pool,
            registry_url: registry_url.clone(),
            audience,
            tokens: Arc::new(tokens),
            limits: Arc::default(),
            downloads: false,
            options,
        })
    }

    /// Returns the same client for a registry of another kind.
    #[must_use]
    pub fn for_audience(&self, audience: Audience) -> Self {
        Self {
            audience,
            ..self.clone()
        }
    }

    /// Returns the same client for requests that the registry counts as downloads.
    #[must_use]
    pub fn for_downloads(&self) -> Self {
        Self {
            downloads: true,
            ..self.clone()
        }
    }

    /// Returns the number of downloads that the registry last said are left.
    pub fn downloads_remaining(&self) -> Option<Remaining> {
        self.limits.downloads()
    }

    /// Returns the reporter of progress.
    pub fn reporter(&self) -> &dyn Reporter {
        &*self.options.reporter
    }

    /// Creates the attempts for one operation.
    pub(super) fn attempts(&self) -> Attempts<'_> {
        Attempts::new(self.options.retry, self.reporter())
    }

    /// Returns whether an address belongs to the registry.
    pub fn is_registry_url(&self, url: &Url) -> bool {
        url.origin() == self.registry_url.origin()
    }

    /// Fetches the JSON at an address; `None` for 404, and for content that is not JSON of this shape.
    ///
    /// # Errors
    /// Fails for any other refusal, and without a reply.
    pub async fn find<T: DeserializeOwned>(&self, url: &Url) -> Result<Option<T>, Cause> {
        match self.ask(url).await {
            Err(Cause::Page { .. } | Cause::TokenNotSent { status: 404, .. }) => Ok(None),
            asked => asked,
        }
    }

    /// Fetches like [`Self::find`], but reports a redirect to a page for people, and a redirect to a foreign
    /// server that answers 404 without the token.
    ///
    /// # Errors
    /// The errors of [`Self::find`]; [`Cause::Page`], [`Cause::TokenNotSent`].
    pub(super) async fn ask<T: DeserializeOwned>(&self, url: &Url) -> Result<Option<T>, Cause> {
        match self.text(url).await {
            Ok(text) => Ok(serde_json::from_slice(&text).ok()),
            Err(Cause::Status { status: 404, .. }) => Ok(None),
            Err(cause) => Err(cause),
        }
    }

    /// Fetches the JSON at an address that must have it.
    ///
    /// # Errors
    /// The errors of [`Self::find`], and an error for 404.
    pub async fn json<T: DeserializeOwned>(&self, url: &Url) -> Result<T, Cause> {
        decode(request_line("GET", url), &self.text(url).await?)
    }

    /// Fetches the JSON at an address; `None` only for 404.
    ///
    /// # Errors
    /// The errors of [`Self::json`].
    pub(super) async fn existing<T: DeserializeOwned>(
        &self,
        url: &Url,
    ) -> Result<Option<T>, Cause> {
        match self.json(url).await {
            Err(Cause::Status { status: 404, .. }) => Ok(None),
            found => found.map(Some),
        }
    }

    /// Returns whether there are credentials that could be sent.
    pub(super) fn has_credentials(&self) -> bool {
        self.options.credentials.is_some()
    }

    /// Fetches the complete body of a reply to a request for JSON.
    async fn text(&self, url: &Url) -> Result<Bytes, Cause> {
        let mut headers = HeaderMap::new();
        headers.insert(ACCEPT, HeaderValue::from_static("application/json"));
        let mut attempts = self.attempts();
        let (response, to) = loop {
            match self.reply(url, &headers, Format::Json).await {
                Err(cause) if attempts.wait_before_retry(&cause).await => {}
                ended => break ended?,
            }
        };
        let body = self.body(request_line("GET", url), response).await?;
        if to.is_some() && reply::is_markup(&body) {
            let request = request_line("GET", url);
            return Err(Cause::Page { request, to });
        }
        Ok(body)
    }

    /// Returns the head of a successful reply with a file or a part of it, following redirects; makes one
    /// attempt, which waits for the registry's limits.
    ///
    /// # Errors
    /// Fails for a refusal, and without a reply.
    pub async fn get_once(&self, url: &Url, headers: &HeaderMap) -> Result<Response, Cause> {
        let (response, _) = self.reply(url, headers, Format::File).await?;
        Ok(response)
    }

    /// Returns the head of a successful reply, and the address to which redirects led.
    async fn reply(
        &self,
        url: &Url,
        headers: &HeaderMap,
        wanted: Format,
    ) -> Result<(Response, Option<String>), Cause> {
        for refusal in 1..=MAX_REFUSALS {
            // A foreign store has its own limits, and its signed address may expire during a wait.
            if self.is_registry_url(url) {
                self.wait_for_limits().await;
            }
            let (cause, said) = match self.follow(Method::GET, url, headers).await? {
                Answer::Final(response, chain) => {
                    let to = chain.redirected_to().map(str::to_owned);
                    let response = self.success(*chain, response, wanted).await?;
                    return Ok((response, to));
                }
                Answer::Limited(cause, said) => (cause, said),
            };
            if refusal == MAX_REFUSALS || self.limits.refused(&said, refusal).is_err() {
                return Err(cause);
            }
        }
        Err(Cause::Internal("no attempt was made".to_owned()))
    }

    /// Checks that an address is reachable, by HEAD and, if that fails, by GET without reading the body.
    ///
    /// # Errors
    /// Fails with the reason.
    pub async fn probe(&self, url: &Url) -> Result<(), Cause> {
        let mut attempts = self.attempts();
        loop {
            let probed = self.probe_once(url).await;
            match probed {
                Err(cause) if attempts.wait_before_retry(&cause).await => {}
                ended => return ended,
            }
        }
    }

    async fn probe_once(&self, url: &Url) -> Result<(), Cause> {
        let none = HeaderMap::new();
        for method in [Method::HEAD, Method::GET] {
            let answer = self.follow(method.clone(), url, &none).await?;
            match answer {
                Answer::Final(response, _) if response.status().is_success() => return Ok(()),
                Answer::Final(response, chain) if method == Method::GET => {
                    return self.success(*chain, response, Format::File).await.map(drop);
                }
                Answer::Limited(cause, _) if method == Method::GET => return Err(cause),
                // Some stores sign addresses only for GET.
                _ => {}
            }
        }
        Ok(())
    }

    /// Returns the next bytes of a reply; `None` at its end.
    ///
    /// # Errors
    /// Fails when the connection breaks, or no bytes arrive in time.
    pub(super) async fn chunk(
        &self,
        line: &RequestLine,
        response: &mut Response,
    ) -> Result<Option<Bytes>, Cause> {
        self.pool.chunk(line, response, self.options.timeout).await
    }

    /// Waits until the registry allows the next request.
    async fn wait_for_limits(&self) {
        while let Some(until) = self.limits.wait_until(self.downloads) {
            if self.limits.mark_reported(until) {
                self.reporter().report(Event::Waiting { until });
            }
            let left = until.duration_since(SystemTime::now()).unwrap_or_default();
            tokio::time::sleep(left.min(LONGEST_SLEEP)).await;
        }
    }

    /// Sends a request and follows its redirects. The token is sent only to the registry, and never again after
    /// a redirect leads elsewhere.
    async fn follow(
        &self,
        method: Method,
        url: &Url,
        headers: &HeaderMap,
    ) -> Result<Answer, Cause> {
        let mut chain = RedirectChain::new(&self.registry_url, url, self.redacted_line(url));
        // An address that the registry signs is a secret while it is valid.
        let is_signed = |_: &RedirectChain, next: &Url| next.query().is_some();
        loop {
            let (method, body) = (method.clone(), None);
            let sent = Outgoing {
                method,
                url: &chain.url,
                headers,
                body,
            };
            let response = match chain.token_allowed {
                true => self.send_authenticated(&sent, &chain.line).await?,
                false => self.send(&sent, None, &chain.line).await?,
            };
            if chain.token_allowed {
                self.limits.record(response.headers());
            }
            if chain.token_allowed && is_for_later(&response) {
                let said = response.headers().clone();
                let cause = self.refusal(chain.line, response).await;
                return Ok(Answer::Limited(cause, said));
            }
            if !chain.advance(&response, is_signed, &self.options.redactor)? {
                return Ok(Answer::Final(response, Box::new(chain)));
            }
        }
    }

    /// Sends a request to the registry with its token; repeats it with a new token when that of a service
    /// principal is refused, since it may have expired.
    async fn send_authenticated(
        &self,
        sent: &Outgoing<'_>,
        line: &RequestLine,
    ) -> Result<Response, Cause> {
        let mut left = MAX_TOKENS;
        loop {
            let token = self.tokens.header(self.audience).await?;
            let response = self.send(sent, token.as_ref(), line).await?;
            left -= 1;
            let refused = token.filter(|_| response.status() == StatusCode::UNAUTHORIZED);
            match refused {
                Some(token) if left > 0 && self.tokens.replace(self.audience, &token).await => {}
                _ => return Ok(response),
            }
        }
    }

    async fn send(
        &self,
        sent: &Outgoing<'_>,
        token: Option<&HeaderValue>,
        line: &RequestLine,
    ) -> Result<Response, Cause> {
        let mut request = self.pool.request(sent.method.clone(), sent.url);
        request = request.headers(sent.headers.clone());
        if let Some(body) = &sent.body {
            request = request.body(body.clone());
        }
        if let Some(token) = token {
            request = request.header(credentials::HEADER, token);
        }
        self.pool.answer(line, request, self.options.timeout).await
    }

    /// Returns the request line for messages, with a signed address redacted.
    fn redacted_line(&self, url: &Url) -> RequestLine {
        if self.is_registry_url(url) || url.query().is_none() {
            return request_line("GET", url);
        }
        self.options.redactor.add_url(url, "");
        secret_line("GET", url)
    }

    /// Returns the reply at the end of the redirects, if it is a success.
    ///
    /// # Errors
    /// The cause of a refusal, which may be that the token was not sent.
    async fn success(
        &self,
        chain: RedirectChain,
        response: Response,
        wanted: Format,
    ) -> Result<Response, Cause> {
        if response.status().is_success() {
            return Ok(response);
        }
        let end = End {
            is_call: wanted == Format::Json,
            is_page: is_page(&response),
            has_token: !self.options.credentials.is_empty(),
        };
        // Messages name a file by its address in the registry.
        let line = match wanted {
            Format::Json => &chain.line,
            Format::File => &chain.first,
        };
        let cause = self.refusal(line.clone(), response).await;
        Err(chain.explain(cause, end))
    }

    async fn refusal(&self, request: RequestLine, response: Response) -> Cause {
        let status = response.status().as_u16();
        let retry_after = retry_after(response.headers());
        let messages = reply::messages(response, self.options.timeout, &self.pool).await;
        Cause::Status {
            request,
            status,
            messages,
            retry_after,
        }
    }

    /// Reads the complete body of a JSON reply.
    async fn body(&self, request: RequestLine, response: Response) -> Result<Bytes, Cause> {
        reply::read_json(&request, response, self.options.timeout, &self.pool).await
    }
}

/// Returns whether the registry demands that the request be repeated later, however late.
fn is_for_later(response: &Response) -> bool {
    match response.status() {
        StatusCode::TOO_MANY_REQUESTS => true,
        StatusCode::SERVICE_UNAVAILABLE => response.headers().contains_key(RETRY_AFTER),
        _ => false,
    }
}

fn decode<T: DeserializeOwned>(request: RequestLine, body: &[u8]) -> Result<T, Cause> {
    serde_json::from_slice(body).map_err(|error| Cause::Reply {
        request,
        detail: format!(
            "the reply is not the JSON that was expected ({})",
            chain(&error)
        ),
    })
}

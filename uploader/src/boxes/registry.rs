//! Asks a registry, and the stores that it points to: with its token to the registry alone, again when
//! trouble may pass, and only when the registry's limits allow it.

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

/// The most refusals in a row for a limit, with a wait after each.
const MAX_REFUSALS: u32 = 8;
/// The most tokens that are tried for one request.
const MAX_TOKENS: u32 = 4;
/// A machine that sleeps wakes up late, so that a long wait is made of short ones.
const LONGEST_SLEEP: Duration = Duration::from_secs(30);

/// The options of a client of registries.
#[derive(Clone)]
pub struct RegistryOptions {
    /// Which servers are believed.
    pub trust: Trust,
    /// How often, and how far apart, a request is repeated.
    pub retry: RetryPolicy,
    /// The longest to wait for a reply, and for more of it.
    pub timeout: Duration,
    /// The credentials say whose boxes are asked for.
    pub credentials: Credentials,
    /// Learns tokens and signed addresses.
    pub redactor: Redactor,
    /// Hears of repeated requests and of waits.
    pub reporter: Arc<dyn Reporter>,
}

/// The kind of what is asked for.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Format {
    Json,
    File,
}

/// Asks one registry, and whatever it points to. Clones share what is known of it.
#[derive(Clone)]
pub struct RegistryClient {
    pool: Pool,
    home: Url,
    audience: Audience,
    tokens: Arc<Tokens>,
    limits: Arc<RateLimits>,
    /// Whether what is asked for counts as a download.
    downloads: bool,
    options: RegistryOptions,
}

/// The answer to one request.
enum Answer {
    /// A reply that is neither a redirect nor a refusal for a limit; perhaps an error.
    Final(Response, Box<RedirectChain>),
    /// 429, or 503 with a time.
    Limited(Cause, HeaderMap),
}

impl RegistryClient {
    /// A client for the registry at an address, which alone sees the token. Reads certificates.
    ///
    /// # Errors
    /// Certificates that cannot be read.
    pub fn new(options: RegistryOptions, home: &Url, audience: Audience) -> Result<Self, Cause> {
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
            home: home.clone(),
            audience,
            tokens: Arc::new(tokens),
            limits: Arc::default(),
            downloads: false,
            options,
        })
    }

    /// The same client, for what turned out to be a registry of another kind.
    #[must_use]
    pub fn speaking_to(&self, audience: Audience) -> Self {
        Self {
            audience,
            ..self.clone()
        }
    }

    /// The same client, for requests that the registry counts as downloads.
    #[must_use]
    pub fn for_downloads(&self) -> Self {
        Self {
            downloads: true,
            ..self.clone()
        }
    }

    /// How many downloads the registry still gives, as it said last.
    pub fn downloads_remaining(&self) -> Option<Remaining> {
        self.limits.downloads()
    }

    /// The reporter hears of progress.
    pub fn reporter(&self) -> &dyn Reporter {
        &*self.options.reporter
    }

    /// The attempts at one piece of work, before the first.
    pub(super) fn attempts(&self) -> Attempts<'_> {
        Attempts::new(self.options.retry, self.reporter())
    }

    /// Whether an address is the registry's own.
    pub fn is_home(&self, url: &Url) -> bool {
        url.origin() == self.home.origin()
    }

    /// The JSON at an address; `None` for one that is not there (404), or has something else than JSON of
    /// this shape.
    ///
    /// # Errors
    /// Any other refusal, or no reply.
    pub async fn find<T: DeserializeOwned>(&self, url: &Url) -> Result<Option<T>, Cause> {
        match self.ask(url).await {
            Err(Cause::Page { .. } | Cause::TokenNotSent { status: 404, .. }) => Ok(None),
            asked => asked,
        }
    }

    /// Does the same, and tells of a redirect to a page for people, and of one to where the token is not sent
    /// and nothing is.
    ///
    /// # Errors
    /// As [`Self::find`]; [`Cause::Page`], [`Cause::TokenNotSent`].
    pub(super) async fn ask<T: DeserializeOwned>(&self, url: &Url) -> Result<Option<T>, Cause> {
        match self.text(url).await {
            Ok(text) => Ok(serde_json::from_slice(&text).ok()),
            Err(Cause::Status { status: 404, .. }) => Ok(None),
            Err(cause) => Err(cause),
        }
    }

    /// The JSON at an address that must have it.
    ///
    /// # Errors
    /// As [`Self::find`], and for one that is not there.
    pub async fn json<T: DeserializeOwned>(&self, url: &Url) -> Result<T, Cause> {
        decode(url, &self.text(url).await?)
    }

    /// The whole of what is answered to a question for JSON.
    async fn text(&self, url: &Url) -> Result<Bytes, Cause> {
        let mut headers = HeaderMap::new();
        headers.insert(ACCEPT, HeaderValue::from_static("application/json"));
        let mut attempts = self.attempts();
        let (response, to) = loop {
            match self.reply(url, &headers, Format::Json).await {
                Err(cause) if attempts.again(&cause).await => {}
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

    /// Returns the head of a successful reply with a file, or a part of one, through redirects; makes one
    /// attempt, which waits for the registry's limits.
    ///
    /// # Errors
    /// A refusal, or no reply.
    pub async fn get_once(&self, url: &Url, headers: &HeaderMap) -> Result<Response, Cause> {
        let (response, _) = self.reply(url, headers, Format::File).await?;
        Ok(response)
    }

    /// Returns the head of a successful reply, and where redirects have led to.
    async fn reply(
        &self,
        url: &Url,
        headers: &HeaderMap,
        wanted: Format,
    ) -> Result<(Response, Option<String>), Cause> {
        for refusal in 1..=MAX_REFUSALS {
            // A store that a registry points to has limits of its own, and its address may expire.
            if self.is_home(url) {
                self.heed_limits().await;
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

    /// Whether something is there, by HEAD and, where that is not allowed, by GET, of whose body nothing
    /// is read.
    ///
    /// # Errors
    /// Why not.
    pub async fn probe(&self, url: &Url) -> Result<(), Cause> {
        let mut attempts = self.attempts();
        loop {
            let probed = self.probe_once(url).await;
            match probed {
                Err(cause) if attempts.again(&cause).await => {}
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
                // Some stores sign for a GET alone.
                _ => {}
            }
        }
        Ok(())
    }

    /// The next bytes of a reply; `None` at its end.
    ///
    /// # Errors
    /// The connection broke, or nothing came in time.
    pub(super) async fn chunk(
        &self,
        line: &RequestLine,
        response: &mut Response,
    ) -> Result<Option<Bytes>, Cause> {
        self.pool.chunk(line, response, self.options.timeout).await
    }

    /// Waits until the registry wants to be asked again.
    async fn heed_limits(&self) {
        while let Some(until) = self.limits.wait_until(self.downloads) {
            if self.limits.is_news(until) {
                self.reporter().report(Event::Waiting { until });
            }
            let left = until.duration_since(SystemTime::now()).unwrap_or_default();
            tokio::time::sleep(left.min(LONGEST_SLEEP)).await;
        }
    }

    /// One request, and those that redirects lead to. The token is the registry's, and stays behind for
    /// good once the way leads elsewhere.
    async fn follow(
        &self,
        method: Method,
        url: &Url,
        headers: &HeaderMap,
    ) -> Result<Answer, Cause> {
        let mut chain = RedirectChain::new(&self.home, url, self.line(url));
        // What a registry signs is a secret for as long as it is good.
        let is_signed = |_: &RedirectChain, next: &Url| next.query().is_some();
        loop {
            let response = if chain.at_home {
                self.ask_home(&method, &chain.url, headers, &chain.line)
                    .await?
            } else {
                self.send(&method, &chain.url, headers, None, &chain.line)
                    .await?
            };
            if chain.at_home {
                self.limits.heed(response.headers());
            }
            if chain.at_home && is_for_later(&response) {
                let said = response.headers().clone();
                let cause = self.refusal(chain.line, response).await;
                return Ok(Answer::Limited(cause, said));
            }
            if !chain.goes_on(&response, is_signed, &self.options.redactor)? {
                return Ok(Answer::Final(response, Box::new(chain)));
            }
        }
    }

    /// One request to the registry, with its token; again with another one when the token of a service
    /// principal was refused, which may have expired meanwhile.
    async fn ask_home(
        &self,
        method: &Method,
        url: &Url,
        headers: &HeaderMap,
        line: &RequestLine,
    ) -> Result<Response, Cause> {
        let mut left = MAX_TOKENS;
        loop {
            let token = self.tokens.header(self.audience).await?;
            let response = self.send(method, url, headers, token.as_ref(), line);
            let response = response.await?;
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
        method: &Method,
        url: &Url,
        headers: &HeaderMap,
        token: Option<&HeaderValue>,
        line: &RequestLine,
    ) -> Result<Response, Cause> {
        let mut request = self.pool.request(method.clone(), url);
        request = request.headers(headers.clone());
        if let Some(token) = token {
            request = request.header(credentials::HEADER, token);
        }
        self.pool.answer(line, request, self.options.timeout).await
    }

    /// Returns what was asked, as it may be shown: what is signed authorises by itself.
    fn line(&self, url: &Url) -> RequestLine {
        if self.is_home(url) || url.query().is_none() {
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
        // A file is told by the address that the registry has for it.
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

    /// The whole of a reply of JSON.
    async fn body(&self, request: RequestLine, response: Response) -> Result<Bytes, Cause> {
        reply::whole(&request, response, self.options.timeout, &self.pool).await
    }
}

/// Whether a registry wants to be asked later, and will be, however late that is.
fn is_for_later(response: &Response) -> bool {
    match response.status() {
        StatusCode::TOO_MANY_REQUESTS => true,
        StatusCode::SERVICE_UNAVAILABLE => response.headers().contains_key(RETRY_AFTER),
        _ => false,
    }
}

fn decode<T: DeserializeOwned>(url: &Url, body: &[u8]) -> Result<T, Cause> {
    serde_json::from_slice(body).map_err(|error| Cause::Reply {
        request: request_line("GET", url),
        detail: format!(
            "the reply is not the JSON that was expected ({})",
            chain(&error)
        ),
    })
}

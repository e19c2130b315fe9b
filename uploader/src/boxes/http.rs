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
use super::limits::{Limits, Remaining};
use crate::client::Trust;
use crate::client::pool::Pool;
use crate::client::redirect::RedirectChain;
use crate::client::reply;
use crate::client::transport::{
    chain, network, request_line, retry_after, secret_line, stood_still, within,
};
use crate::error::{Cause, RequestLine};
use crate::reporter::{Event, Reporter};
use crate::retry::{Attempts, RetryPolicy};
use crate::secret::Redactor;

/// The most refusals in a row for a limit, with a wait after each.
const MAX_REFUSALS: u32 = 8;
/// The most tokens that are tried for one request.
const MAX_TOKENS: u32 = 4;
/// A machine that sleeps wakes up late, so that a long wait is made of short ones.
const LONGEST_SLEEP: Duration = Duration::from_secs(30);

/// The options of a client of registries.
#[derive(Clone)]
pub struct HttpOptions {
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

/// Asks one registry, and whatever it points to. Clones share what is known of it.
#[derive(Clone)]
pub struct Http {
    pool: Pool,
    home: Url,
    audience: Audience,
    tokens: Arc<Tokens>,
    limits: Arc<Limits>,
    /// Whether what is asked for counts as a download.
    downloads: bool,
    options: HttpOptions,
}

/// The answer to one request.
enum Answer {
    /// A reply that is neither a redirect nor a refusal for a limit; perhaps an error.
    Final(Response, Box<RedirectChain>),
    /// 429, or 503 with a time.
    Limited(Cause, HeaderMap),
}

impl Http {
    /// A client for the registry at an address, which alone sees the token. Reads certificates.
    ///
    /// # Errors
    /// Certificates that cannot be read.
    pub fn new(options: HttpOptions, home: &Url, audience: Audience) -> Result<Self, Cause> {
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
        match self.text(url).await {
            // A page for people, say, is no JSON.
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
        let response = self.get(url, &headers).await?;
        self.body(request_line("GET", url), response).await
    }

    /// The head of a successful reply, through redirects and as many attempts as there may be.
    ///
    /// # Errors
    /// A refusal, or no reply, with the last attempt's cause.
    pub async fn get(&self, url: &Url, headers: &HeaderMap) -> Result<Response, Cause> {
        let mut attempts = self.attempts();
        loop {
            match self.get_once(url, headers).await {
                Err(cause) if attempts.again(&cause).await => {}
                ended => return ended,
            }
        }
    }

    /// The same with one attempt, which waits for the registry's limits.
    ///
    /// # Errors
    /// As [`Self::get`].
    pub async fn get_once(&self, url: &Url, headers: &HeaderMap) -> Result<Response, Cause> {
        for refusal in 1..=MAX_REFUSALS {
            // A store that a registry points to has limits of its own, and its address may expire.
            if self.is_home(url) {
                self.heed_limits().await;
            }
            let (cause, said) = match self.follow(Method::GET, url, headers).await? {
                Answer::Final(response, chain) => {
                    let success = self.success(self.line(url), response).await;
                    return success.map_err(|cause| self.explained(cause, *chain));
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
                    let success = self.success(request_line("GET", url), response).await;
                    return success
                        .map(drop)
                        .map_err(|cause| self.explained(cause, *chain));
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
        match tokio::time::timeout(self.options.timeout, response.chunk()).await {
            Ok(chunk) => {
                chunk.map_err(|error| network(line.clone(), error, &self.options.redactor))
            }
            Err(_) => Err(stood_still(line, self.options.timeout)),
        }
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
        within(self.options.timeout, line, self.pool.send(line, request)).await
    }

    /// Returns the cause of a refusal, which may be that the token was not sent.
    fn explained(&self, cause: Cause, chain: RedirectChain) -> Cause {
        match self.options.credentials.is_empty() {
            true => cause,
            false => chain.explain(cause, false),
        }
    }

    /// Returns what was asked, as it may be shown: what is signed authorises by itself.
    fn line(&self, url: &Url) -> RequestLine {
        if self.is_home(url) || url.query().is_none() {
            return request_line("GET", url);
        }
        self.options.redactor.add_url(url);
        secret_line("GET", url)
    }

    async fn success(&self, line: RequestLine, response: Response) -> Result<Response, Cause> {
        if response.status().is_success() {
            return Ok(response);
        }
        Err(self.refusal(line, response).await)
    }

    async fn refusal(&self, request: RequestLine, response: Response) -> Cause {
        let status = response.status().as_u16();
        let retry_after = retry_after(response.headers());
        let (time, redactor) = (self.options.timeout, &self.options.redactor);
        let messages = reply::words(response, time, redactor).await;
        Cause::Status {
            request,
            status,
            messages,
            retry_after,
        }
    }

    /// The whole of a reply of JSON.
    async fn body(&self, request: RequestLine, response: Response) -> Result<Bytes, Cause> {
        let (time, redactor) = (self.options.timeout, &self.options.redactor);
        reply::whole(&request, response, time, redactor).await
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

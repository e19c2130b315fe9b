//! Sends requests, through the proxies that the environment names.

use std::time::Duration;

use bytes::Bytes;
use reqwest::{Method, RequestBuilder, Response};
use url::Url;

use super::failure::{late, network, stood_still};
use super::proxy::Proxies;
use super::tls::Trust;
use crate::base::error::{Cause, RequestLine};
use crate::base::secret::Redactor;

const USER_AGENT: &str = concat!("atlas-upload/", env!("CARGO_PKG_VERSION"));

/// The pool holds connections. It follows no redirect, and clones share it.
#[derive(Clone)]
pub(crate) struct Pool {
    http: reqwest::Client,
    proxies: Proxies,
    redactor: Redactor,
}

impl Pool {
    /// Makes a pool without connections. Reads the certificates, and the variables of proxies.
    ///
    /// # Errors
    /// Certificates that cannot be read; a variable that names no proxy.
    pub(crate) fn new(
        trust: &Trust,
        connect_timeout: Duration,
        redactor: Redactor,
    ) -> Result<Self, Cause> {
        let proxies = Proxies::of_environment(|name| std::env::var_os(name))?;
        let http = trust.build(|| {
            let builder = reqwest::Client::builder()
                .user_agent(USER_AGENT)
                .connect_timeout(connect_timeout)
                // By hand, because reqwest would take the token along to any other host.
                .redirect(reqwest::redirect::Policy::none());
            proxies.apply(builder)
        })?;
        Ok(Self {
            http,
            proxies,
            redactor,
        })
    }

    pub(crate) fn request(&self, method: Method, url: &Url) -> RequestBuilder {
        self.http.request(method, url.clone())
    }

    /// Returns the head of a reply that must come in time.
    ///
    /// # Errors
    /// As [`Self::send`].
    pub(crate) async fn answer(
        &self,
        line: &RequestLine,
        request: RequestBuilder,
        limit: Duration,
    ) -> Result<Response, Cause> {
        self.send(line, request, late(limit, line)).await
    }

    /// Returns the head of the reply, unless `late` ends first, with the cause of the failure then.
    ///
    /// # Errors
    /// No reply came; the cause names the proxy on the way.
    pub(crate) async fn send(
        &self,
        line: &RequestLine,
        request: RequestBuilder,
        late: impl Future<Output = Cause>,
    ) -> Result<Response, Cause> {
        let (http, request) = request.build_split();
        let request = request.map_err(|error| network(line.clone(), error, &self.redactor))?;
        let url = request.url().clone();
        tracing::debug!(request = %line, "sending");
        let response = tokio::select! {
            biased;
            response = http.execute(request) => {
                response.map_err(|error| self.broken(line, &url, error))?
            }
            cause = late => return Err(self.proxies.with_proxy(&url, cause)),
        };
        tracing::debug!(request = %line, status = response.status().as_u16(), "answered");
        Ok(response)
    }

    /// Returns the next bytes of a reply; `None` at its end.
    ///
    /// # Errors
    /// The connection broke, or nothing came in time; the cause names the proxy on the way.
    pub(crate) async fn chunk(
        &self,
        line: &RequestLine,
        response: &mut Response,
        limit: Duration,
    ) -> Result<Option<Bytes>, Cause> {
        match tokio::time::timeout(limit, response.chunk()).await {
            Ok(chunk) => chunk.map_err(|error| self.broken(line, response.url(), error)),
            Err(_) => Err(self.with_proxy(response.url(), stood_still(line, limit))),
        }
    }

    /// Returns the cause of a request that got no answer, or half of one.
    pub(crate) fn broken(&self, line: &RequestLine, url: &Url, error: reqwest::Error) -> Cause {
        self.with_proxy(url, network(line.clone(), error, &self.redactor))
    }

    /// Returns a cause with the proxy on the way.
    pub(crate) fn with_proxy(&self, url: &Url, cause: Cause) -> Cause {
        self.proxies.with_proxy(url, cause)
    }

    /// Says which proxy a refusal may be of.
    pub(crate) fn refusing_proxy(&self, response: &Response) -> Option<String> {
        self.proxies
            .refusing_proxy(response.url(), response.status())
    }

    /// The redactor keeps secrets out of what a server says.
    pub(crate) fn redactor(&self) -> &Redactor {
        &self.redactor
    }
}

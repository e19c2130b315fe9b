//! Sends requests over a pool of connections, through the proxies that the environment names.

use std::time::Duration;

use bytes::Bytes;
use reqwest::{Method, RequestBuilder, Response};
use url::Url;

use super::failure::{network, stalled, timeout};
use super::proxy::Proxies;
use super::tls::Trust;
use crate::base::error::{Cause, RequestLine};
use crate::base::secret::Redactor;

const USER_AGENT: &str = concat!("atlas-upload/", env!("CARGO_PKG_VERSION"));

/// A pool of connections. It follows no redirect, and clones share it.
#[derive(Clone)]
pub(crate) struct Pool {
    http: reqwest::Client,
    proxies: Proxies,
    redactor: Redactor,
}

impl Pool {
    /// Creates a pool without connections. Reads the certificates, and the variables of proxies.
    ///
    /// # Errors
    /// Fails for certificates that cannot be read, and for a variable that does not name a proxy.
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
                // Redirects are followed in `redirect`, because reqwest would send the token to any other
                // host.
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

    /// Returns the head of a reply, which must come within `limit`.
    ///
    /// # Errors
    /// Fails as [`Self::send`] does.
    pub(crate) async fn answer(
        &self,
        line: &RequestLine,
        request: RequestBuilder,
        limit: Duration,
    ) -> Result<Response, Cause> {
        self.send(line, request, timeout(limit, line)).await
    }

    /// Returns the head of a reply, unless `timeout` ends first, with the cause of the failure.
    ///
    /// # Errors
    /// Fails if no reply came. The cause names the proxy.
    pub(crate) async fn send(
        &self,
        line: &RequestLine,
        request: RequestBuilder,
        timeout: impl Future<Output = Cause>,
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
            cause = timeout => return Err(self.proxies.with_proxy(&url, cause)),
        };
        tracing::debug!(request = %line, status = response.status().as_u16(), "answered");
        Ok(response)
    }

    /// Returns the next bytes of a reply; `None` at its end.
    ///
    /// # Errors
    /// Fails if the connection broke, or if no bytes came within `limit`. The cause names the proxy.
    pub(crate) async fn chunk(
        &self,
        line: &RequestLine,
        response: &mut Response,
        limit: Duration,
    ) -> Result<Option<Bytes>, Cause> {
        match tokio::time::timeout(limit, response.chunk()).await {
            Ok(chunk) => chunk.map_err(|error| self.broken(line, response.url(), error)),
            Err(_) => Err(self.with_proxy(response.url(), stalled(line, limit))),
        }
    }

    /// Returns the cause of a request whose reply did not come, or did not come completely.
    pub(crate) fn broken(&self, line: &RequestLine, url: &Url, error: reqwest::Error) -> Cause {
        self.with_proxy(url, network(line.clone(), error, &self.redactor))
    }

    /// Returns a cause that names the proxy for `url`, if there is one.
    pub(crate) fn with_proxy(&self, url: &Url, cause: Cause) -> Cause {
        self.proxies.with_proxy(url, cause)
    }

    /// Returns a message that names the proxy that may have refused, if there is one.
    pub(crate) fn refusing_proxy(&self, response: &Response) -> Option<String> {
        self.proxies
            .refusing_proxy(response.url(), response.status())
    }

    /// Returns the redactor, which removes secrets from the messages of a server.
    pub(crate) fn redactor(&self) -> &Redactor {
        &self.redactor
    }
}

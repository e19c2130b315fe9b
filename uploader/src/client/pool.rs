//! Sends requests, through the proxies that the environment names.

use std::time::Duration;

use reqwest::{Method, RequestBuilder, Response};
use url::Url;

use super::Trust;
use super::proxy::Proxies;
use super::transport::network;
use crate::error::{Cause, RequestLine};
use crate::secret::Redactor;

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

    /// Returns the head of the reply.
    ///
    /// # Errors
    /// No reply came; the cause names the proxy on the way.
    pub(crate) async fn send(
        &self,
        line: &RequestLine,
        request: RequestBuilder,
    ) -> Result<Response, Cause> {
        tracing::debug!(request = %line, "sending");
        let response = request.send().await.map_err(|error| {
            let url = error.url().cloned();
            let cause = network(line.clone(), error, &self.redactor);
            match url {
                Some(url) => self.proxies.tell(&url, cause),
                None => cause,
            }
        })?;
        tracing::debug!(request = %line, status = response.status().as_u16(), "answered");
        Ok(response)
    }
}

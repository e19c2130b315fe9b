//! Sends requests that change something. Each method makes one attempt: before a repetition the caller must know, or
//! ask, whether the first attempt took effect.

use bytes::Bytes;
use reqwest::header::{CONTENT_LENGTH, CONTENT_TYPE, HeaderMap, HeaderValue};
use reqwest::{Method, Response};
use serde::Serialize;
use serde::de::DeserializeOwned;
use url::Url;

use super::{Outgoing, RegistryClient, decode};
use crate::api::UploadSource;
use crate::api::http::redirect::is_unencrypted;
use crate::api::http::request_line::{request_line, secret_line};
use crate::api::http::write::{self, UploadLimits};
use crate::base::error::{Cause, RequestLine};
use crate::base::reporter::Event;

impl RegistryClient {
    /// Sends a JSON body by POST or PUT.
    ///
    /// # Errors
    /// Fails for a refusal, for a redirect, and without a reply; [`Cause::effect`] says whether the request may have
    /// taken effect.
    pub(in crate::boxes) async fn send_json(
        &self,
        method: Method,
        url: &Url,
        body: &impl Serialize,
    ) -> Result<(), Cause> {
        self.written(method, url, Some(body)).await.map(drop)
    }

    /// Sends a JSON body by POST, and returns the reply.
    ///
    /// # Errors
    /// The errors of [`Self::send_json`], and [`Cause::Reply`] for a reply of another shape.
    pub(in crate::boxes) async fn post_json<T: DeserializeOwned>(
        &self,
        url: &Url,
        body: &impl Serialize,
    ) -> Result<T, Cause> {
        let (line, response) = self.written(Method::POST, url, Some(body)).await?;
        let body = self.body(line.clone(), response).await?;
        decode(line, &body)
    }

    /// Sends a PUT or DELETE without a body.
    ///
    /// # Errors
    /// The errors of [`Self::send_json`].
    pub(in crate::boxes) async fn send_empty(
        &self,
        method: Method,
        url: &Url,
    ) -> Result<(), Cause> {
        self.written(method, url, None::<&()>).await.map(drop)
    }

    async fn written(
        &self,
        method: Method,
        url: &Url,
        body: Option<&impl Serialize>,
    ) -> Result<(RequestLine, Response), Cause> {
        self.wait_for_limits().await;
        let mut headers = HeaderMap::new();
        let json = |body| serde_json::to_vec(body).map(Bytes::from);
        let body = body.map(json).transpose();
        let body = body.map_err(|error| Cause::Internal(error.to_string()))?;
        match &body {
            Some(_) => {
                let json = HeaderValue::from_static("application/json");
                headers.insert(CONTENT_TYPE, json);
            }
            // Some servers demand a length for a PUT without a body.
            None => drop(headers.insert(CONTENT_LENGTH, HeaderValue::from_static("0"))),
        }
        let line = request_line(name(&method), url);
        let sent = Outgoing {
            method,
            url,
            headers: &headers,
            body,
        };
        let response = self.send_authenticated(&sent, &line).await?;
        self.limits.record(response.headers());
        let (root, limit) = (&self.registry_url, self.options.timeout);
        let response = write::success(&self.pool, root, line.clone(), response, limit).await?;
        Ok((line, response))
    }

    /// Uploads bytes to an address that the registry gave, without the token: the address authorises by itself.
    ///
    /// # Errors
    /// Fails for a refusal and without a reply; [`Cause::Unencrypted`] for an address without TLS that a registry with
    /// TLS gave, unless that is allowed; [`Cause::Unconfirmed`] for a success that proves nothing.
    pub(in crate::boxes) async fn upload(
        &self,
        url: &Url,
        source: &impl UploadSource,
    ) -> Result<(), Cause> {
        let root = &self.registry_url;
        if is_unencrypted(root, url) {
            if !self.options.allow_http_upload {
                let request = secret_line("PUT", url);
                return Err(Cause::Unencrypted { request });
            }
            let to = &url.origin().ascii_serialization();
            self.reporter().report(Event::Unencrypted { to });
        }
        let limits = UploadLimits {
            // At the end of an upload, the server may need time to process a large file.
            stall: self.options.timeout.saturating_mul(2),
            reply: self.options.timeout,
        };
        let reporter = &self.options.reporter;
        write::upload(&self.pool, root, url, source, limits, reporter).await
    }

    /// Adds an address that authorises by itself to the redactor.
    pub(in crate::boxes) fn hide(&self, url: &Url) {
        self.options.redactor.add_url(url, "");
    }
}

fn name(method: &Method) -> &'static str {
    match *method {
        Method::POST => "POST",
        Method::DELETE => "DELETE",
        _ => "PUT",
    }
}

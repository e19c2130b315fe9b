//! Raw HTTP: the calls of the API, the upload and the download, each ending in an [`Exchange`].
//!
//! Redirects are never followed by themselves; [`Http::download`] does it by hand, so that no token reaches another
//! origin. Every text made here is redacted.

use std::time::Duration;

use reqwest::{Client, Method, Response, Url, redirect};
use serde_json::Value;

use crate::{
    encoding::Encoding,
    exchange::Exchange,
    fault::{Fault, Verdict, broken},
    outgoing::{Outgoing, Payload, Sending},
    secrets::Secrets,
    target::Target,
};

const MOST_REDIRECTS: usize = 5;

/// Where a call carries which token.
#[derive(Debug, Clone, Copy)]
pub enum Auth<'a> {
    /// Nowhere.
    Anonymous,
    /// In the header `X-Atlas-Token`.
    Header(&'a str),
    /// In the header `Authorization`, as a bearer token.
    Bearer(&'a str),
    /// In the query parameter `access_token`.
    Query(&'a str),
}

/// A connection to the server under judgement.
pub struct Http {
    client: Client,
    api: String,
    token: String,
    secrets: Secrets,
}

impl Http {
    /// A client for the target that knows its secrets.
    ///
    /// # Errors
    /// The HTTP client cannot be built, for want of certificates say.
    pub fn new(target: &Target) -> Verdict<Self> {
        let mut client = Client::builder()
            .redirect(redirect::Policy::none())
            .connect_timeout(Duration::from_secs(10))
            .timeout(Duration::from_secs(60));
        if target.is_loopback() {
            client = client.no_proxy();
        }
        let client = client
            .build()
            .map_err(|error| trouble("building the HTTP client", error))?;
        let secrets = Secrets::default();
        secrets.add(target.token(), "[token]");
        secrets.add(target.other_token().unwrap_or_default(), "[other token]");
        secrets.add(target.login().unwrap_or_default().1, "[password]");
        Ok(Self {
            client,
            api: target.api(),
            token: target.token().to_owned(),
            secrets,
        })
    }

    /// The text without secrets.
    pub fn redact(&self, text: &str) -> String {
        self.secrets.redact(text)
    }

    /// A read of a path below the API, with the target's token.
    pub fn get(&self, path: impl Into<String>) -> Call<'_> {
        self.call(Method::GET, path.into(), Value::Null)
    }

    /// A write of fields to a path below the API, with the target's token. Only the context calls it, which sees to it
    /// that nothing is written outside of the run's own names.
    pub(crate) fn post(&self, path: impl Into<String>, fields: Value) -> Call<'_> {
        self.call(Method::POST, path.into(), fields)
    }

    fn call(&self, method: Method, path: String, fields: Value) -> Call<'_> {
        Call {
            http: self,
            method,
            path,
            fields,
            query: Vec::new(),
            auth: Auth::Header(&self.token),
            encoding: Encoding::Json,
            close: false,
        }
    }

    /// Sends bytes to an upload path, verbatim but for the query, which genuine clients overwrite; with no token and no
    /// Content-Type, on a connection of its own.
    ///
    /// # Errors
    /// The path is no absolute address, or there is no reply.
    pub async fn put(
        &self,
        upload_path: &str,
        bytes: &[u8],
        sending: Sending,
    ) -> Verdict<Exchange> {
        let mut url = absolute(upload_path)?;
        url.set_query(None);
        let upload = Outgoing::new(Method::PUT, url)
            .header("Connection", "close")
            .carrying(Payload::File(bytes.to_vec(), sending));
        self.send(upload).await
    }

    /// Fetches a path below the API with the target's token, or anonymously, following redirects. A token never leaves
    /// the origin of the API.
    ///
    /// # Errors
    /// A redirect leads nowhere or too far, or there is no reply.
    pub async fn download(&self, path: &str, auth: Auth<'_>) -> Verdict<Exchange> {
        let mut url = absolute(&format!("{}{path}", self.api))?;
        let home = url.origin();
        for _ in 0..=MOST_REDIRECTS {
            let download = Outgoing::new(Method::GET, url.clone());
            let download = if url.origin() == home {
                download.authorised(auth)
            } else {
                download
            };
            let exchange = self.send(download).await?;
            let Some(next) = exchange.location() else {
                return Ok(exchange);
            };
            url = url
                .join(next)
                .map_err(|_| exchange.broken("a redirect to an address"))?;
            // A redirect to a store is signed: whoever reads it can fetch the file.
            self.secrets.add(url.as_str(), "[redirect]");
        }
        Err(broken(
            "the file after a few redirects",
            format!("more than {MOST_REDIRECTS} redirects from {path}"),
        ))
    }

    /// The only way out: whatever is sent, is sent here.
    async fn send(&self, outgoing: Outgoing) -> Verdict<Exchange> {
        let line = outgoing.line();
        let lost = |error| match trouble(&line, error) {
            Fault::Trouble(text) => Fault::Trouble(self.redact(&text)),
            fault => fault,
        };
        let response = outgoing.request(&self.client).send().await.map_err(lost)?;
        let (status, location) = (response.status().as_u16(), location_of(&response));
        let encoding = encoding_of(&response);
        let body = response.bytes().await.map_err(lost)?.to_vec();
        if let Ok(value) = serde_json::from_slice(&body) {
            self.secrets.learn(&value);
        }
        let mut exchange = Exchange::new(&self.secrets, &line, status, location, body);
        exchange.encoding = encoding;
        exchange.available()?;
        Ok(exchange)
    }
}

/// A call of the API that is not yet sent.
pub struct Call<'a> {
    http: &'a Http,
    method: Method,
    path: String,
    query: Vec<(String, String)>,
    auth: Auth<'a>,
    encoding: Encoding,
    fields: Value,
    close: bool,
}

impl<'a> Call<'a> {
    /// Carries this token, or none.
    pub fn auth(mut self, auth: Auth<'a>) -> Self {
        self.auth = auth;
        self
    }

    /// Writes the fields this way.
    pub fn encoded(mut self, encoding: Encoding) -> Self {
        self.encoding = encoding;
        self
    }

    /// Asks for the connection to be closed, as the Go client does each time.
    pub fn closing(mut self) -> Self {
        self.close = true;
        self
    }

    /// Adds parameters to the query.
    pub fn query(mut self, pairs: &[(&str, &str)]) -> Self {
        self.query.extend(
            pairs
                .iter()
                .map(|(key, value)| ((*key).to_owned(), (*value).to_owned())),
        );
        self
    }

    /// Sends the call.
    ///
    /// # Errors
    /// [`Fault::Trouble`] when there is no reply, whatever its status.
    pub async fn send(self) -> Verdict<Exchange> {
        let mut url = absolute(&format!("{}{}", self.http.api, self.path))?;
        if !self.query.is_empty() {
            url.query_pairs_mut().extend_pairs(&self.query);
        }
        if let Auth::Query(token) = self.auth {
            url.query_pairs_mut().append_pair("access_token", token);
        }
        let mut outgoing = Outgoing::new(self.method, url).authorised(self.auth);
        if self.close {
            outgoing = outgoing.header("Connection", "close");
        }
        if outgoing.method == Method::POST {
            if let Some(kind) = self.encoding.content_type() {
                outgoing = outgoing.header("Content-Type", kind);
            }
            outgoing = outgoing.carrying(Payload::Text(self.encoding.write(&self.fields)));
        }
        self.http.send(outgoing).await
    }

    /// Sends the call, which must succeed.
    ///
    /// # Errors
    /// As [`Call::send`], and [`Fault::Broken`] when the status is no success.
    pub async fn succeed(self) -> Verdict<Exchange> {
        let exchange = self.send().await?;
        exchange.success()?;
        Ok(exchange)
    }

    /// Sends the call, which must be answered with this status.
    ///
    /// # Errors
    /// As [`Call::send`], and [`Fault::Broken`] when the status is another one.
    pub async fn answer(self, status: u16) -> Verdict<Exchange> {
        let exchange = self.send().await?;
        exchange.status_is(status)?;
        Ok(exchange)
    }
}

/// A transport error as a fault. The address is left out: it may hold a token.
fn trouble(what: &str, error: reqwest::Error) -> Fault {
    let error = error.without_url();
    let mut text = format!("{what}: {error}");
    let mut source = std::error::Error::source(&error);
    while let Some(cause) = source {
        text = format!("{text}: {cause}");
        source = cause.source();
    }
    Fault::Trouble(text)
}

fn absolute(text: &str) -> Verdict<Url> {
    Url::parse(text)
        .ok()
        .filter(|url| matches!(url.scheme(), "http" | "https"))
        .ok_or_else(|| broken("an absolute http or https address", "none"))
}

fn location_of(response: &Response) -> Option<String> {
    let moved = matches!(response.status().as_u16(), 301 | 302 | 303 | 307 | 308);
    let location = response.headers().get("Location")?.to_str().ok()?;
    moved.then(|| location.to_owned())
}

fn encoding_of(response: &Response) -> Option<String> {
    let encoding = response.headers().get("Content-Encoding")?;
    Some(String::from_utf8_lossy(encoding.as_bytes()).into_owned())
}

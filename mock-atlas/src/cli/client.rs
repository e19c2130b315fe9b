//! A client of a running emulator's API below `/_mock`.
//!
//! The client uses hyper directly: the emulator speaks plain HTTP/1.1, or HTTP/1.1 over TLS, and a
//! client library with pools, proxies and the system's certificates would be most of the program.

use std::time::Duration;

use axum::body::{Body, Bytes};
use axum::http::uri::Authority;
use axum::http::{HeaderMap, Method, Request, StatusCode, Uri, header};
use clap::{Args, value_parser};
use http_body_util::BodyExt;
use hyper::body::Incoming;
use hyper::client::conn::http1::{self, SendRequest};
use hyper_util::rt::TokioIo;
use mock_atlas::local_url;
use serde_json::Value;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;

use super::idle_timeout::IdleTimeout;
use super::retry::Failure;
use super::tls::Trust;
use super::{EmulatorArguments, serve};

/// The default of the idle timeout.
const IDLE_TIMEOUT: Duration = Duration::from_secs(30);

/// The largest size in bytes of a reply that is read into memory. The largest reply is a journal,
/// which has a few megabytes unless its capacity was raised.
const MOST: usize = 64 * 1024 * 1024;

/// The largest size in bytes of an error reply.
const MOST_OF_ERROR: usize = 64 * 1024;

/// Where the emulator is. Its token is that of `--token`, else that of `ATLAS_TOKEN`.
#[derive(Debug, Args)]
pub(super) struct Server {
    /// The address of the running emulator [default: the address of --listen]
    #[arg(long, env = "ATLAS_ADDRESS", value_name = "URL")]
    atlas_url: Option<String>,

    /// The longest time to wait while no byte moves; a transfer that continues, such as a large
    /// backup, may take longer [default: 30; for `health`, 5 in all]
    #[arg(long, value_name = "SECONDS", value_parser = value_parser!(u64).range(1..))]
    timeout: Option<u64>,
}

impl Server {
    /// Returns the timeout, if it was given.
    pub(super) fn timeout(&self) -> Option<Duration> {
        self.timeout.map(Duration::from_secs)
    }
}

fn prefix(address: &Uri) -> String {
    address.path().trim_end_matches('/').to_owned()
}

/// A client of one emulator.
pub(super) struct Client {
    address: String,
    host: Authority,
    /// The prefix of all paths, which a proxy in front of the emulator may require; without a
    /// trailing slash.
    prefix: String,
    /// The trusted CA; `None` without TLS.
    trust: Option<Trust>,
    token: Option<String>,
    idle_timeout: IdleTimeout,
}

impl Client {
    pub(super) fn new(server: &Server, arguments: &EmulatorArguments) -> Result<Self, String> {
        // CI systems may set variables to empty values, which count as not set.
        let named = server.atlas_url.clone().filter(|url| !url.is_empty());
        let address = match named {
            Some(url) => url,
            None => {
                let url = local_url(arguments.listen.unwrap_or(serve::DEFAULT));
                if arguments.tls.is_on() {
                    url.replacen("http", "https", 1)
                } else {
                    url
                }
            }
        };
        // A password in the address would appear in messages, and the client would not send it.
        if address.contains('@') {
            return Err("the address of an emulator must not contain a user or a password: the token identifies the caller".to_owned());
        }
        // The API's path may be part of the address, as for every client of Atlas.
        let address = address.trim_end_matches('/');
        let address = address.strip_suffix("/api/v1").unwrap_or(address);
        let uri = address.parse::<Uri>().ok();
        let is_tls = uri.as_ref().and_then(Uri::scheme_str) == Some("https");
        let (host, prefix) = uri
            .filter(|uri| matches!(uri.scheme_str(), Some("http" | "https")))
            .and_then(|uri| Some((uri.authority()?.clone(), prefix(&uri))))
            .ok_or_else(|| format!("{address:?} is not the address of an emulator: an address must be like http://127.0.0.1:28527"))?;
        let variable = || {
            std::env::var("ATLAS_TOKEN")
                .ok()
                .filter(|token| !token.is_empty())
        };
        Ok(Self {
            address: address.to_owned(),
            host,
            prefix,
            trust: is_tls.then(|| Trust::new(&arguments.tls)),
            token: arguments.token.clone().or_else(variable),
            idle_timeout: IdleTimeout::new(server.timeout().unwrap_or(IDLE_TIMEOUT)),
        })
    }

    /// Sends JSON or an empty body, and returns the JSON of the reply.
    pub(super) async fn json(
        &self,
        method: Method,
        path: &str,
        body: Option<Value>,
    ) -> Result<Value, String> {
        let body = body.map_or_else(Body::empty, |body| Body::from(body.to_string()));
        let reply = self.send(method, path, body).await?;
        if reply.is_empty() {
            return Ok(Value::Null);
        }
        serde_json::from_slice(&reply)
            .map_err(|error| format!("the reply of {} is not JSON: {error}", self.address))
    }

    /// Sends a body, and returns the body of the reply.
    pub(super) async fn send(
        &self,
        method: Method,
        path: &str,
        body: Body,
    ) -> Result<Bytes, String> {
        Ok(self.attempt(method, path, body).await?)
    }

    /// Sends a body, and returns the body of the reply, or a failure that says whether another attempt may help.
    pub(super) async fn attempt(
        &self,
        method: Method,
        path: &str,
        body: Body,
    ) -> Result<Bytes, Failure> {
        let gathered = async {
            let reply = self.stream(method, path, body).await?;
            self.gather(reply, MOST).await
        };
        let whole = self.idle_timeout.wait_for_whole(gathered).await;
        let whole = whole.map_err(|silence| Failure::passing(silence, Duration::ZERO))??;
        let too_large = || {
            format!(
                "the reply of {} is larger than the {} MiB that are read of a reply: request less",
                self.address,
                MOST / 1024 / 1024
            )
        };
        whole.ok_or_else(|| too_large().into())
    }

    /// Returns the address of the emulator, without a trailing slash.
    pub(super) fn address(&self) -> &str {
        &self.address
    }

    /// Sends a body, and returns the body of a successful reply, which [`Client::part`] reads.
    pub(super) async fn stream(
        &self,
        method: Method,
        path: &str,
        body: Body,
    ) -> Result<Incoming, Failure> {
        self.exchange(method, &format!("/_mock{path}"), body).await
    }

    /// Returns the body of a successful reply to a GET of the API of Atlas.
    pub(super) async fn stream_of_api(&self, path: &str) -> Result<Incoming, Failure> {
        self.exchange(Method::GET, path, Body::empty()).await
    }

    /// Sends a DELETE to the API of Atlas.
    pub(super) async fn delete_in_api(&self, path: &str) -> Result<(), String> {
        let reply = self.exchange(Method::DELETE, path, Body::empty()).await?;
        self.gather(reply, MOST).await?;
        Ok(())
    }

    async fn exchange(&self, method: Method, path: &str, body: Body) -> Result<Incoming, Failure> {
        let request = self.request(method, path, body)?;
        let host = self.host.host().trim_matches(['[', ']']);
        let stream = self.connect(host).await?;
        let mut sender = match &self.trust {
            None => self.speak(stream).await?,
            Some(trust) => {
                let agreed = self.wait("the TLS handshake", trust.connect(host, stream));
                self.speak(agreed.await??).await?
            }
        };
        let reply = self.wait("the beginning of the reply", sender.send_request(request));
        let reply = reply.await?.map_err(|error| self.broken(&error))?;
        let status = reply.status();
        if status.is_success() {
            return Ok(reply.into_body());
        }
        let wait = wait(status, reply.headers());
        let body = self.gather(reply.into_body(), MOST_OF_ERROR).await;
        let message = self.refused(status, body);
        Err(match wait {
            Some(wait) => Failure::passing(message, wait),
            None => message.into(),
        })
    }

    /// Returns the next part of a reply; `None` at its end.
    pub(super) async fn part(&self, body: &mut Incoming) -> Result<Option<Bytes>, Failure> {
        loop {
            let frame = self.wait("the rest of the reply", body.frame()).await?;
            let Some(frame) = frame.transpose().map_err(|error| self.broken(&error))? else {
                return Ok(None);
            };
            if let Ok(part) = frame.into_data() {
                return Ok(Some(part));
            }
        }
    }

    /// Returns the whole body of a reply; `None` if it has more than `most` bytes.
    async fn gather(&self, mut body: Incoming, most: usize) -> Result<Option<Bytes>, Failure> {
        let mut gathered = Vec::new();
        while let Some(part) = self.part(&mut body).await? {
            if gathered.len() + part.len() > most {
                return Ok(None);
            }
            gathered.extend_from_slice(&part);
        }
        Ok(Some(gathered.into()))
    }

    async fn connect(
        &self,
        host: &str,
    ) -> Result<impl AsyncRead + AsyncWrite + Unpin + Send + use<>, Failure> {
        let usual = if self.trust.is_some() { 443 } else { 80 };
        let port = self.host.port_u16().unwrap_or(usual);
        let stream = self.wait("a connection", TcpStream::connect((host, port)));
        let stream = stream.await?.map_err(|error| self.broken(&error))?;
        Ok(self.idle_timeout.watch(stream))
    }

    async fn wait<T>(&self, what: &str, future: impl Future<Output = T>) -> Result<T, Failure> {
        let waited = self.idle_timeout.wait(what, future).await;
        waited.map_err(|silence| {
            Failure::passing(format!("{}: {silence}", self.address), Duration::ZERO)
        })
    }

    /// Starts HTTP on a connection.
    async fn speak(
        &self,
        stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static,
    ) -> Result<SendRequest<Body>, Failure> {
        let (sender, connection) = http1::handshake(TokioIo::new(stream))
            .await
            .map_err(|error| self.broken(&error))?;
        // The task ends with the reply. A broken connection fails the request as well, so the
        // task's result is not needed.
        tokio::spawn(connection);
        Ok(sender)
    }

    fn broken(&self, error: &dyn std::error::Error) -> Failure {
        let message = format!(
            "cannot reach {}: {error}. Is mock-atlas running there? --atlas-url sets its address.",
            self.address
        );
        Failure::passing(message, Duration::ZERO)
    }

    fn request(&self, method: Method, path: &str, body: Body) -> Result<Request<Body>, String> {
        let mut request = Request::builder()
            .method(method)
            .uri(format!("{}{path}", self.prefix))
            .header(header::HOST, self.host.as_str())
            .header(header::CONNECTION, "close");
        if let Some(token) = &self.token {
            request = request.header("X-Atlas-Token", token);
        }
        // The error of hyper could show the invalid value, which may be the token.
        request.body(body).map_err(|_| {
            "the token or an argument has characters that a request cannot contain".into()
        })
    }

    /// Returns the message for an error reply, with as much of its body as could be read.
    fn refused(&self, status: StatusCode, body: Result<Option<Bytes>, Failure>) -> String {
        let reasons = match body {
            Ok(Some(body)) => reasons(&body),
            Ok(None) => "the body is too large for an error".to_owned(),
            Err(broken) => format!("the body could not be read: {broken}"),
        };
        let hint = match (status, &self.token) {
            (StatusCode::UNAUTHORIZED, None) => " Set --token or ATLAS_TOKEN.",
            _ => "",
        };
        format!("{} answered {status}: {reasons}{hint}", self.address)
    }
}

/// Returns the wait that an error reply asks for; `None` if another attempt would be refused as well.
fn wait(status: StatusCode, headers: &HeaderMap) -> Option<Duration> {
    if !matches!(status.as_u16(), 408 | 425 | 429 | 500 | 502..=504) {
        return None;
    }
    let asked = headers.get(header::RETRY_AFTER);
    let seconds = asked.and_then(|asked| asked.to_str().ok()?.trim().parse().ok());
    Some(Duration::from_secs(seconds.unwrap_or(0)))
}

/// Returns the messages of an emulator's error reply; empty for other bodies.
fn reasons(body: &[u8]) -> String {
    let body: Value = serde_json::from_slice(body).unwrap_or_default();
    let reasons: Vec<&str> = body["errors"]
        .as_array()
        .into_iter()
        .flatten()
        .filter_map(Value::as_str)
        .collect();
    reasons.join(", ")
}

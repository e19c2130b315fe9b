//! Asks a running emulator for what is below `/_mock`.
//!
//! On hyper itself: the emulator speaks plain HTTP/1.1 or the same over TLS, and a client with pools,
//! proxies and the system's certificates would be most of the program.

use std::time::Duration;

use axum::body::{Body, Bytes};
use axum::http::uri::Authority;
use axum::http::{Method, Request, StatusCode, Uri, header};
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
use super::tls::Trust;
use super::{EmulatorArguments, serve};

/// How long to wait while nothing moves, where nothing else is said.
const IDLE_TIMEOUT: Duration = Duration::from_secs(30);

/// How much is taken of a reply that is read as a whole. The largest is a journal, which has a few
/// megabytes unless it was told to keep more than usual.
const MOST: usize = 64 * 1024 * 1024;

/// How much is taken of an error.
const MOST_OF_ERROR: usize = 64 * 1024;

/// Where the emulator is. Its token is that of `--token`, else that of `ATLAS_TOKEN`.
#[derive(Debug, Args)]
pub(super) struct Server {
    /// The address of the running emulator [default: where --listen says]
    #[arg(long, env = "ATLAS_ADDRESS", value_name = "URL")]
    atlas_url: Option<String>,

    /// The longest to wait while nothing moves; what moves, a large snapshot say, may take longer
    /// [default: 30, and for `health` 5 in all]
    #[arg(long, value_name = "SECONDS", value_parser = value_parser!(u64).range(1..))]
    timeout: Option<u64>,
}

impl Server {
    /// How long to wait, if that was said.
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
    /// What a proxy before it wants each path to begin with; without a slash at its end.
    prefix: String,
    /// Whom to trust, over TLS.
    trust: Option<Trust>,
    token: Option<String>,
    idle_timeout: IdleTimeout,
}

impl Client {
    pub(super) fn new(server: &Server, arguments: &EmulatorArguments) -> Result<Self, String> {
        // Variables that are set but empty, as CI systems leave them, are not set.
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
        // Messages show the address, and a password in it would be sent to nobody.
        if address.contains('@') {
            return Err("the address of an emulator has no user and no password in it: it is the token that says who asks".to_owned());
        }
        // As every client of Atlas, it takes the address with and without the API's path.
        let address = address.trim_end_matches('/');
        let address = address.strip_suffix("/api/v1").unwrap_or(address);
        let uri = address.parse::<Uri>().ok();
        let is_tls = uri.as_ref().and_then(Uri::scheme_str) == Some("https");
        let (host, prefix) = uri
            .filter(|uri| matches!(uri.scheme_str(), Some("http" | "https")))
            .and_then(|uri| Some((uri.authority()?.clone(), prefix(&uri))))
            .ok_or_else(|| format!("{address:?} is no address of an emulator: it must be like http://127.0.0.1:28527"))?;
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

    /// Sends JSON, or nothing, and gives back the JSON that is answered.
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
            .map_err(|error| format!("{} answered no JSON: {error}", self.address))
    }

    /// Sends a body, or nothing, and gives back all that is answered.
    pub(super) async fn send(
        &self,
        method: Method,
        path: &str,
        body: Body,
    ) -> Result<Bytes, String> {
        let gathered = async {
            let reply = self.stream(method, path, body).await?;
            self.gather(reply, MOST).await
        };
        let whole = self.idle_timeout.wait_for_whole(gathered).await??;
        whole.ok_or_else(|| {
            format!(
                "{} answered more than the {} MiB that are taken of a reply: ask for less of it",
                self.address,
                MOST / 1024 / 1024
            )
        })
    }

    /// Sends a body, and gives back that of a reply that succeeds, to be read by [`Client::part`].
    pub(super) async fn stream(
        &self,
        method: Method,
        path: &str,
        body: Body,
    ) -> Result<Incoming, String> {
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
        let reply = self.wait("the beginning of its reply", sender.send_request(request));
        let reply = reply.await?.map_err(|error| self.broken(&error))?;
        let status = reply.status();
        if status.is_success() {
            return Ok(reply.into_body());
        }
        let body = self.gather(reply.into_body(), MOST_OF_ERROR).await;
        Err(self.refused(status, body))
    }

    /// The next part of a reply; none at its end.
    pub(super) async fn part(&self, body: &mut Incoming) -> Result<Option<Bytes>, String> {
        loop {
            let frame = self.wait("the rest of its reply", body.frame()).await?;
            let Some(frame) = frame.transpose().map_err(|error| self.broken(&error))? else {
                return Ok(None);
            };
            if let Ok(part) = frame.into_data() {
                return Ok(Some(part));
            }
        }
    }

    /// All of a reply; nothing if it has more than so many bytes.
    async fn gather(&self, mut body: Incoming, most: usize) -> Result<Option<Bytes>, String> {
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
    ) -> Result<impl AsyncRead + AsyncWrite + Unpin + Send + use<>, String> {
        let usual = if self.trust.is_some() { 443 } else { 80 };
        let port = self.host.port_u16().unwrap_or(usual);
        let stream = self.wait("a connection", TcpStream::connect((host, port)));
        let stream = stream.await?.map_err(|error| self.broken(&error))?;
        Ok(self.idle_timeout.watch(stream))
    }

    async fn wait<T>(&self, what: &str, future: impl Future<Output = T>) -> Result<T, String> {
        let waited = self.idle_timeout.wait(what, future).await;
        waited.map_err(|silence| format!("{}: {silence}", self.address))
    }

    /// HTTP on a connection.
    async fn speak(
        &self,
        stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static,
    ) -> Result<SendRequest<Body>, String> {
        let (sender, connection) = http1::handshake(TokioIo::new(stream))
            .await
            .map_err(|error| self.broken(&error))?;
        // It ends with the reply, and what breaks it breaks the request too.
        tokio::spawn(connection);
        Ok(sender)
    }

    fn broken(&self, error: &dyn std::error::Error) -> String {
        format!(
            "cannot reach {}: {error}. Is mock-atlas running there? --atlas-url says where it is.",
            self.address
        )
    }

    fn request(&self, method: Method, path: &str, body: Body) -> Result<Request<Body>, String> {
        let mut request = Request::builder()
            .method(method)
            .uri(format!("{}/_mock{path}", self.prefix))
            .header(header::HOST, self.host.as_str())
            .header(header::CONNECTION, "close");
        if let Some(token) = &self.token {
            request = request.header("X-Atlas-Token", token);
        }
        // The error would show what cannot be in a header, and that may be the token.
        request
            .body(body)
            .map_err(|_| "the token or the argument has characters that no request can hold".into())
    }

    /// An error that was answered, with as much of its body as could be read.
    fn refused(&self, status: StatusCode, body: Result<Option<Bytes>, String>) -> String {
        let reasons = match body {
            Ok(Some(body)) => reasons(&body),
            Ok(None) => "with a body that is longer than any error".to_owned(),
            Err(broken) => format!("with a body that does not end: {broken}"),
        };
        let hint = match (status, &self.token) {
            (StatusCode::UNAUTHORIZED, None) => " Set --token or ATLAS_TOKEN.",
            _ => "",
        };
        format!("{} answered {status}: {reasons}{hint}", self.address)
    }
}

/// What an error says, if it is one of an emulator.
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

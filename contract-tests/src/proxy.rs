//! A proxy before a correct emulator that can spoil what passes, and remembers what it saw.

use std::{
    io,
    sync::{Arc, Mutex, PoisonError},
};

use axum::{
    Router,
    body::{Body, Bytes},
    extract::State,
    http::{HeaderMap, HeaderName, HeaderValue, Method, Response, StatusCode, Uri, header},
};
use futures_util::{future, stream};
use http_body_util::BodyExt;
use tokio::net::TcpListener;

use crate::{
    exchange::SUCCESS,
    settings::{Settings, TargetError},
    target::Target,
};

/// A request on its way to the emulator.
#[derive(Debug, Clone)]
pub struct Request {
    /// Its method.
    pub method: Method,
    /// The path and the query.
    pub target: String,
    /// Its headers, as they came.
    pub headers: HeaderMap,
    /// Its body, as far as it came.
    pub body: Bytes,
    /// Whether the whole body came; the emulator never sees a request whose body did not, unless it is made whole.
    pub whole: bool,
}

impl Request {
    /// The target without its query.
    pub fn path(&self) -> &str {
        self.target.split('?').next().unwrap_or_default()
    }

    /// Whether it has this method, and a path that ends so.
    pub fn is(&self, method: Method, path_end: &str) -> bool {
        self.method == method && self.path().ends_with(path_end)
    }
}

/// A reply on its way back.
#[derive(Debug, Clone)]
pub struct Reply {
    /// Its status.
    pub status: u16,
    /// Where a redirect leads to.
    pub location: Option<String>,
    /// Its body.
    pub body: Vec<u8>,
}

impl Reply {
    /// A reply that leads nowhere.
    pub fn new(status: u16, body: impl Into<Vec<u8>>) -> Self {
        Self {
            status,
            location: None,
            body: body.into(),
        }
    }

    /// Whether its status is one that the Go client takes as success.
    pub fn succeeded(&self) -> bool {
        SUCCESS.contains(&self.status)
    }

    /// The path, without a query, of the upload address that it hands out.
    pub fn upload_path(&self) -> Option<String> {
        let body: serde_json::Value = serde_json::from_slice(&self.body).ok()?;
        let address = reqwest::Url::parse(body.get("upload_path")?.as_str()?).ok()?;
        Some(address.path().to_owned())
    }

    /// Replaces a text in the body.
    pub fn replace(&mut self, from: &str, to: &str) {
        self.body = String::from_utf8_lossy(&self.body)
            .replace(from, to)
            .into_bytes();
    }

    /// Changes the body if it is JSON.
    pub fn change(&mut self, change: impl FnOnce(&mut serde_json::Value)) {
        if let Ok(mut value) = serde_json::from_slice(&self.body) {
            change(&mut value);
            self.body = value.to_string().into_bytes();
        }
    }
}

/// A request, and what became of it.
#[derive(Debug, Clone)]
pub struct Passage {
    /// The request as the client sent it.
    pub request: Request,
    /// The reply as the client was to see it; none when the client went away before.
    pub reply: Option<Reply>,
    /// Whether the reply was lost on its way.
    pub lost: bool,
}

impl Passage {
    /// The reply that the client got.
    pub fn delivered(&self) -> Option<&Reply> {
        self.reply.as_ref().filter(|_| !self.lost)
    }
}

/// What a wrong server does otherwise than the emulator.
pub trait Wrong: Send + Sync + 'static {
    /// Changes a request before the emulator sees it.
    fn request(&self, _request: &mut Request) {}
    /// Changes a reply before the client sees it.
    fn reply(&self, _request: &Request, _reply: &mut Reply) {}
    /// Whether the connection ends in place of the reply.
    fn loses(&self, _request: &Request, _reply: &Reply) -> bool {
        false
    }
}

/// Nothing is wrong.
pub struct Right;

impl Wrong for Right {}

/// Only replies are wrong.
pub struct Replies<F>(pub F);

impl<F: Fn(&Request, &mut Reply) + Send + Sync + 'static> Wrong for Replies<F> {
    fn reply(&self, request: &Request, reply: &mut Reply) {
        self.0(request, reply);
    }
}

/// Requests are taken for others.
pub struct Requests<F>(pub F);

impl<F: Fn(&mut Request) + Send + Sync + 'static> Wrong for Requests<F> {
    fn request(&self, request: &mut Request) {
        self.0(request);
    }
}

/// The running proxy; it stops on drop, and the emulator with it.
pub struct Proxy {
    /// Its address.
    pub url: String,
    emulator: Target,
    inner: Arc<Inner>,
    task: tokio::task::JoinHandle<std::io::Result<()>>,
}

struct Inner {
    url: String,
    upstream: String,
    client: reqwest::Client,
    wrong: Box<dyn Wrong>,
    passed: Mutex<Vec<Passage>>,
}

impl Proxy {
    /// Starts an emulator and a proxy before it.
    ///
    /// # Errors
    /// Either does not start.
    pub async fn start(wrong: impl Wrong) -> Result<Self, TargetError> {
        Self::before(Target::emulator().await?, wrong).await
    }

    /// Starts a proxy before an emulator.
    ///
    /// # Errors
    /// It does not start.
    pub async fn before(emulator: Target, wrong: impl Wrong) -> Result<Self, TargetError> {
        let failed = |error: &dyn std::error::Error| TargetError::Emulator(error.to_string());
        let listener = TcpListener::bind("127.0.0.1:0")
            .await
            .map_err(|error| failed(&error))?;
        let address = listener.local_addr().map_err(|error| failed(&error))?;
        let client = reqwest::Client::builder()
            .no_proxy()
            .redirect(reqwest::redirect::Policy::none())
            .build()
            .map_err(|error| failed(&error))?;
        let inner = Arc::new(Inner {
            url: format!("http://{address}"),
            upstream: emulator.root().to_owned(),
            client,
            wrong: Box::new(wrong),
            passed: Mutex::default(),
        });
        let router = Router::new().fallback(pass).with_state(inner.clone());
        let task = tokio::spawn(async move { axum::serve(listener, router).await });
        Ok(Self {
            url: inner.url.clone(),
            emulator,
            inner,
            task,
        })
    }

    /// What an operator would tell about this server.
    pub fn settings(&self) -> Settings {
        let emulator = &self.emulator;
        let (login, password) = emulator.login().unzip();
        Settings {
            url: self.url.clone(),
            token: emulator.token().to_owned(),
            namespace: emulator.namespace().to_owned(),
            login: login.map(str::to_owned),
            password: password.map(str::to_owned),
            other_token: emulator.other_token().map(str::to_owned),
            public_artifact: emulator
                .public_artifact()
                .map(|name| format!("{}/{name}", emulator.namespace())),
            max_id_length: emulator.max_id_length(),
            ..Settings::default()
        }
    }

    /// The requests it saw so far, as they came.
    pub fn seen(&self) -> Vec<Request> {
        let passed = self.passed().into_iter();
        passed.map(|passage| passage.request).collect()
    }

    /// What passed so far, in the order in which the requests began.
    pub fn passed(&self) -> Vec<Passage> {
        let passed = self.inner.passed.lock();
        passed.unwrap_or_else(PoisonError::into_inner).clone()
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn pass(
    State(inner): State<Arc<Inner>>,
    method: Method,
    uri: Uri,
    headers: HeaderMap,
    body: Body,
) -> Response<Body> {
    let mut request = Request {
        method,
        target: uri.to_string(),
        headers,
        body: Bytes::new(),
        whole: false,
    };
    let place = inner.remember(&request);
    (request.body, request.whole) = received(body).await;
    inner.note(place, |passage| passage.request = request.clone());
    inner.wrong.request(&mut request);
    let mut reply = inner.answer(&request).await;
    inner.wrong.reply(&request, &mut reply);
    let lost = inner.wrong.loses(&request, &reply);
    inner.note(place, |passage| {
        passage.reply = Some(reply.clone());
        passage.lost = lost;
    });
    if lost {
        return hang_up();
    }
    response(reply)
}

/// The server gives a reply up, head and all, when its body fails before anything of it was sent.
fn hang_up() -> Response<Body> {
    let failed = future::ready(Err::<Bytes, _>(io::Error::other("lost on purpose")));
    Response::new(Body::from_stream(stream::once(failed)))
}

/// A body, as far as it comes.
async fn received(mut body: Body) -> (Bytes, bool) {
    let mut bytes = Vec::new();
    while let Some(frame) = body.frame().await {
        match frame.map(|frame| frame.into_data()) {
            Ok(Ok(data)) => bytes.extend_from_slice(&data),
            // Trailers say nothing here.
            Ok(Err(_)) => {}
            Err(_) => return (bytes.into(), false),
        }
    }
    (bytes.into(), true)
}

fn response(reply: Reply) -> Response<Body> {
    let mut response = Response::new(Body::from(reply.body));
    *response.status_mut() = StatusCode::from_u16(reply.status).unwrap_or(StatusCode::BAD_GATEWAY);
    let location = reply.location.map(HeaderValue::try_from);
    if let Some(Ok(location)) = location {
        response.headers_mut().insert(header::LOCATION, location);
    }
    response
}

impl Inner {
    /// The place of a request that begins.
    fn remember(&self, request: &Request) -> usize {
        let mut passed = self.passed.lock().unwrap_or_else(PoisonError::into_inner);
        passed.push(Passage {
            request: request.clone(),
            reply: None,
            lost: false,
        });
        passed.len() - 1
    }

    fn note(&self, place: usize, note: impl FnOnce(&mut Passage)) {
        let mut passed = self.passed.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(passage) = passed.get_mut(place) {
            note(passage);
        }
    }

    /// The emulator's reply. There is none for half a request, nor when the emulator is gone.
    async fn answer(&self, request: &Request) -> Reply {
        if !request.whole {
            return Reply::new(400, "");
        }
        let reply = self.forward(request).await;
        reply.unwrap_or_else(|_| Reply::new(502, ""))
    }

    async fn forward(&self, request: &Request) -> reqwest::Result<Reply> {
        let url = format!("{}{}", self.upstream, request.target);
        let headers: HeaderMap = request
            .headers
            .iter()
            .filter(|(name, _)| !is_of_the_hop(name))
            .map(|(name, value)| (name.clone(), value.clone()))
            .collect();
        let sent = self
            .client
            .request(request.method.clone(), url)
            .headers(headers)
            .body(request.body.clone());
        let response = sent.send().await?;
        let status = response.status().as_u16();
        let mut reply = Reply::new(status, response.bytes().await?);
        // Uploads pass here too; files that are no text stay as they are.
        if std::str::from_utf8(&reply.body).is_ok() {
            reply.replace(&self.upstream, &self.url);
        }
        Ok(reply)
    }
}

fn is_of_the_hop(name: &HeaderName) -> bool {
    [
        header::HOST,
        header::CONTENT_LENGTH,
        header::TRANSFER_ENCODING,
        header::CONNECTION,
    ]
    .contains(name)
}

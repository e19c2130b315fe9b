//! A proxy before a correct emulator that can spoil what passes, and remembers what it saw, as far as that has [`budget`].

pub mod body_budget;

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
use futures_util::{
    future::{self, BoxFuture},
    stream,
};
use tokio::{net::TcpListener, sync::watch};

use body_budget::{BodyBudget, MAX_BODY_BYTES};

use crate::{
    http::exchange::SUCCESS,
    run::{
        settings::{Settings, TargetError},
        target::Target,
    },
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
    /// Its other headers.
    pub headers: HeaderMap,
    /// Its body.
    pub body: Vec<u8>,
}

impl Reply {
    /// A reply with no headers.
    pub fn new(status: u16, body: impl Into<Vec<u8>>) -> Self {
        Self {
            status,
            location: None,
            headers: HeaderMap::new(),
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

    /// Replaces a text in the body, if that is text; a file need not be.
    pub fn replace(&mut self, from: &str, to: &str) {
        if let Ok(text) = std::str::from_utf8(&self.body) {
            self.body = text.replace(from, to).into_bytes();
        }
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
pub struct Transaction {
    /// The request as the client sent it.
    pub request: Request,
    /// The reply as the client was to see it; none when the client went away before.
    pub reply: Option<Reply>,
    /// Whether the reply was lost on its way.
    pub lost: bool,
}

impl Transaction {
    /// The reply that the client got.
    pub fn delivered(&self) -> Option<&Reply> {
        self.reply.as_ref().filter(|_| !self.lost)
    }
}

/// What a wrong server does otherwise than the emulator.
pub trait Interceptor: Send + Sync + 'static {
    /// Changes a request before the emulator sees it.
    fn request(&self, _request: &mut Request) {}
    /// Changes a reply before the client sees it.
    fn reply(&self, _request: &Request, _reply: &mut Reply) {}
    /// Whether the connection ends in place of the reply.
    fn drops_reply(&self, _request: &Request, _reply: &Reply) -> bool {
        false
    }
    /// Answers a request in between: asks the emulator once, or never, or several times.
    fn answer<'a>(&'a self, request: &'a Request, emulator: &'a Emulator) -> BoxFuture<'a, Reply> {
        Box::pin(emulator.answer(request))
    }
}

impl Interceptor for Box<dyn Interceptor> {
    fn request(&self, request: &mut Request) {
        (**self).request(request);
    }

    fn reply(&self, request: &Request, reply: &mut Reply) {
        (**self).reply(request, reply);
    }

    fn drops_reply(&self, request: &Request, reply: &Reply) -> bool {
        (**self).drops_reply(request, reply)
    }

    fn answer<'a>(&'a self, request: &'a Request, emulator: &'a Emulator) -> BoxFuture<'a, Reply> {
        (**self).answer(request, emulator)
    }
}

/// Nothing is wrong.
pub struct PassThrough;

impl Interceptor for PassThrough {}

/// Only replies are wrong.
pub struct ReplyInterceptor<F>(pub F);

impl<F: Fn(&Request, &mut Reply) + Send + Sync + 'static> Interceptor for ReplyInterceptor<F> {
    fn reply(&self, request: &Request, reply: &mut Reply) {
        self.0(request, reply);
    }
}

/// Requests are taken for others.
pub struct RequestInterceptor<F>(pub F);

impl<F: Fn(&mut Request) + Send + Sync + 'static> Interceptor for RequestInterceptor<F> {
    fn request(&self, request: &mut Request) {
        self.0(request);
    }
}

/// Requests are answered with more than one question to the emulator, or with none.
pub struct AnswerInterceptor<F>(pub F);

impl<F> Interceptor for AnswerInterceptor<F>
where
    F: for<'a> Fn(&'a Request, &'a Emulator) -> BoxFuture<'a, Reply> + Send + Sync + 'static,
{
    fn answer<'a>(&'a self, request: &'a Request, emulator: &'a Emulator) -> BoxFuture<'a, Reply> {
        self.0(request, emulator)
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
    emulator: Emulator,
    interceptor: Box<dyn Interceptor>,
    transactions: Mutex<Vec<Transaction>>,
    budget: BodyBudget,
}

/// The emulator behind the proxy.
pub struct Emulator {
    url: String,
    client: reqwest::Client,
    uploads: watch::Sender<usize>,
}

impl Proxy {
    /// Starts an emulator and a proxy before it.
    ///
    /// # Errors
    /// Either does not start.
    pub async fn start(interceptor: impl Interceptor) -> Result<Self, TargetError> {
        Self::before(Target::emulator().await?, interceptor).await
    }

    /// Starts a proxy before an emulator.
    ///
    /// # Errors
    /// It does not start.
    pub async fn before(
        emulator: Target,
        interceptor: impl Interceptor,
    ) -> Result<Self, TargetError> {
        let failed = |error: &dyn std::error::Error| TargetError::Emulator(error.to_string());
        let listener = TcpListener::bind("127.0.0.1:0")
            .await
            .map_err(|error| failed(&error))?;
        let address = listener.local_addr().map_err(|error| failed(&error))?;
        let client = reqwest::Client::builder()
            .no_proxy()
            .redirect(reqwest::redirect::Policy::none())
            // The emulator speaks plain HTTP: to read this machine's certificates would take longer than most clauses.
            .tls_certs_only([])
            .build()
            .map_err(|error| failed(&error))?;
        let inner = Arc::new(Inner {
            emulator: Emulator {
                url: emulator.root().to_owned(),
                client,
                uploads: watch::Sender::default(),
            },
            interceptor: Box::new(interceptor),
            transactions: Mutex::default(),
            budget: BodyBudget::of(MAX_BODY_BYTES),
        });
        let router = Router::new().fallback(pass).with_state(inner.clone());
        let task = tokio::spawn(async move { axum::serve(listener, router).await });
        Ok(Self {
            url: format!("http://{address}"),
            emulator,
            inner,
            task,
        })
    }

    /// What an operator would tell about this server.
    pub fn settings(&self) -> Settings {
        let facts = self.emulator.facts();
        let (login, password) = facts.login.clone().unzip();
        Settings {
            url: self.url.clone(),
            token: self.emulator.token().to_owned(),
            namespace: facts.namespace.clone(),
            login,
            password,
            other_token: facts.other_token.clone(),
            public_artifact: (facts.public_artifact.as_ref())
                .map(|name| format!("{}/{name}", facts.namespace)),
            max_id_length: facts.max_id_length,
            ..Settings::default()
        }
    }

    /// The requests it saw so far, as they came.
    pub fn seen(&self) -> Vec<Request> {
        let transactions = self.transactions().into_iter();
        transactions
            .map(|transaction| transaction.request)
            .collect()
    }

    /// Whether more came than there is room for. What had none was answered with 413.
    pub fn is_full(&self) -> bool {
        self.inner.budget.is_full()
    }

    /// What passed so far, in the order in which the requests began.
    pub fn transactions(&self) -> Vec<Transaction> {
        let transactions = self.inner.transactions.lock();
        transactions.unwrap_or_else(PoisonError::into_inner).clone()
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
    let upload = (method == Method::PUT).then(|| UploadInProgress::new(&inner));
    let mut request = Request {
        method,
        target: uri.to_string(),
        headers,
        body: Bytes::new(),
        whole: false,
    };
    let place = inner.remember(&request);
    match inner.budget.received(body).await {
        Some(received) => (request.body, request.whole) = received,
        None => return response(Reply::new(413, "")),
    }
    // A server goes on with what it began, though the client be gone.
    let answered = tokio::spawn(async move {
        let _upload = upload;
        inner.answer(place, request).await
    });
    match answered.await {
        Ok(Some(reply)) => response(reply),
        Ok(None) => abort_connection(),
        Err(_) => response(Reply::new(500, "")),
    }
}

/// The server gives a reply up, head and all, when its body fails before anything of it was sent.
fn abort_connection() -> Response<Body> {
    let failed = future::ready(Err::<Bytes, _>(io::Error::other("lost on purpose")));
    Response::new(Body::from_stream(stream::once(failed)))
}

/// An upload whose bytes come, or were taken for those of a file and are not yet answered.
struct UploadInProgress(Arc<Inner>);

impl UploadInProgress {
    fn new(inner: &Arc<Inner>) -> Self {
        inner.emulator.uploads.send_modify(|count| *count += 1);
        Self(inner.clone())
    }
}

impl Drop for UploadInProgress {
    fn drop(&mut self) {
        self.0.emulator.uploads.send_modify(|count| *count -= 1);
    }
}

fn response(reply: Reply) -> Response<Body> {
    let mut response = Response::new(Body::from(reply.body));
    *response.status_mut() = StatusCode::from_u16(reply.status).unwrap_or(StatusCode::BAD_GATEWAY);
    let location = reply.location.map(HeaderValue::try_from);
    if let Some(Ok(location)) = location {
        response.headers_mut().insert(header::LOCATION, location);
    }
    response.headers_mut().extend(reply.headers);
    response
}

impl Inner {
    /// The reply, unless it is lost.
    async fn answer(&self, place: usize, mut request: Request) -> Option<Reply> {
        self.note(place, |transaction| transaction.request = request.clone());
        self.interceptor.request(&mut request);
        let mut reply = self.interceptor.answer(&request, &self.emulator).await;
        self.interceptor.reply(&request, &mut reply);
        let lost = self.interceptor.drops_reply(&request, &reply);
        self.note(place, |transaction| {
            transaction.reply = Some(reply.clone());
            transaction.lost = lost;
        });
        (!lost).then_some(reply)
    }

    /// The place of a request that begins.
    fn remember(&self, request: &Request) -> usize {
        let mut transactions = self
            .transactions
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        transactions.push(Transaction {
            request: request.clone(),
            reply: None,
            lost: false,
        });
        transactions.len() - 1
    }

    fn note(&self, place: usize, note: impl FnOnce(&mut Transaction)) {
        let mut transactions = self
            .transactions
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        if let Some(transaction) = transactions.get_mut(place) {
            note(transaction);
        }
    }
}

impl Emulator {
    /// The emulator's reply. There is none for half a request, nor when the emulator is gone.
    pub async fn answer(&self, request: &Request) -> Reply {
        if !request.whole {
            return Reply::new(400, "");
        }
        let reply = self.forward(request).await;
        reply.unwrap_or_else(|_| Reply::new(502, ""))
    }

    /// Waits until no upload is under way, so that a half one is behind those who ask what became of it.
    pub async fn settled(&self) {
        // The sender is here, so there is always somebody to wait for.
        let _ = self.uploads.subscribe().wait_for(|count| *count == 0).await;
    }

    /// The request goes on with its Host, from which the emulator makes the addresses of uploads: they lead here again.
    async fn forward(&self, request: &Request) -> reqwest::Result<Reply> {
        let url = format!("{}{}", self.url, request.target);
        let sent = self
            .client
            .request(request.method.clone(), url)
            .headers(end_to_end(&request.headers))
            .body(request.body.clone());
        let response = sent.send().await?;
        Ok(Reply {
            status: response.status().as_u16(),
            location: None,
            headers: end_to_end(response.headers()),
            body: response.bytes().await?.into(),
        })
    }
}

/// The headers that are not about a connection.
fn end_to_end(headers: &HeaderMap) -> HeaderMap {
    let transactions = headers.iter().filter(|(name, _)| !is_of_the_hop(name));
    transactions
        .map(|(name, value)| (name.clone(), value.clone()))
        .collect()
}

fn is_of_the_hop(name: &HeaderName) -> bool {
    [
        header::CONTENT_LENGTH,
        header::TRANSFER_ENCODING,
        header::CONNECTION,
    ]
    .contains(name)
}

//! A proxy forwards requests to a correct emulator, lets an [`Interceptor`] change requests and replies, and records
//! each [`Transaction`] within the limit of [`body_budget`].

pub mod body_budget;
mod emulator;
mod interceptor;
mod transaction;

use std::{
    io,
    sync::{Arc, Mutex, PoisonError},
};

use axum::{
    Router,
    body::{Body, Bytes},
    extract::State,
    http::{HeaderMap, HeaderValue, Method, Response, StatusCode, Uri, header},
};
use futures_util::{future, stream};
use tokio::net::TcpListener;

use crate::run::{
    settings::{Settings, TargetError},
    target::Target,
};
use body_budget::{BodyBudget, MAX_BODY_BYTES};

pub use emulator::Emulator;
pub use interceptor::{
    AnswerInterceptor, Interceptor, PassThrough, ReplyInterceptor, RequestInterceptor,
};
pub use transaction::{Reply, Request, Transaction};

/// A `Proxy` runs, together with its emulator, until it is dropped.
pub struct Proxy {
    /// The address of the proxy.
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

impl Proxy {
    /// Starts an emulator and a proxy before it.
    ///
    /// # Errors
    /// Fails when either does not start.
    pub async fn start(interceptor: impl Interceptor) -> Result<Self, TargetError> {
        Self::before(Target::emulator().await?, interceptor).await
    }

    /// Starts a proxy before a running emulator.
    ///
    /// # Errors
    /// Fails when the proxy does not start.
    pub async fn before(
        emulator: Target,
        interceptor: impl Interceptor,
    ) -> Result<Self, TargetError> {
        let failed = |error: &dyn std::error::Error| TargetError::Emulator(error.to_string());
        let listener = TcpListener::bind("127.0.0.1:0")
            .await
            .map_err(|error| failed(&error))?;
        let address = listener.local_addr().map_err(|error| failed(&error))?;
        let behind = Emulator::new(emulator.root().to_owned()).map_err(|error| failed(&error))?;
        let inner = Arc::new(Inner {
            emulator: behind,
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

    /// Returns the settings with which a run reaches this server, including every optional one.
    pub fn settings(&self) -> Settings {
        let facts = self.emulator.facts();
        let (login, password) = facts.login.clone().unzip();
        let (client_id, client_secret) = facts.client.clone().unzip();
        let (two_factor_login, two_factor_password) = facts.two_factor.clone().unzip();
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
            client_id,
            client_secret,
            two_factor_login,
            two_factor_password,
            ..Settings::default()
        }
    }

    /// Returns the requests so far, as they were received.
    pub fn seen(&self) -> Vec<Request> {
        let transactions = self.transactions().into_iter();
        transactions
            .map(|transaction| transaction.request)
            .collect()
    }

    /// Tells whether a request body exceeded the budget. Such a request was answered with 413.
    pub fn is_full(&self) -> bool {
        self.inner.budget.is_full()
    }

    /// Returns the transactions so far, in the order in which their requests began.
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
        is_complete: false,
    };
    let place = inner.remember(&request);
    match inner.budget.received(body).await {
        Some(received) => (request.body, request.is_complete) = received,
        None => return response(Reply::new(413, "")),
    }
    // A task of its own answers the request, so that it is completed even if the client disconnects.
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

/// Returns a response that closes the connection: hyper sends not even the head when the body fails at once.
fn abort_connection() -> Response<Body> {
    let failed = future::ready(Err::<Bytes, _>(io::Error::other("lost on purpose")));
    Response::new(Body::from_stream(stream::once(failed)))
}

/// An `UploadInProgress` counts as one running upload from the head of its request to its reply.
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
    /// Returns the reply, unless it is lost.
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

    /// Records a request that begins, and returns its index.
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

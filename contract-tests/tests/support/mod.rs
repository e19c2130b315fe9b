//! A proxy before a correct emulator that can spoil what passes, and remembers what it saw.

#![allow(dead_code, reason = "each test file takes what it needs")]

pub(crate) mod program;

use std::sync::{Arc, Mutex};

use atlas_contract_tests::{
    report::{ClauseReport, Status},
    run::{Options, Run},
    settings::Settings,
    target::Target,
};
use axum::{
    Router,
    body::{Body, Bytes},
    extract::State,
    http::{HeaderMap, HeaderName, HeaderValue, Method, Response, StatusCode, Uri, header},
};
use tokio::net::TcpListener;

/// A request on its way to the emulator.
#[derive(Clone)]
pub(crate) struct Request {
    pub(crate) method: Method,
    pub(crate) target: String,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
}

impl Request {
    /// The target without its query.
    pub(crate) fn path(&self) -> &str {
        self.target.split('?').next().unwrap()
    }

    pub(crate) fn is(&self, method: Method, path_end: &str) -> bool {
        self.method == method && self.path().ends_with(path_end)
    }
}

/// A reply on its way back.
pub(crate) struct Reply {
    pub(crate) status: u16,
    pub(crate) location: Option<String>,
    pub(crate) body: Vec<u8>,
}

impl Reply {
    pub(crate) fn replace(&mut self, from: &str, to: &str) {
        self.body = String::from_utf8_lossy(&self.body)
            .replace(from, to)
            .into_bytes();
    }

    /// Changes the body if it is JSON.
    pub(crate) fn change(&mut self, change: impl FnOnce(&mut serde_json::Value)) {
        if let Ok(mut value) = serde_json::from_slice(&self.body) {
            change(&mut value);
            self.body = value.to_string().into_bytes();
        }
    }
}

/// What a wrong server does otherwise than the emulator.
pub(crate) trait Wrong: Send + Sync + 'static {
    fn request(&self, _request: &mut Request) {}
    fn reply(&self, _request: &Request, _reply: &mut Reply) {}
}

/// Nothing is wrong.
pub(crate) struct Right;

impl Wrong for Right {}

/// Only replies are wrong.
pub(crate) struct Replies<F>(pub(crate) F);

impl<F: Fn(&Request, &mut Reply) + Send + Sync + 'static> Wrong for Replies<F> {
    fn reply(&self, request: &Request, reply: &mut Reply) {
        self.0(request, reply);
    }
}

/// Requests are taken for others.
pub(crate) struct Requests<F>(pub(crate) F);

impl<F: Fn(&mut Request) + Send + Sync + 'static> Wrong for Requests<F> {
    fn request(&self, request: &mut Request) {
        self.0(request);
    }
}

/// The running proxy; it stops on drop.
pub(crate) struct Proxy {
    pub(crate) url: String,
    emulator: Target,
    inner: Arc<Inner>,
    task: tokio::task::JoinHandle<()>,
}

struct Inner {
    url: String,
    upstream: String,
    client: reqwest::Client,
    wrong: Box<dyn Wrong>,
    seen: Mutex<Vec<Request>>,
}

impl Proxy {
    pub(crate) async fn start(wrong: impl Wrong) -> Self {
        let emulator = Target::emulator().await.unwrap();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let client = reqwest::Client::builder()
            .no_proxy()
            .redirect(reqwest::redirect::Policy::none());
        let inner = Arc::new(Inner {
            url: url.clone(),
            upstream: emulator.root().to_owned(),
            client: client.build().unwrap(),
            wrong: Box::new(wrong),
            seen: Mutex::default(),
        });
        let router = Router::new().fallback(pass).with_state(inner.clone());
        let task = tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
        Self {
            url,
            emulator,
            inner,
            task,
        }
    }

    /// What an operator would tell about this server.
    pub(crate) fn settings(&self) -> Settings {
        let emulator = &self.emulator;
        let (login, password) = emulator.login().unwrap();
        Settings {
            url: self.url.clone(),
            token: emulator.token().to_owned(),
            namespace: emulator.namespace().to_owned(),
            login: Some(login.to_owned()),
            password: Some(password.to_owned()),
            other_token: emulator.other_token().map(str::to_owned),
            public_artifact: Some(format!(
                "{}/{}",
                emulator.namespace(),
                emulator.public_artifact().unwrap()
            )),
            max_id_length: emulator.max_id_length(),
        }
    }

    pub(crate) fn seen(&self) -> Vec<Request> {
        self.inner.seen.lock().unwrap().clone()
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// The reports of the clauses that the filters choose.
pub(crate) async fn reports(proxy: &Proxy, filters: &[&str], strict: bool) -> Vec<ClauseReport> {
    let filters = filters.iter().map(|it| (*it).to_owned()).collect();
    let target = Target::new(proxy.settings()).unwrap();
    let run = Run::start(target, Options { filters, strict })
        .await
        .unwrap();
    let mut reports = run.judge_all(|_| {}).await;
    reports.retain(|it| it.status != Status::Skip);
    reports
}

async fn pass(
    State(inner): State<Arc<Inner>>,
    method: Method,
    uri: Uri,
    headers: HeaderMap,
    body: Bytes,
) -> Response<Body> {
    let mut request = Request {
        method,
        target: uri.to_string(),
        headers,
        body,
    };
    inner.seen.lock().unwrap().push(request.clone());
    inner.wrong.request(&mut request);
    let mut reply = inner.forward(&request).await;
    inner.wrong.reply(&request, &mut reply);
    let mut response = Response::new(Body::from(reply.body));
    *response.status_mut() = StatusCode::from_u16(reply.status).unwrap();
    if let Some(location) = reply.location {
        let location = HeaderValue::from_str(&location).unwrap();
        response.headers_mut().insert(header::LOCATION, location);
    }
    response
}

impl Inner {
    async fn forward(&self, request: &Request) -> Reply {
        let url = format!("{}{}", self.upstream, request.target);
        let kept = |name: &HeaderName| {
            let of_the_hop = [
                header::HOST,
                header::CONTENT_LENGTH,
                header::TRANSFER_ENCODING,
                header::CONNECTION,
            ];
            !of_the_hop.contains(name)
        };
        let headers: HeaderMap = request
            .headers
            .iter()
            .filter(|(name, _)| kept(name))
            .map(|(n, v)| (n.clone(), v.clone()))
            .collect();
        let sent = self
            .client
            .request(request.method.clone(), url)
            .headers(headers)
            .body(request.body.clone());
        let response = sent.send().await.unwrap();
        let status = response.status().as_u16();
        let mut reply = Reply {
            status,
            location: None,
            body: response.bytes().await.unwrap().into(),
        };
        // Uploads pass here too; files that are no text stay as they are.
        if std::str::from_utf8(&reply.body).is_ok() {
            reply.replace(&self.upstream, &self.url);
        }
        reply
    }
}

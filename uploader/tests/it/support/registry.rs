//! Provides a fake registry of Vagrant boxes that plays HCP Vagrant and Vagrant Cloud, with a store on
//! another port to which downloads are redirected, and the host of an owner on a third port.
//!
//! ```ignore
//! let web = File::noise(1, 200_000).checksum(Checksum::Right(Kind::Md5));
//! let tree = Tree::new().owner("acme", |acme| {
//!     acme.box_("web", |web_box| {
//!         web_box
//!             .described("short", "long")
//!             .version("1.0.0", |v| v.provider("virtualbox", "amd64", web.clone()))
//!             .version("1.1.0", |v| v.state(State::Unreleased))
//!     })
//! });
//! let options = Options {
//!     limit: Some(Limit::downloads(20)),
//!     faults: vec![Fault::Cut(1000).times(2).at("acme/web/1.0.0")],
//!     ..Options::default()
//! };
//! let registry = Registry::start(tree, options).await;
//! // … a client talks to registry.url() …
//! assert!(registry.leaks().is_empty() && registry.early().is_empty());
//! ```

mod cloud;
mod content;
mod faults;
mod guard;
mod hcp;
mod options;
mod store;
mod tree;
mod wire;

use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use serde_json::json;
use tokio::io::AsyncReadExt;
use tokio::net::{TcpListener, TcpStream};
use tokio::task::{JoinHandle, JoinSet};
use url::form_urlencoded;

#[allow(unused_imports, reason = "each test file uses its own part")]
pub(crate) use self::{
    content::{Checksum, File, Kind, Size},
    faults::{Fault, Rule},
    options::{Api, AtEnd, Counters, Etag, Expands, Limit, Options, Says, Signature},
    tree::{CREATED, Owner, State, Tree, VagrantBox, Version},
};

use super::server::{self, Request};
use content::Place;
use guard::{Meter, Signatures, Standing, Tokens, Verdict};
use wire::{Reply, Target};

/// A port of the fake registry.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Origin {
    /// HCP, Vagrant Cloud and `/oauth2/token`.
    Registry,
    /// The store of the hosted files.
    Store,
    /// The host of files that their owner keeps.
    OwnersHost,
}

/// A request that was answered.
#[derive(Debug, Clone)]
pub(crate) struct Seen {
    pub(crate) origin: Origin,
    pub(crate) request: Request,
    pub(crate) status: u16,
    /// Whether it came before the time that a refusal had named.
    pub(crate) early: bool,
    /// Whether it brought a token or a secret to a port for which it is not meant.
    pub(crate) leak: bool,
}

/// A running fake registry. It stops on drop, with all open connections.
pub(crate) struct Registry {
    shared: Arc<Shared>,
    listening: Vec<JoinHandle<()>>,
}

impl Registry {
    pub(crate) async fn start(tree: Tree, options: Options) -> Self {
        let mut listeners = Vec::new();
        for _ in 0..3 {
            listeners.push(TcpListener::bind("127.0.0.1:0").await.unwrap());
        }
        let url = |n: usize| format!("http://{}", listeners[n].local_addr().unwrap());
        let shared = Arc::new(Shared::new(tree, options, [url(0), url(1), url(2)]));
        let origins = [Origin::Registry, Origin::Store, Origin::OwnersHost];
        let both = listeners.into_iter().zip(origins);
        let listening = both
            .map(|(listener, origin)| tokio::spawn(listen(listener, Arc::clone(&shared), origin)))
            .collect();
        Self { shared, listening }
    }

    /// Returns the address of the registry, for `--from` and `HCP_AUTH_URL`.
    pub(crate) fn url(&self) -> &str {
        self.shared.url(Origin::Registry)
    }

    pub(crate) fn store_url(&self) -> &str {
        self.shared.url(Origin::Store)
    }

    pub(crate) fn owners_url(&self) -> &str {
        self.shared.url(Origin::OwnersHost)
    }

    /// Replaces the boxes.
    pub(crate) fn hold(&self, tree: Tree) {
        *self.shared.tree.lock().unwrap() = Arc::new(tree);
    }

    /// Changes the options. Faults that remain keep their counts.
    pub(crate) fn change(&self, change: impl FnOnce(&mut Options)) {
        let mut options = self.shared.options.lock().unwrap();
        let mut changed = Options::clone(&options);
        change(&mut changed);
        *options = Arc::new(changed);
    }

    /// Returns all requests, in the order of the replies.
    pub(crate) fn requests(&self) -> Vec<Seen> {
        self.shared.journal.lock().unwrap().clone()
    }

    /// Returns method and target of each request to one port, in order.
    pub(crate) fn lines(&self, origin: Origin) -> Vec<String> {
        let seen = self.filtered(|seen| seen.origin == origin);
        seen.iter().map(|seen| seen.request.line()).collect()
    }

    /// Returns all GETs of the bytes of files.
    pub(crate) fn downloads(&self) -> Vec<Seen> {
        self.filtered(|seen| seen.origin != Origin::Registry && seen.request.method == "GET")
    }

    /// Returns the requests to the store or the owner's host with an `Authorization`, or with a token or a
    /// secret anywhere.
    pub(crate) fn leaks(&self) -> Vec<Seen> {
        self.filtered(|seen| seen.leak)
    }

    /// Returns the requests that came before the time that a refusal had named, except for those that may
    /// have been under way when it was sent.
    pub(crate) fn early(&self) -> Vec<Seen> {
        self.filtered(|seen| seen.early)
    }

    /// Returns the number of tokens that `/oauth2/token` has issued.
    pub(crate) fn tokens_issued(&self) -> usize {
        self.shared.tokens.lock().unwrap().issued().len()
    }

    /// Returns the secrets that must not be printed, written or sent to a wrong address: tokens and the
    /// client's secret.
    pub(crate) fn secrets(&self) -> Vec<String> {
        self.shared.secrets()
    }

    /// Returns the largest number of concurrent downloads.
    pub(crate) fn at_once(&self) -> usize {
        self.shared.most_at_once.load(Ordering::Relaxed)
    }

    fn filtered(&self, is_so: impl Fn(&Seen) -> bool) -> Vec<Seen> {
        let seen = self.requests().into_iter();
        seen.filter(|seen| is_so(seen)).collect()
    }
}

impl Drop for Registry {
    fn drop(&mut self) {
        self.listening.iter().for_each(JoinHandle::abort);
    }
}

/// The state that the three ports share.
struct Shared {
    urls: [String; 3],
    tree: Mutex<Arc<Tree>>,
    options: Mutex<Arc<Options>>,
    journal: Mutex<Vec<Seen>>,
    tokens: Mutex<Tokens>,
    signatures: Mutex<Signatures>,
    meter: Mutex<Meter>,
    at_once: AtomicUsize,
    most_at_once: AtomicUsize,
    etags: AtomicU64,
}

impl Shared {
    fn new(tree: Tree, options: Options, urls: [String; 3]) -> Self {
        Self {
            urls,
            tree: Mutex::new(Arc::new(tree)),
            options: Mutex::new(Arc::new(options)),
            journal: Mutex::default(),
            tokens: Mutex::default(),
            signatures: Mutex::default(),
            meter: Mutex::default(),
            at_once: AtomicUsize::new(0),
            most_at_once: AtomicUsize::new(0),
            etags: AtomicU64::new(0),
        }
    }

    fn url(&self, origin: Origin) -> &str {
        &self.urls[origin as usize]
    }

    fn tree(&self) -> Arc<Tree> {
        Arc::clone(&self.tree.lock().unwrap())
    }

    fn options(&self) -> Arc<Options> {
        Arc::clone(&self.options.lock().unwrap())
    }

    /// Returns the address of the bytes of a file; signed, if they are in the store.
    fn address(&self, file: &File) -> String {
        match &file.place {
            Place::Link(url) => url.clone(),
            Place::OwnersHost => format!("{}/files/{}", self.url(Origin::OwnersHost), file.key),
            Place::Store => {
                let signature = self.options().signature;
                let query = self.signatures.lock().unwrap().sign(signature);
                format!("{}/files/{}{query}", self.url(Origin::Store), file.key)
            }
        }
    }

    fn secrets(&self) -> Vec<String> {
        let options = self.options();
        let mut all = self.tokens.lock().unwrap().issued();
        all.push(options.cloud_token.clone());
        all.push(options.credentials.1.clone());
        all
    }

    /// Returns the fault of this request, if there is one.
    fn fault(&self, origin: Origin, request: &Request) -> Option<Fault> {
        if request.method == "HEAD" {
            return None;
        }
        let target = wire::decoded(&request.target);
        let options = self.options();
        let mut rules = options.faults.iter();
        rules
            .find_map(|rule| rule.strikes(origin, &target))
            .cloned()
    }

    fn leaks(&self, origin: Origin, request: &Request) -> bool {
        if origin == Origin::Registry {
            return false;
        }
        let target = wire::decoded(&request.target);
        let secrets = self.secrets();
        let tells = |text: &str| secrets.iter().any(|secret| text.contains(secret));
        let named = ["authorization", "x-atlas-token", "cookie"];
        let mut headers = request.headers.iter();
        tells(&target)
            || target.contains("access_token=")
            || headers.any(|(name, value)| named.contains(&name.as_str()) || tells(value))
    }

    /// Returns the standing of the caller, by the token that the request shows in any of the possible ways.
    fn standing(&self, request: &Request, target: &Target, cloud: bool) -> Standing {
        let bearer = request.header("authorization");
        let bearer = bearer.map(|value| value.strip_prefix("Bearer ").unwrap_or(value));
        let shown = bearer
            .or_else(|| request.header("x-atlas-token").filter(|_| cloud))
            .or_else(|| target.value("access_token").filter(|_| cloud));
        let options = self.options();
        let mut tokens = self.tokens.lock().unwrap();
        shown.map_or(Standing::Nobody, |shown| {
            tokens.standing(shown, &options, cloud)
        })
    }

    fn answer(&self, origin: Origin, request: &Request) -> Reply {
        let target = Target::of(request);
        let fault = self.fault(origin, request);
        let api = (origin == Origin::Registry).then(|| api(&target.parts()));
        let verdict = match api {
            Some(Some(_)) => self.take(request, &target),
            _ => Verdict::default(),
        };
        let mut reply = match fault.as_ref().and_then(Fault::status) {
            _ if verdict.refused => error(api.flatten(), 429, "Too many requests"),
            Some((status, header)) => {
                let reply = error(api.flatten(), status, "Something went wrong");
                header
                    .into_iter()
                    .fold(reply, |reply, (name, value)| reply.with(&name, &value))
            }
            None if origin == Origin::Registry => self.route(request, &target, fault.as_ref()),
            None => store::answer(self, origin, request, fault.as_ref()),
        };
        reply.headers.extend(verdict.headers);
        reply.fault = fault;
        self.journal.lock().unwrap().push(Seen {
            origin,
            request: request.clone(),
            status: reply.status,
            early: verdict.early,
            leak: self.leaks(origin, request),
        });
        reply
    }

    fn take(&self, request: &Request, target: &Target) -> Verdict {
        let options = self.options();
        let Some(limit) = &options.limit else {
            return Verdict::default();
        };
        let download = match target.parts().as_slice() {
            ["vagrant", _, "registry", .., last] => *last == "download",
            [_, "boxes", _, "versions", .., "download" | "fetch", _] => false,
            [_, "boxes", _, "versions", .., last] => last.ends_with(".box"),
            _ => false,
        };
        let mut meter = self.meter.lock().unwrap();
        meter.take(limit, download && request.method == "GET")
    }

    fn route(&self, request: &Request, target: &Target, fault: Option<&Fault>) -> Reply {
        let parts = target.parts();
        if let ("POST", ["oauth2", "token"]) = (&*request.method, &*parts) {
            return self.token(request);
        }
        let api = api(&parts).filter(|api| self.options().speaks.contains(api));
        match api {
            Some(Api::Hcp) if request.method == "GET" => {
                hcp::answer(self, target, self.standing(request, target, false))
            }
            Some(Api::Hcp) => error(api, 501, "Method Not Allowed"),
            Some(_) if !["GET", "HEAD"].contains(&&*request.method) => {
                error(api, 405, "Method Not Allowed")
            }
            Some(Api::Plain) => cloud::plain(self, target, request, fault),
            Some(api) => {
                let standing = self.standing(request, target, true);
                cloud::answer(self, target, standing, api)
            }
            None => Reply::text(404, "text/html", "<html><h1>Not Found</h1></html>"),
        }
    }

    /// Answers `/oauth2/token`, with id and secret by Basic authentication or in the form.
    fn token(&self, request: &Request) -> Reply {
        let options = self.options();
        let form: Vec<(String, String)> =
            form_urlencoded::parse(&request.body).into_owned().collect();
        let value = |key: &str| {
            let found = form.iter().find(|(name, _)| name == key);
            found.map(|(_, value)| value.clone())
        };
        let refusal = |status, error: &str, text: &str| {
            let body = json!({"error": error, "error_description": text});
            Reply::json(status, &body)
        };
        if value("grant_type").as_deref() != Some("client_credentials") {
            return refusal(400, "unsupported_grant_type", "not client_credentials");
        }
        let form = value("client_id").zip(value("client_secret"));
        if basic(request).or(form).as_ref() != Some(&options.credentials) {
            return refusal(401, "invalid_client", "Client authentication failed");
        }
        if options.audience.is_some() && options.audience != value("audience") {
            return refusal(403, "access_denied", "not allowed for this audience");
        }
        let token = self.tokens.lock().unwrap().issue();
        Reply::json(
            200,
            &json!({
                "access_token": token,
                "token_type": "bearer",
                "expires_in": options.token_says,
            }),
        )
    }
}

/// Returns the API to which a path belongs.
fn api(path: &[&str]) -> Option<Api> {
    Some(match path {
        ["oauth2", ..] => return None,
        ["vagrant", "2022-09-30", ..] => Api::Hcp,
        ["api", "v2", "vagrant", ..] => Api::Catalogs,
        ["api", "v1", ..] => Api::V1,
        ["api", "v2", ..] => Api::V2,
        ["plain", _] => Api::Plain,
        [_, "boxes", _, "versions", .., last] if *last != "vagrant.box" => Api::V1,
        [_, "boxes", _, "versions", ..] => Api::V2,
        [_, _] => Api::Catalogs,
        _ => return None,
    })
}

/// Returns an error in the format of an API, or of the store.
fn error(api: Option<Api>, status: u16, message: &str) -> Reply {
    match api {
        Some(Api::Hcp) => hcp::error(status, message),
        Some(Api::V1 | Api::V2 | Api::Catalogs) => cloud::error(status, message),
        Some(Api::Plain) | None => store::refusal(status, "InternalError"),
    }
}

/// Returns the id and the secret. OAuth requires them to be form-encoded, which not every client does.
fn basic(request: &Request) -> Option<(String, String)> {
    let text = request.header("authorization")?.strip_prefix("Basic ")?;
    let text = String::from_utf8(BASE64_STANDARD.decode(text).ok()?).ok()?;
    let (id, secret) = text.split_once(':')?;
    Some((wire::decoded(id), wire::decoded(secret)))
}

async fn listen(listener: TcpListener, shared: Arc<Shared>, origin: Origin) {
    let mut open = JoinSet::new();
    while let Ok((stream, _)) = listener.accept().await {
        let shared = Arc::clone(&shared);
        // Many tests have a client that disconnects.
        open.spawn(async move { serve(stream, &shared, origin).await.ok() });
        while open.try_join_next().is_some() {}
    }
}

async fn serve(mut stream: TcpStream, shared: &Arc<Shared>, origin: Origin) -> std::io::Result<()> {
    stream.set_nodelay(true)?;
    loop {
        let (mut request, rest) = server::head(&mut stream).await?;
        let length = request.header("content-length").unwrap_or("0");
        let missing = length
            .parse::<u64>()
            .unwrap()
            .saturating_sub(rest.len() as u64);
        request.body = rest;
        (&mut stream)
            .take(missing)
            .read_to_end(&mut request.body)
            .await?;
        // A checksum of GiBs takes long, so it must not block the runtime.
        let (inside, asked) = (Arc::clone(shared), request.clone());
        let answering = tokio::task::spawn_blocking(move || inside.answer(origin, &asked));
        let reply = answering.await?;
        let _counted = (origin != Origin::Registry).then(|| OnTheWay::new(shared));
        let again = wire::send(&mut stream, &request.method, &reply).await?;
        if !again || request.header("connection") == Some("close") {
            return Ok(());
        }
    }
}

/// A guard that counts a download as running until it is dropped.
struct OnTheWay<'a>(&'a Shared);

impl<'a> OnTheWay<'a> {
    fn new(shared: &'a Shared) -> Self {
        let now = shared.at_once.fetch_add(1, Ordering::Relaxed) + 1;
        shared.most_at_once.fetch_max(now, Ordering::Relaxed);
        Self(shared)
    }
}

impl Drop for OnTheWay<'_> {
    fn drop(&mut self) {
        self.0.at_once.fetch_sub(1, Ordering::Relaxed);
    }
}

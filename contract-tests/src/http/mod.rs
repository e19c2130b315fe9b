//! Sends raw HTTP: an [`Http`] client sends [`Call`]s of the API, uploads and downloads. Each yields an [`Exchange`].
//!
//! A [`server`] is the destination of requests, a [`request`] is a request before it is sent, and an [`exchange`]
//! judges its reply. The client itself never follows a redirect; [`Http::download`] follows them one by one, so that no
//! token reaches another origin. Every text made here is redacted.

mod call;
mod download;
pub mod encoding;
pub mod exchange;
mod proxies;
mod reply;
pub mod request;
pub mod server;
mod timeouts;

use std::{
    fmt, mem,
    sync::{Mutex, PoisonError},
};

use base64::prelude::{BASE64_STANDARD, Engine as _};
use reqwest::{Client, Method, Url, redirect};
use serde_json::Value;

use crate::{
    failure::{CheckFailure, CheckResult, violation},
    http::{
        exchange::Exchange,
        request::{Payload, Request, Sending},
    },
    safety::{
        journal::{CreatedObject, Journal},
        pace::Pace,
        secrets::Secrets,
    },
};

use server::Server;
use timeouts::Timeouts;

pub use call::Call;
pub use proxies::NoProxy;
pub(crate) use reply::Reply;
pub use server::Base;

/// The longest reply that is accepted, in bytes: no client could handle a longer one. All files that the suite makes
/// are shorter.
pub(crate) const MAX_REPLY_BYTES: usize = 4 * 1024 * 1024;

/// The token of a call, and its place in the request.
#[derive(Clone, Copy)]
pub enum Auth<'a> {
    /// The call carries no token.
    Anonymous,
    /// The token is in the header `X-Atlas-Token`.
    Header(&'a str),
    /// The token is in the header `Authorization`, as a bearer token.
    Bearer(&'a str),
    /// The token is in the query parameter `access_token`.
    Query(&'a str),
    /// An id and a secret, in Base64, are in the header `Authorization`.
    Basic(&'a str),
}

/// Writes the place of the token, without the token.
impl fmt::Debug for Auth<'_> {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(match self {
            Self::Anonymous => "Anonymous",
            Self::Header(_) => "Header",
            Self::Bearer(_) => "Bearer",
            Self::Query(_) => "Query",
            Self::Basic(_) => "Basic",
        })
    }
}

/// A connection to the server that is judged.
pub struct Http {
    client: Client,
    server: Server,
    secrets: Secrets,
    pace: Pace,
    timeouts: Timeouts,
    journal: Option<Journal>,
    request_log: Option<Mutex<Vec<String>>>,
}

impl Http {
    /// Creates a client for the server, which redacts the server's token.
    ///
    /// # Errors
    /// Fails when the HTTP client cannot be built, for example for lack of certificates.
    pub fn new(server: &Server) -> CheckResult<Self> {
        let timeouts = Timeouts::new(server.policy().timeout.duration());
        let builder = || {
            let builder = Client::builder()
                .redirect(redirect::Policy::none())
                .connect_timeout(timeouts.connect());
            server.proxies().apply(builder)
        };
        let client = server.certificates().build(builder).map_err(|error| {
            CheckFailure::Inconclusive(format!("building the HTTP client: {error}"))
        })?;
        let secrets = Secrets::default();
        secrets.add(server.token(), "[token]");
        Ok(Self {
            client,
            server: server.clone(),
            secrets,
            pace: Pace::new(server.rate()),
            timeouts,
            journal: None,
            request_log: None,
        })
    }

    /// Adds a secret, which is from now on replaced by the placeholder in all texts.
    pub(crate) fn add_secret(&self, secret: &str, placeholder: &'static str) {
        self.secrets.add(secret, placeholder);
    }

    /// Returns the server that requests go to.
    pub fn server(&self) -> &Server {
        &self.server
    }

    /// Records writes in this journal from now on.
    pub(crate) fn set_journal(&mut self, journal: Journal) {
        self.journal = Some(journal);
    }

    /// Logs each request from now on.
    pub(crate) fn enable_request_log(&mut self) {
        self.request_log = Some(Mutex::default());
    }

    /// Takes the requests that were logged since the last call, without secrets.
    pub(crate) fn requests(&self) -> Vec<String> {
        let requests = self.request_log.as_ref().map(|request_log| {
            let mut requests = request_log.lock().unwrap_or_else(PoisonError::into_inner);
            mem::take(&mut *requests)
        });
        requests.unwrap_or_default()
    }

    /// Returns the journal, if writes are recorded.
    pub fn journal(&self) -> Option<&Journal> {
        self.journal.as_ref()
    }

    /// Tells whether the server has been silent for so long that no more requests are sent to it.
    pub(crate) fn is_given_up(&self) -> bool {
        self.timeouts.check().is_err()
    }

    /// Returns the text without secrets.
    pub fn redact(&self, text: &str) -> String {
        self.secrets.redact(text)
    }

    /// Returns the target's token, in its usual place.
    pub(crate) fn token(&self) -> Auth<'_> {
        Auth::Header(self.server.token())
    }

    /// Sends a request without a payload to a path below the root of the server, whose segments are not percent-encoded
    /// yet.
    pub(crate) async fn send_below_root(
        &self,
        method: Method,
        segments: &[&str],
        auth: Auth<'_>,
    ) -> CheckResult<Exchange> {
        let mut url = absolute(self.server.root())?;
        if let Ok(mut path) = url.path_segments_mut() {
            path.pop_if_empty().extend(segments);
        }
        let request = Request::new(method, url).authorised(auth);
        self.send_complete(request).await
    }

    /// Builds a GET request for a path below the API, with the main token; nothing is sent.
    pub fn get(&self, path: impl Into<String>) -> Call<'_> {
        self.call(Method::GET, Base::V1, path, Value::Null, None)
    }

    /// Builds a POST request with fields for a path below the API, with the main token; nothing is sent. Only
    /// the context of a check calls this method, since the context ensures that a run writes only under its own names.
    pub(crate) fn post(
        &self,
        path: impl Into<String>,
        fields: Value,
        creates: CreatedObject,
    ) -> Call<'_> {
        self.call(Method::POST, Base::V1, path, fields, Some(creates))
    }

    /// Builds a request with fields for a path below a base, with the main token; nothing is sent. Only the context of
    /// a check calls this method for a write, as it does [`Http::post`].
    pub(crate) fn call(
        &self,
        method: Method,
        base: Base,
        path: impl Into<String>,
        fields: Value,
        creates: Option<CreatedObject>,
    ) -> Call<'_> {
        Call::new(self, method, base, path.into(), fields, creates)
    }

    /// Uploads bytes to an upload path, verbatim except for the query, which genuine clients overwrite. The request
    /// carries no token and no Content-Type, and uses a connection of its own.
    ///
    /// # Errors
    /// Fails when the path is not an absolute address, or there is no reply.
    pub async fn put(
        &self,
        upload_path: &str,
        bytes: &[u8],
        sending: Sending,
    ) -> CheckResult<Exchange> {
        self.put_with(upload_path, bytes, sending, &[]).await
    }

    /// Uploads bytes as [`Http::put`] does, with further headers.
    ///
    /// # Errors
    /// Fails as [`Http::put`] does.
    pub async fn put_with(
        &self,
        upload_path: &str,
        bytes: &[u8],
        sending: Sending,
        headers: &[(&'static str, &str)],
    ) -> CheckResult<Exchange> {
        let mut url = absolute(upload_path)?;
        url.set_query(None);
        let mut upload = Request::new(Method::PUT, url)
            .header("Connection", "close")
            .making(CreatedObject::File(bytes.len()))
            .carrying(Payload::File(bytes.to_vec(), sending));
        for (name, value) in headers {
            upload = upload.header(name, *value);
        }
        // A guessed upload path is redacted like one that the server handed out.
        self.secrets.learn_upload_path(upload.url.as_str());
        self.send_complete(upload).await
    }

    /// Sends a request, and requires a complete reply.
    async fn send_complete(&self, request: Request) -> CheckResult<Exchange> {
        let exchange = self.send(request, MAX_REPLY_BYTES).await?;
        exchange.require_complete()?;
        Ok(exchange)
    }

    /// Sends a request, and reads at most `most` bytes of the reply's body. All requests of the crate pass this
    /// function.
    async fn send(&self, request: Request, most: usize) -> CheckResult<Exchange> {
        let sent = request.shown(&self.secrets);
        let no_reply = |why: &dyn fmt::Display| {
            CheckFailure::Inconclusive(self.redact(&format!("{}: {why}", sent.request)))
        };
        self.timeouts.check().map_err(|why| no_reply(&why))?;
        self.log(&sent.request);
        self.pace.turn().await;
        let announced = self.announce(&request, &sent.request).await?;
        let proxy = self.server.proxies().note(&request.url);
        let reply = self.timeouts.reply(&self.client, request, most).await;
        let mut reply = reply.map_err(|why| no_reply(&format!("{why}{proxy}")))?;
        // A redirect to a store is signed: its address alone allows a download. The reply's body may repeat it.
        if let Some(signed) = reply.location().filter(|it| it.contains('?')) {
            self.secrets.add(&signed, "[redirect]");
        }
        let learned = self.secrets.learn_reply(&reply.body);
        reply.excess = reply.excess.or(learned.err());
        if let Some((journal, number)) = announced {
            let value: Value = serde_json::from_slice(&reply.body).unwrap_or_default();
            let recorded = journal.answered(number, reply.status, value["version"].as_u64());
            recorded.await.map_err(|error| unwritten(journal, &error))?;
        }
        let exchange = Exchange::new(&self.secrets, sent, reply);
        exchange.require_available(&proxy)?;
        Ok(exchange)
    }

    fn log(&self, line: &str) {
        if let Some(request_log) = &self.request_log {
            let mut requests = request_log.lock().unwrap_or_else(PoisonError::into_inner);
            requests.push(line.to_owned());
        }
    }

    /// Refuses a write that the policy does not allow, and announces an allowed one in the journal.
    async fn announce(
        &self,
        request: &Request,
        line: &str,
    ) -> CheckResult<Option<(&Journal, u64)>> {
        let refused = |why: &str| CheckFailure::NotSent(format!("refused to send {line}: {why}"));
        if matches!(request.method, Method::GET | Method::HEAD) {
            return Ok(None);
        }
        let (policy, home) = (self.server.policy(), self.server.origin());
        if let Some(why) = policy.refusal(&request.url, home) {
            return Err(refused(&why));
        }
        match (&self.journal, &request.makes) {
            (Some(journal), Some(object)) => {
                let announced = journal.announce(object.clone()).await;
                let number = announced.map_err(|error| unwritten(journal, &error))?;
                Ok(Some((journal, number)))
            }
            (Some(_), None) => Err(refused("the journal cannot record what the request makes")),
            (None, _) => Ok(None),
        }
    }
}

fn unwritten(journal: &Journal, error: &std::io::Error) -> CheckFailure {
    let path = journal.path().display();
    CheckFailure::NotSent(format!("the journal {path} cannot be written: {error}"))
}

/// Returns the credentials of a client as HTTP's Basic authentication has them.
pub(crate) fn basic(id: &str, secret: &str) -> String {
    BASE64_STANDARD.encode(format!("{id}:{secret}"))
}

fn absolute(text: &str) -> CheckResult<Url> {
    Url::parse(text)
        .ok()
        .filter(|url| matches!(url.scheme(), "http" | "https"))
        .ok_or_else(|| violation("an absolute http or https address", "none"))
}

#[cfg(test)]
mod tests {
    use tokio::net::TcpListener;

    use super::*;
    use crate::{
        run::{settings::Settings, target::Target},
        safety::{
            journal::{Header, place::Place},
            policy::{Access, Policy, UploadOrigin},
            run_prefix::RunPrefix,
        },
        suite::context::Context,
    };

    async fn target(policy: Policy) -> (TcpListener, Target) {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let target = Target::new(Settings {
            url: format!("http://{}", listener.local_addr().unwrap()),
            token: "canary".to_owned(),
            namespace: "acme".to_owned(),
            policy,
            ..Settings::default()
        });
        (listener, target.unwrap())
    }

    /// Sends two writes that must be refused, and returns the reasons.
    async fn refusals(listener: TcpListener, target: &Target, http: &Http) -> [String; 2] {
        let prefix = RunPrefix::fresh();
        let context = Context::new(http, target.facts(), &prefix, "some.clause");
        let create = context.create(&context.name()).unwrap().send();
        let upload_path = format!("{}/secret-path", target.root());
        let put = http.put(&upload_path, b"x", Sending::Sized);
        let why = |verdict: CheckResult<Exchange>| match verdict.err() {
            Some(CheckFailure::NotSent(why)) => why,
            other => format!("{other:?}"),
        };
        let refusals = [why(create.await), why(put.await)];
        let nobody = futures_util::FutureExt::now_or_never(listener.accept());
        assert!(nobody.is_none(), "something was sent");
        refusals
    }

    #[tokio::test]
    async fn nothing_but_get_leaves_where_nothing_may_be_written() {
        let (listener, target) = target(Policy {
            access: Access::ReadOnly,
            ..Policy::default()
        })
        .await;
        let http = Http::new(target.server()).unwrap();
        let [create, put] = refusals(listener, &target, &http).await;
        let reason = "nothing may be written to this server";
        assert!(
            create.starts_with("refused to send POST ") && create.ends_with(reason),
            "{create}"
        );
        assert_eq!(
            put,
            format!("refused to send PUT [upload path], 1 bytes: {reason}")
        );
    }

    #[tokio::test]
    async fn an_upload_leaves_this_machine_only_with_permission() {
        let (_listener, target) = target(Policy {
            upload_origins: UploadOrigin::list("http://0.0.0.0:9").unwrap(),
            ..Policy::default()
        })
        .await;
        let http = Http::new(target.server()).unwrap();
        let put = http.put("http://0.0.0.0:9/secret-path", b"x", Sending::Sized);
        let why = put.await.err().map(|failure| failure.to_string());
        assert_eq!(
            why.unwrap_or_default(),
            "refused to send PUT [upload path], 1 bytes: it is not on this machine, and would need --allow-writes"
        );
    }

    #[cfg(target_os = "linux")]
    #[tokio::test]
    async fn what_the_journal_does_not_hold_is_not_sent() {
        let (listener, target) = target(Policy::default()).await;
        let folder = tempfile::tempdir().unwrap();
        let begin = Header {
            run: RunPrefix::fresh(),
            server: target.root().to_owned(),
            namespace: "acme".to_owned(),
            public_artifact: None,
        };
        let place = Place::Named(folder.path().join("run.jsonl"));
        let journal = Journal::create(place, begin);
        let mut http = Http::new(target.server()).unwrap();
        http.set_journal(journal.await.unwrap().on_a_full_disk());
        for refusal in refusals(listener, &target, &http).await {
            assert!(refusal.contains("run.jsonl cannot be written"), "{refusal}");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn whatever_is_sent_waits_for_its_turn() {
        // Each request is refused after it waited for the pace, so that no real I/O disturbs the paused clock.
        let (_listener, target) = target(Policy {
            access: Access::ReadOnly,
            rate: "4".parse().ok(),
            ..Policy::default()
        })
        .await;
        let http = Http::new(target.server()).unwrap();
        let start = tokio::time::Instant::now();
        for _ in 0..3 {
            let upload = http.put("http://other.test/path", b"x", Sending::Chunked);
            assert!(upload.await.is_err());
            let login = http.post(
                "/authenticate",
                Value::Null,
                CreatedObject::Token(String::new()),
            );
            assert!(login.send().await.is_err());
        }
        let passed = start.elapsed().as_millis();
        assert!((1250..1260).contains(&passed), "{passed}");
    }
}

//! Raw HTTP: an [`Http`] client sends the [`Call`]s of the API, uploads and downloads. Each ends in an [`Exchange`].
//!
//! A [`server`] is where requests go, a [`request`] is one before it is sent, and an [`exchange`] judges its reply. The
//! client never follows a redirect by itself; [`Http::download`] does so by hand, so that no token reaches another
//! origin. Every text made here is redacted.

mod call;
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

use reqwest::{Client, Method, Url, redirect};
use serde_json::Value;

use crate::{
    failure::{CheckFailure, Verdict, violation},
    http::{
        exchange::Exchange,
        request::{Payload, Request, Sending},
    },
    safety::{
        address::origin,
        journal::{Journal, Makes},
        pace::Pace,
        secrets::Secrets,
    },
};

use server::Server;
use timeouts::Timeouts;

pub use call::Call;
pub use proxies::NoProxy;
pub(crate) use reply::Reply;

const MAX_REDIRECTS: usize = 5;
/// A longer reply, in bytes, is none that a client could work with. No file that the suite makes is as long.
pub(crate) const MAX_REPLY_BYTES: usize = 4 * 1024 * 1024;

/// Where a call carries which token.
#[derive(Clone, Copy)]
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

/// Without the token.
impl fmt::Debug for Auth<'_> {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(match self {
            Self::Anonymous => "Anonymous",
            Self::Header(_) => "Header",
            Self::Bearer(_) => "Bearer",
            Self::Query(_) => "Query",
        })
    }
}

/// A connection to the server under judgement.
pub struct Http {
    client: Client,
    server: Server,
    secrets: Secrets,
    pace: Pace,
    timeouts: Timeouts,
    journal: Option<Journal>,
    watched: Option<Mutex<Vec<String>>>,
}

impl Http {
    /// Makes a client for the server, which redacts the token.
    ///
    /// # Errors
    /// The HTTP client cannot be built, for want of certificates say.
    pub fn new(server: &Server) -> Verdict<Self> {
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
            watched: None,
        })
    }

    /// Shows the placeholder for a secret from now on.
    pub(crate) fn hide(&self, secret: &str, placeholder: &'static str) {
        self.secrets.add(secret, placeholder);
    }

    /// Returns the server that requests go to.
    pub fn server(&self) -> &Server {
        &self.server
    }

    /// Keeps this journal from now on.
    pub(crate) fn keep(&mut self, journal: Journal) {
        self.journal = Some(journal);
    }

    /// Remembers each request from now on.
    pub(crate) fn watch(&mut self) {
        self.watched = Some(Mutex::default());
    }

    /// The requests since the last time this was asked, without secrets, if they are remembered.
    pub(crate) fn requests(&self) -> Vec<String> {
        let requests = self.watched.as_ref().map(|watched| {
            let mut requests = watched.lock().unwrap_or_else(PoisonError::into_inner);
            mem::take(&mut *requests)
        });
        requests.unwrap_or_default()
    }

    /// The journal that is kept.
    pub fn journal(&self) -> Option<&Journal> {
        self.journal.as_ref()
    }

    /// Whether the server has been silent for so long that it is not asked any more.
    pub(crate) fn is_given_up(&self) -> bool {
        self.timeouts.check().is_err()
    }

    /// The text without secrets.
    pub fn redact(&self, text: &str) -> String {
        self.secrets.redact(text)
    }

    /// The target's token, in its usual place.
    pub(crate) fn token(&self) -> Auth<'_> {
        Auth::Header(self.server.token())
    }

    /// A request that carries nothing, to a path below the root of the server that is not yet encoded.
    pub(crate) async fn at(
        &self,
        method: Method,
        segments: &[&str],
        auth: Auth<'_>,
    ) -> Verdict<Exchange> {
        let mut url = absolute(self.server.root())?;
        if let Ok(mut path) = url.path_segments_mut() {
            path.pop_if_empty().extend(segments);
        }
        let request = Request::new(method, url).authorised(auth);
        self.send_for_all(request).await
    }

    /// A read of a path below the API, with the target's token.
    pub fn get(&self, path: impl Into<String>) -> Call<'_> {
        Call::new(self, Method::GET, path.into(), Value::Null, None)
    }

    /// A write of fields to a path below the API, with the target's token. Only the context calls it, which sees to it
    /// that nothing is written outside of the run's own names.
    pub(crate) fn post(&self, path: impl Into<String>, fields: Value, makes: Makes) -> Call<'_> {
        Call::new(self, Method::POST, path.into(), fields, Some(makes))
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
        let upload = Request::new(Method::PUT, url)
            .header("Connection", "close")
            .making(Makes::File(bytes.len()))
            .carrying(Payload::File(bytes.to_vec(), sending));
        // One that was guessed is shown no more than one that was handed out.
        self.secrets.learn_upload_path(upload.url.as_str());
        self.send_for_all(upload).await
    }

    /// Fetches a path below the API with the target's token, or anonymously, following redirects. A token never leaves
    /// the origin of the API. Of a body that is longer than so many bytes only the beginning is taken, and no such
    /// reply is found to have the right status.
    ///
    /// # Errors
    /// A redirect leads nowhere or too far, or there is no reply.
    pub async fn download(&self, path: &str, auth: Auth<'_>, most: usize) -> Verdict<Exchange> {
        let mut url = absolute(&format!("{}{path}", self.server.api()))?;
        for _ in 0..=MAX_REDIRECTS {
            let download = Request::new(Method::GET, url.clone());
            let download = if origin(&url) == self.server.origin() {
                download.authorised(auth)
            } else {
                download
            };
            let exchange = self.send(download, most).await?;
            let Some(next) = exchange.location() else {
                return Ok(exchange);
            };
            url = url
                .join(next)
                .map_err(|_| exchange.violation("a redirect to an address"))?;
            self.secrets.add(url.as_str(), "[redirect]");
        }
        Err(violation(
            "the file after a few redirects",
            format!("more than {MAX_REDIRECTS} redirects from {path}"),
        ))
    }

    /// Sends a request, and takes the whole reply.
    async fn send_for_all(&self, request: Request) -> Verdict<Exchange> {
        let exchange = self.send(request, MAX_REPLY_BYTES).await?;
        exchange.whole()?;
        Ok(exchange)
    }

    /// The only way out: whatever is sent, is sent here. Of the reply's body at most so many bytes are taken.
    async fn send(&self, request: Request, most: usize) -> Verdict<Exchange> {
        let sent = request.shown(&self.secrets);
        let lost = |why: &dyn fmt::Display| {
            CheckFailure::Inconclusive(self.redact(&format!("{}: {why}", sent.request)))
        };
        self.timeouts.check().map_err(|why| lost(&why))?;
        self.remember(&sent.request);
        self.pace.turn().await;
        let announced = self.announce(&request, &sent.request).await?;
        let proxy = self.server.proxies().told(&request.url);
        let reply = self.timeouts.reply(&self.client, request, most).await;
        let mut reply = reply.map_err(|why| lost(&format!("{why}{proxy}")))?;
        // A redirect to a store is signed: whoever reads it can fetch the file. The reply's body may repeat it.
        if let Some(signed) = reply.location().filter(|it| it.contains('?')) {
            self.secrets.add(&signed, "[redirect]");
        }
        let learned = self.secrets.learn_reply(&reply.body);
        reply.excess = reply.excess.or(learned.err());
        if let Some((journal, number)) = announced {
            let value: Value = serde_json::from_slice(&reply.body).unwrap_or_default();
            let told = journal.answered(number, reply.status, value["version"].as_u64());
            told.await.map_err(|error| unwritten(journal, &error))?;
        }
        let exchange = Exchange::new(&self.secrets, sent, reply);
        exchange.available(&proxy)?;
        Ok(exchange)
    }

    fn remember(&self, line: &str) {
        if let Some(watched) = &self.watched {
            let mut requests = watched.lock().unwrap_or_else(PoisonError::into_inner);
            requests.push(line.to_owned());
        }
    }

    /// Lets a write pass only to where it may go, and only once the journal knows of it.
    async fn announce(&self, request: &Request, line: &str) -> Verdict<Option<(&Journal, u64)>> {
        let refused = |why: &str| CheckFailure::NotSent(format!("refused to send {line}: {why}"));
        if request.method == Method::GET {
            return Ok(None);
        }
        let (policy, home) = (self.server.policy(), self.server.origin());
        if let Some(why) = policy.refusal(&request.url, home) {
            return Err(refused(&why));
        }
        match (&self.journal, &request.makes) {
            (Some(journal), Some(makes)) => {
                let announced = journal.announce(makes.clone()).await;
                let number = announced.map_err(|error| unwritten(journal, &error))?;
                Ok(Some((journal, number)))
            }
            (Some(_), None) => Err(refused("the journal cannot say what it makes")),
            (None, _) => Ok(None),
        }
    }
}

fn unwritten(journal: &Journal, error: &std::io::Error) -> CheckFailure {
    let path = journal.path().display();
    CheckFailure::NotSent(format!("the journal {path} cannot be written: {error}"))
}

fn absolute(text: &str) -> Verdict<Url> {
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

    /// Sends two writes that must not leave, and tells why not.
    async fn refusals(listener: TcpListener, target: &Target, http: &Http) -> [String; 2] {
        let prefix = RunPrefix::fresh();
        let context = Context::new(http, target.facts(), &prefix, "some.clause");
        let create = context.create(&context.name()).unwrap().send();
        let upload_path = format!("{}/secret-path", target.root());
        let put = http.put(&upload_path, b"x", Sending::Sized);
        let why = |verdict: Verdict<Exchange>| match verdict.err() {
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
    async fn an_upload_leaves_this_machine_only_by_leave() {
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
        http.keep(journal.await.unwrap().on_a_full_disk());
        for refusal in refusals(listener, &target, &http).await {
            assert!(refusal.contains("run.jsonl cannot be written"), "{refusal}");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn whatever_is_sent_waits_for_its_turn() {
        // Refused behind the pace, so that no clock but the paused one counts.
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
            let login = http.post("/authenticate", Value::Null, Makes::Token(String::new()));
            assert!(login.send().await.is_err());
        }
        let passed = start.elapsed().as_millis();
        assert!((1250..1260).contains(&passed), "{passed}");
    }
}

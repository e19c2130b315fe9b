//! A cleanup removes what a run made from the server, as far as the server allows, and reports what remains.
//!
//! A box is deleted by the call for it; for anything else, the contract has no call that deletes. `mock-atlas` has an API
//! of its own for this, and its health check identifies it. A cleanup reads and removes only what a journal names, and a journal names only what its run made; [`address`]
//! decides which server gets the token. Requests may fail by chance, so each is sent several times. If one resource
//! cannot be removed, the cleanup goes on with the others.

pub mod address;

use std::{
    fmt,
    sync::atomic::{AtomicU32, Ordering},
    time::Duration,
};

use reqwest::Method;
use serde_json::Value;
use tokio::time::sleep;

use crate::{
    failure::{CheckFailure, CheckResult, Violation},
    http::{Auth, Http, exchange::Exchange},
    run::{RunError, target::Target},
    safety::journal::{CreatedObject, Record},
    text::plain,
};

/// The number of attempts for a request: if every second one fails at random, all of them fail once in 64.
const ATTEMPTS: u32 = 6;
/// The number of requests in a row without any answer after which the server counts as unreachable: from then on,
/// each request is attempted once.
const MAX_FAILURES: u32 = 3;
/// The pause after the first attempt. It doubles after each further attempt.
const FIRST_PAUSE: Duration = Duration::from_millis(100);

/// A resource that a run made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Resource {
    /// An artifact with all its versions.
    Artifact(String),
    /// The versions of a type in the operator's public artifact.
    Type {
        /// The artifact's slug.
        artifact: String,
        /// The type.
        kind: String,
    },
    /// A box with all its versions.
    Box(String),
    /// The tokens with this description.
    Token(String),
}

impl fmt::Display for Resource {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        // The journal may be forged; its texts must not contain control characters for the terminal.
        let text = match self {
            Self::Artifact(slug) => format!("artifact {slug}"),
            Self::Type { artifact, kind } => format!("versions of {artifact}/{kind}"),
            Self::Box(name) => format!("box {name}"),
            Self::Token(description) => format!("token described as {description}"),
        };
        out.write_str(&plain(&text))
    }
}

/// The result of the removal of one resource.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Removal {
    /// The resource did not exist.
    Absent,
    /// The resource existed and is gone.
    Removed,
    /// The resource still exists.
    Remaining,
    /// The resource may still exist: the server gave no answer, for this reason.
    Unknown(String),
}

/// A `Cleanup` removes the resources of one journal from one server.
pub struct Cleanup<'a> {
    http: Http,
    record: &'a Record,
    deletes: bool,
    /// The number of requests in a row of which every attempt failed.
    failures: AtomicU32,
}

impl<'a> Cleanup<'a> {
    /// Checks that the server accepts the token, and finds out whether it can delete.
    ///
    /// # Errors
    /// Fails when the server refuses the token or cannot be reached.
    pub async fn start(target: &Target, record: &'a Record) -> Result<Self, RunError> {
        let mut cleanup = Self {
            http: target.connect().map_err(RunError::unreachable)?,
            record,
            deletes: false,
            failures: AtomicU32::new(0),
        };
        let reply = cleanup.get_api(&["authenticate"]).await;
        if reply.map_err(RunError::unreachable)?.status == 401 {
            return Err(RunError::TokenRefused);
        }
        cleanup.deletes = cleanup.is_emulator().await?;
        Ok(cleanup)
    }

    async fn is_emulator(&self) -> Result<bool, RunError> {
        let health = self.send(Method::GET, &["_mock", "health"], Auth::Anonymous);
        match health.await {
            Ok(health) => Ok(health.status == 200
                && health
                    .json()
                    .is_ok_and(|body| body["status"] == "ready" && body["version"].is_string())),
            Err(failure @ CheckFailure::Inconclusive(_)) => Err(RunError::unreachable(failure)),
            // Another server may answer anything for a path that it does not have.
            Err(_) => Ok(false),
        }
    }

    /// Returns all resources that the run made or may have made, each once.
    pub fn resources(&self) -> Vec<Resource> {
        let mut resources = Vec::new();
        for (object, status) in &self.record.writes {
            let refused = status.is_some_and(|status| (400..500).contains(&status));
            let resource = match object {
                CreatedObject::Artifact(slug) => Resource::Artifact(slug.clone()),
                CreatedObject::Version { artifact, kind } if self.is_public(artifact) => {
                    Resource::Type {
                        artifact: artifact.clone(),
                        kind: kind.clone(),
                    }
                }
                CreatedObject::Version { artifact, .. } => Resource::Artifact(artifact.clone()),
                CreatedObject::Box(name) => Resource::Box(name.clone()),
                // No call of the API lists tokens, so only the reply tells that none was made.
                CreatedObject::Token(description) if !refused => {
                    Resource::Token(description.clone())
                }
                CreatedObject::Token(_) | CreatedObject::AccessToken | CreatedObject::File(_) => {
                    continue;
                }
            };
            if !resources.contains(&resource) {
                resources.push(resource);
            }
        }
        resources
    }

    /// Removes a resource if the server can, and checks whether it is gone.
    pub async fn remove(&self, resource: &Resource) -> Removal {
        let removed = match resource {
            Resource::Artifact(slug) => self.remove_artifact(slug).await,
            Resource::Type { artifact, kind } => self.remove_type(artifact, kind).await,
            Resource::Box(name) => self.remove_box(name).await,
            Resource::Token(description) => self.remove_tokens(description).await,
        };
        removed.unwrap_or_else(|failure| Removal::Unknown(self.http.redact(&describe(&failure))))
    }

    fn is_public(&self, artifact: &str) -> bool {
        let begin = &self.record.begin;
        let public = begin.public_artifact.as_ref();
        public.is_some_and(|name| artifact == format!("{}/{name}", begin.namespace))
    }

    async fn remove_artifact(&self, slug: &str) -> CheckResult<Removal> {
        let (user, name) = slug.split_once('/').unwrap_or((slug, ""));
        let exists = async || -> CheckResult<bool> {
            let reply = self.get_api(&["artifacts", user, name]).await?;
            Ok(!is_absent(&reply))
        };
        if !exists().await? {
            return Ok(Removal::Absent);
        }
        self.delete(&["artifacts", user, name]).await?;
        Ok(if exists().await? {
            Removal::Remaining
        } else {
            Removal::Removed
        })
    }

    /// Removes a box by the call of the API, of version 1 or else of version 2.
    async fn remove_box(&self, box_name: &str) -> CheckResult<Removal> {
        let (user, name) = box_name.split_once('/').unwrap_or((box_name, ""));
        let mut removal = Removal::Absent;
        for version in ["v1", "v2"] {
            let path = ["api", version, "box", user, name];
            let exists = async || -> CheckResult<bool> {
                let reply = self.send(Method::GET, &path, self.http.token()).await?;
                Ok(!is_unknown(&reply))
            };
            if !exists().await? {
                continue;
            }
            self.send(Method::DELETE, &path, self.http.token()).await?;
            if exists().await? {
                return Ok(Removal::Remaining);
            }
            removal = Removal::Removed;
        }
        Ok(removal)
    }

    async fn remove_type(&self, artifact: &str, kind: &str) -> CheckResult<Removal> {
        let (user, name) = artifact.split_once('/').unwrap_or((artifact, ""));
        let versions = self.versions_of(user, name, kind).await?;
        if versions.is_empty() {
            return Ok(Removal::Absent);
        }
        for version in versions {
            self.delete(&["artifacts", user, name, kind, &version])
                .await?;
        }
        let left = self.versions_of(user, name, kind).await?;
        Ok(if left.is_empty() {
            Removal::Removed
        } else {
            Removal::Remaining
        })
    }

    /// Returns the numbers of the versions that a search finds and, on an emulator, of those that await their file.
    async fn versions_of(&self, user: &str, name: &str, kind: &str) -> CheckResult<Vec<String>> {
        let found = self
            .get_api(&["artifacts", user, name, kind, "search"])
            .await?;
        if is_absent(&found) {
            return Ok(Vec::new());
        }
        let found = found.versions()?;
        let mut numbers: Vec<_> = found.iter().map(|it| it["version"].to_string()).collect();
        let orphans = self.call_emulator_api(Method::GET, &["orphans"]).await?;
        let start = format!("{user}/{name}/{kind}/");
        let slugs = elements(orphans.as_ref(), "orphans");
        let slugs = slugs.iter().filter_map(|it| it["slug"].as_str());
        numbers.extend(
            slugs
                .filter_map(|it| it.strip_prefix(&start))
                .map(str::to_owned),
        );
        Ok(numbers)
    }

    async fn remove_tokens(&self, description: &str) -> CheckResult<Removal> {
        let Some(ids) = self.tokens(description).await? else {
            return Ok(Removal::Remaining);
        };
        for id in &ids {
            self.delete(&["tokens", id]).await?;
        }
        Ok(match self.tokens(description).await? {
            Some(left) if left.is_empty() && ids.is_empty() => Removal::Absent,
            Some(left) if left.is_empty() => Removal::Removed,
            _ => Removal::Remaining,
        })
    }

    /// Returns the ids of the tokens with this description, or `None` if the server does not list tokens.
    async fn tokens(&self, description: &str) -> CheckResult<Option<Vec<String>>> {
        let reply = self.call_emulator_api(Method::GET, &["tokens"]).await?;
        let Some(reply) = reply.filter(Exchange::succeeded) else {
            return Ok(None);
        };
        let tokens = elements(Some(&reply), "tokens");
        let own = tokens.iter().filter(|it| it["description"] == description);
        let ids = own.filter_map(|it| it["id"].as_str().map(str::to_owned));
        Ok(Some(ids.collect()))
    }

    async fn get_api(&self, segments: &[&str]) -> CheckResult<Exchange> {
        let path = [&["api", "v1"], segments].concat();
        self.send(Method::GET, &path, self.http.token()).await
    }

    async fn delete(&self, segments: &[&str]) -> CheckResult {
        self.call_emulator_api(Method::DELETE, segments)
            .await
            .map(drop)
    }

    /// Calls the own API of the emulator. Returns `None` if the server is not an emulator.
    async fn call_emulator_api(
        &self,
        method: Method,
        segments: &[&str],
    ) -> CheckResult<Option<Exchange>> {
        if !self.deletes {
            return Ok(None);
        }
        let path = [&["_mock"], segments].concat();
        let reply = self.send(method, &path, self.http.token()).await?;
        Ok(Some(reply))
    }

    /// Sends a request until it is answered, at most [`ATTEMPTS`] times. Deletions are idempotent, so they may be
    /// repeated.
    async fn send(&self, method: Method, path: &[&str], auth: Auth<'_>) -> CheckResult<Exchange> {
        let is_away = self.failures.load(Ordering::Relaxed) >= MAX_FAILURES;
        let (mut left, mut pause) = (if is_away { 0 } else { ATTEMPTS - 1 }, FIRST_PAUSE);
        loop {
            let reply = self.http.send_below_root(method.clone(), path, auth).await;
            let reply = reply.and_then(answer);
            if reply.is_ok() {
                self.failures.store(0, Ordering::Relaxed);
                return reply;
            }
            if left == 0 || self.http.is_given_up() {
                self.failures.fetch_add(1, Ordering::Relaxed);
                return reply;
            }
            left -= 1;
            sleep(pause).await;
            pause *= 2;
        }
    }
}

/// Returns the reply, or fails if the reply may be a transient failure.
fn answer(reply: Exchange) -> CheckResult<Exchange> {
    // A server that does not know boxes may say so by 501.
    if reply.status != 501 && reply.may_be_transient() {
        return Err(reply.violation("an answer"));
    }
    Ok(reply)
}

/// Returns a description of the failure, in one line.
fn describe(failure: &CheckFailure) -> String {
    match failure.violation() {
        Some(Violation { came, sent, .. }) => {
            let request = sent.as_ref().map(|sent| format!("{}: ", sent.request));
            format!("{}{came}", request.unwrap_or_default())
        }
        None => failure.to_string(),
    }
}

/// Tells whether the reply means that the resource does not exist. A name that no artifact can have gets 400 or 422.
fn is_absent(reply: &Exchange) -> bool {
    matches!(reply.status, 400 | 404 | 410 | 422)
}

/// Tells whether there is no such box, or no call for boxes.
fn is_unknown(reply: &Exchange) -> bool {
    is_absent(reply) || matches!(reply.status, 405 | 501)
}

fn elements(reply: Option<&Exchange>, key: &str) -> Vec<Value> {
    let body = reply
        .and_then(|reply| reply.json().ok())
        .unwrap_or_default();
    body[key].as_array().cloned().unwrap_or_default()
}

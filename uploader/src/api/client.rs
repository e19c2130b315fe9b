//! Provides the client, with one method per endpoint. GETs, and the POST of an artifact, are repeated after
//! transient failures. The POST of a version and the PUT of its bytes are one attempt each: before a
//! repetition the caller must ask the server for the effect of the first attempt.

use std::sync::Arc;

use serde_json::{Map, Value};
use url::Url;

use super::http::body::UploadSource;
use super::http::redirect;
use super::http::reply::is_markup;
use super::http::request_line::{request_line, secret_line};
use super::http::transport::Transport;
use super::options::ClientOptions;
use crate::api::atlas_url::AtlasUrl;
use crate::api::retry::{Attempts, RetryPolicy};
use crate::api::wire::{
    Artifact, ArtifactReply, Authenticated, CreateArtifact, CreateVersion, CreatedVersion,
    NewArtifact, NewVersion, SearchReply, Version,
};
use crate::base::error::{Cause, Error, Phase, RequestLine};
use crate::base::reporter::{Event, Reporter};
use crate::base::secret::Redactor;
use crate::base::slug::{ArtifactName, ArtifactType};

/// The query of a search. All fields are optional; the server defines what they mean.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct SearchQuery {
    /// A number, `latest` or `any`.
    pub version: Option<String>,
    /// A number, `latest` or `any`.
    pub build: Option<String>,
    /// The required metadata keys, each with a value, or `None` for any value.
    pub metadata: Vec<(String, Option<String>)>,
}

/// A client of one Atlas, with a connection pool and one token.
#[derive(Clone)]
pub struct Client {
    url: AtlasUrl,
    pub(super) transport: Transport,
    retry: RetryPolicy,
    redactor: Redactor,
    reporter: Arc<dyn Reporter>,
    authenticated: bool,
    allow_http_upload: bool,
}

impl Client {
    /// Creates a client without sending anything. Reads the CA files, which are small, and registers the
    /// token with the redactor.
    ///
    /// # Errors
    /// [`Phase::Connect`]: a CA file that cannot be read, or holds no certificate.
    pub fn new(options: ClientOptions) -> Result<Self, Error> {
        if let Some(token) = &options.token {
            options.redactor.add(token.expose());
        }
        let transport =
            Transport::new(&options).map_err(|cause| Error::new(Phase::Connect, cause))?;
        Ok(Self {
            url: options.url,
            transport,
            retry: options.retry,
            redactor: options.redactor,
            reporter: options.reporter,
            authenticated: options.authenticated,
            allow_http_upload: options.allow_http_upload,
        })
    }

    /// Returns the same client with a policy of one attempt.
    pub fn once(&self) -> Self {
        Self {
            retry: RetryPolicy::once(),
            ..self.clone()
        }
    }

    /// Returns the same client without its token.
    #[must_use]
    pub fn anonymous(&self) -> Self {
        Self {
            transport: self.transport.anonymous(),
            ..self.clone()
        }
    }

    /// Returns whether requests carry a token.
    pub fn has_token(&self) -> bool {
        self.transport.has_token()
    }

    /// Returns the address of the Atlas.
    pub fn url(&self) -> &AtlasUrl {
        &self.url
    }

    /// Returns a new counter of attempts.
    pub fn attempts(&self) -> Attempts<'_> {
        Attempts::new(self.retry, &*self.reporter)
    }

    /// Returns whether the token was verified before this client was created.
    pub fn is_authenticated(&self) -> bool {
        self.authenticated
    }

    /// Returns the reporter.
    pub fn reporter(&self) -> &dyn Reporter {
        &*self.reporter
    }

    pub(crate) fn shared_reporter(&self) -> Arc<dyn Reporter> {
        Arc::clone(&self.reporter)
    }

    /// Verifies the token (`GET /authenticate`). Returns the user who owns it, if the server says it (the
    /// genuine client reads only the status).
    ///
    /// # Errors
    /// [`Phase::Authenticate`]; status 401 for a token that is not accepted.
    pub async fn authenticate(&self) -> Result<Option<String>, Error> {
        let body = self
            .get(Phase::Authenticate, &self.authenticate_url())
            .await?;
        // The contract fixes only the status, so an unreadable body is not a failure.
        let reply: Authenticated = serde_json::from_slice(&body).unwrap_or_default();
        Ok(reply.user.map(|user| user.username))
    }

    /// Verifies the token, and that the server is an Atlas at all: the reply must be that of one.
    ///
    /// # Errors
    /// Fails as [`Self::authenticate`] does, and for a success whose body is neither empty JSON nor names a
    /// user.
    pub async fn whoami(&self) -> Result<Option<String>, Error> {
        let url = self.authenticate_url();
        let body = self.get(Phase::Authenticate, &url).await?;
        let reply: Option<Map<String, Value>> = serde_json::from_slice(&body).ok();
        match reply.as_ref().map(|reply| (reply, username(reply))) {
            Some((_, Some(username))) => Ok(Some(username.to_owned())),
            // Some stand-ins do not name the user.
            Some((reply, None)) if reply.is_empty() => Ok(None),
            _ => Err(Error::new(
                Phase::Authenticate,
                no_atlas(request_line("GET", &url), &body),
            )),
        }
    }

    fn authenticate_url(&self) -> Url {
        self.url.endpoint(["authenticate"])
    }

    /// Finds an artifact (`GET /artifacts/U/N`).
    ///
    /// # Errors
    /// [`Phase::FindArtifact`]; status 404 for an artifact that does not exist, or is hidden.
    pub async fn artifact(&self, name: &ArtifactName) -> Result<Artifact, Error> {
        let url = self.artifact_url(name, []);
        let body = self.get(Phase::FindArtifact, &url).await?;
        let reply: ArtifactReply = decode(Phase::FindArtifact, "GET", &url, &body)?;
        Ok(reply.artifact)
    }

    /// Creates an artifact (`POST /artifacts`). The request is repeated, since the server would refuse to
    /// create a second one.
    ///
    /// # Errors
    /// [`Phase::CreateArtifact`]; status 422 for an artifact that already exists, 404 for an organisation to
    /// which the token may not write (both inferred).
    pub async fn create_artifact(&self, name: &ArtifactName) -> Result<Artifact, Error> {
        let url = self.url.endpoint(["artifacts"]);
        let artifact = NewArtifact {
            username: name.user(),
            name: name.name(),
        };
        let new = CreateArtifact { artifact };
        let once = || self.transport.post(&url, &new);
        let body = self.attempts().run(Phase::CreateArtifact, once).await?;
        let reply: ArtifactReply = decode(Phase::CreateArtifact, "POST", &url, &body)?;
        Ok(reply.artifact)
    }

    /// Creates a version (`POST /artifacts/U/N/TYPE`) in one attempt, because a repetition would create
    /// another version. Registers the upload URL with the redactor.
    ///
    /// # Errors
    /// [`Phase::CreateVersion`]; [`Cause::effect`] says whether the version may exist.
    pub async fn create_version(
        &self,
        name: &ArtifactName,
        artifact_type: &ArtifactType,
        version: &NewVersion<'_>,
    ) -> Result<CreatedVersion, Error> {
        let url = self.artifact_url(name, [artifact_type.as_str()]);
        let body = CreateVersion {
            artifact_version: version.clone(),
        };
        let reply = self
            .transport
            .post(&url, &body)
            .await
            .map_err(|cause| Error::new(Phase::CreateVersion, cause))?;
        let created: CreatedVersion = decode(Phase::CreateVersion, "POST", &url, &reply)?;
        if let Some(upload_path) = &created.upload_path {
            self.hide(upload_path, url.as_str());
        }
        if let Some(token) = &created.upload_token {
            self.redactor.add(token);
        }
        Ok(created)
    }

    /// Registers an upload URL with the redactor; `shown` is a text without secrets, such as a slug.
    pub(crate) fn hide(&self, upload_path: &str, shown: &str) {
        if let Ok(url) = Url::parse(upload_path) {
            self.redactor.add_url(&url, shown);
        }
    }

    /// Uploads the bytes to the version's `upload_path` (`PUT`) in one attempt, as the genuine client does:
    /// to the verbatim URL, with neither token nor Content-Type, always with a Content-Length.
    ///
    /// # Errors
    /// [`Phase::Upload`]; also for an address without TLS that an Atlas with TLS names, unless
    /// [`ClientOptions::allow_http_upload`].
    pub async fn upload(
        &self,
        slug: &str,
        upload_path: &str,
        source: &impl UploadSource,
    ) -> Result<(), Error> {
        let phase = Phase::Upload {
            slug: slug.to_owned(),
            bytes: source.len(),
        };
        self.hide(upload_path, slug);
        let url = match Url::parse(upload_path) {
            Ok(url) if matches!(url.scheme(), "http" | "https") => url,
            _ => {
                let request = RequestLine {
                    method: "PUT",
                    url: "upload_path".to_owned(),
                };
                let detail = "the server gave no absolute URL".to_owned();
                return Err(Error::new(phase, Cause::Reply { request, detail }));
            }
        };
        if redirect::is_unencrypted(&self.url.root(), &url) {
            self.without_tls(&url)
                .map_err(|cause| Error::new(phase.clone(), cause))?;
        }
        let stored = self.transport.put(&url, source, &self.reporter).await;
        stored.map_err(|cause| Error::new(phase, cause))
    }

    /// Reports that the bytes go to an address without TLS.
    ///
    /// # Errors
    /// Returns [`Cause::Unencrypted`], unless it is allowed.
    fn without_tls(&self, url: &Url) -> Result<(), Cause> {
        if !self.allow_http_upload {
            let request = secret_line("PUT", url);
            return Err(Cause::Unencrypted { request });
        }
        let to = &url.origin().ascii_serialization();
        self.reporter.report(Event::Unencrypted { to });
        Ok(())
    }

    /// Searches versions (`GET /artifacts/U/N/TYPE/search`). Returns those that match, newest first.
    ///
    /// # Errors
    /// [`Phase::Search`]; status 404 for an artifact that does not exist, or is hidden.
    pub async fn search(
        &self,
        name: &ArtifactName,
        artifact_type: &ArtifactType,
        query: &SearchQuery,
    ) -> Result<Vec<Version>, Error> {
        let mut url = self.artifact_url(name, [artifact_type.as_str(), "search"]);
        append_query(&mut url, query);
        let body = self.get(Phase::Search, &url).await?;
        let reply: SearchReply = decode(Phase::Search, "GET", &url, &body)?;
        Ok(reply.versions)
    }

    pub(super) fn artifact_url<'a, const N: usize>(
        &self,
        name: &'a ArtifactName,
        rest: [&'a str; N],
    ) -> Url {
        let start = ["artifacts", name.user(), name.name()];
        self.url.endpoint(start.into_iter().chain(rest))
    }

    async fn get(&self, phase: Phase, url: &Url) -> Result<bytes::Bytes, Error> {
        let once = || self.transport.get_body(url);
        self.attempts().run(phase, once).await
    }
}

fn decode<T: serde::de::DeserializeOwned>(
    phase: Phase,
    method: &'static str,
    url: &Url,
    body: &[u8],
) -> Result<T, Error> {
    serde_json::from_slice(body).map_err(|error| {
        let request = request_line(method, url);
        if is_markup(body) {
            return Error::new(phase, Cause::Page { request, to: None });
        }
        // The detail has only the category and the place, because serde's own message could repeat a part of
        // the reply.
        let detail = format!(
            "the reply is not the JSON that was expected ({:?} error at line {} column {})",
            error.classify(),
            error.line(),
            error.column()
        );
        Error::new(phase, Cause::Reply { request, detail })
    })
}

fn username(reply: &Map<String, Value>) -> Option<&str> {
    let name = reply.get("user")?.get("username")?.as_str()?;
    let is_seen = |c: char| !c.is_whitespace() && !c.is_control();
    name.contains(is_seen).then_some(name)
}

fn no_atlas(request: RequestLine, body: &[u8]) -> Cause {
    if is_markup(body) {
        return Cause::Page { request, to: None };
    }
    let detail =
        "no Atlas answers there: an Atlas replies with JSON that names the user".to_owned();
    Cause::Reply { request, detail }
}

fn append_query(url: &mut Url, query: &SearchQuery) {
    let mut pairs = url.query_pairs_mut();
    for (key, value) in [("version", &query.version), ("build", &query.build)] {
        if let Some(value) = value {
            pairs.append_pair(key, value);
        }
    }
    for (index, (key, value)) in query.metadata.iter().enumerate() {
        let number = index + 1;
        pairs.append_pair(&format!("metadata.{number}.key"), key);
        if let Some(value) = value {
            pairs.append_pair(&format!("metadata.{number}.value"), value);
        }
    }
}

//! An artifact on the server, with requests for its versions, searches and files.

use serde_json::{Value, json};

use crate::{
    failure::CheckResult,
    http::{Auth, Call, MAX_REPLY_BYTES, exchange::Exchange, request::Sending},
    suite::context::Context,
};

/// An artifact, below the target's namespace if the run made it.
pub struct Artifact<'a> {
    context: &'a Context<'a>,
    user: String,
    /// The name, without the namespace.
    pub name: String,
}

impl<'a> Artifact<'a> {
    pub(crate) fn new(context: &'a Context<'a>, user: String, name: String) -> Self {
        Self {
            context,
            user,
            name,
        }
    }

    /// Returns another artifact of the same user, which need not exist.
    pub fn beside(&self, name: impl Into<String>) -> Self {
        Self::new(self.context, self.user.clone(), name.into())
    }

    /// Returns the slug, `USER/NAME`.
    pub fn slug(&self) -> String {
        format!("{}/{}", self.user, self.name)
    }

    /// Returns the path, below the API, of the artifact or of a resource within it, such as `/TYPE/search`.
    pub fn path(&self, within: &str) -> String {
        format!("/artifacts/{}{within}", self.slug())
    }

    /// Builds a GET request for the artifact or for a resource within it; nothing is sent.
    pub fn get(&self, within: &str) -> Call<'a> {
        self.context.get(self.path(within))
    }

    /// Builds a POST request that creates a version; nothing is sent.
    ///
    /// # Errors
    /// Fails as [`Context::push`] does.
    pub fn post(&self, kind: &str, fields: Value) -> CheckResult<Call<'a>> {
        self.context.push(&self.name, kind, fields)
    }

    /// Creates a version with these fields.
    ///
    /// # Errors
    /// Fails when the request is refused, or the reply has no number or no upload path.
    pub async fn version(&self, kind: &str, fields: Value) -> CheckResult<Version> {
        Version::read(self.post(kind, fields)?.succeed().await?)
    }

    /// Creates a version with this metadata and without a file.
    ///
    /// # Errors
    /// Fails as [`Artifact::version`] does.
    pub async fn tagged(&self, kind: &str, metadata: Value) -> CheckResult<Version> {
        self.version(
            kind,
            json!({"id": "tagged", "file": false, "metadata": metadata}),
        )
        .await
    }

    /// Creates a version whose file is still to be uploaded.
    ///
    /// # Errors
    /// Fails as [`Artifact::version`] does.
    pub async fn awaiting(&self, kind: &str) -> CheckResult<Version> {
        self.version(kind, json!({"id": "File", "file": true, "metadata": {}}))
            .await
    }

    /// Creates a version and uploads its file.
    ///
    /// # Errors
    /// Fails as [`Artifact::version`] does, or when the upload is refused.
    pub async fn with_file(&self, kind: &str, bytes: &[u8]) -> CheckResult<Version> {
        let version = self.awaiting(kind).await?;
        self.context
            .http()
            .put(&version.upload_path, bytes, Sending::Sized)
            .await?
            .success()?;
        Ok(version)
    }

    /// Creates a search among the versions of a type.
    pub fn search(&self, kind: &str, query: &[(&str, &str)]) -> Call<'a> {
        self.get(&format!("/{kind}/search")).query(query)
    }

    /// Searches, and requires exactly these versions in this order.
    ///
    /// # Errors
    /// Fails when the search finds other versions.
    pub async fn finds(&self, kind: &str, query: &[(&str, &str)], numbers: &[u64]) -> CheckResult {
        self.search(kind, query).send().await?.found(numbers)
    }

    /// Searches, and requires exactly these versions in this order. Any other version is forbidden.
    ///
    /// # Errors
    /// Fails when the search finds other versions.
    pub async fn finds_no_other(
        &self,
        kind: &str,
        query: &[(&str, &str)],
        numbers: &[u64],
    ) -> CheckResult {
        let found = self.search(kind, query).send().await?;
        found.found_no_other(numbers)
    }

    /// Returns the target's token, in its usual place.
    pub(crate) fn token(&self) -> Auth<'a> {
        Auth::Header(self.context.token())
    }

    /// Downloads the file of a version, a number or `latest`, following redirects.
    ///
    /// # Errors
    /// Fails when there is no reply.
    pub async fn file(&self, kind: &str, version: &str) -> CheckResult<Exchange> {
        self.file_as(self.token(), kind, version).await
    }

    /// Downloads the file with another token, or none.
    ///
    /// # Errors
    /// Fails when there is no reply.
    pub async fn file_as(
        &self,
        auth: Auth<'_>,
        kind: &str,
        version: &str,
    ) -> CheckResult<Exchange> {
        self.file_at_most(auth, kind, version, MAX_REPLY_BYTES)
            .await
    }

    /// Downloads at most `most` bytes of the file. Of a longer file, only the beginning is read.
    ///
    /// # Errors
    /// Fails when there is no reply.
    pub async fn file_at_most(
        &self,
        auth: Auth<'_>,
        kind: &str,
        version: &str,
        most: usize,
    ) -> CheckResult<Exchange> {
        let path = self.path(&format!("/{kind}/{version}/file"));
        self.context.http().download(&path, auth, most).await
    }

    /// Downloads the file of a version, and requires exactly these bytes.
    ///
    /// # Errors
    /// Fails when the bytes differ, or the download is refused.
    pub async fn file_is(&self, kind: &str, version: &str, bytes: &[u8]) -> CheckResult {
        let exchange = self.file(kind, version).await?;
        exchange.status_is(200)?;
        exchange.require(
            exchange.body == bytes,
            format!("the {} bytes that were sent", bytes.len()),
        )
    }
}

/// A version that was just made.
pub struct Version {
    /// The number.
    pub number: u64,
    /// The address that the file is uploaded to.
    pub upload_path: String,
    /// The reply to the request that made the version.
    pub reply: Exchange,
}

impl Version {
    fn read(reply: Exchange) -> CheckResult<Self> {
        let body = reply.json()?;
        let number = body["version"].as_u64();
        let upload_path = body["upload_path"].as_str();
        match (number, upload_path) {
            (Some(number), Some(path)) => Ok(Self {
                number,
                upload_path: path.to_owned(),
                reply,
            }),
            _ => Err(reply.violation("a version with an integer version and an upload_path")),
        }
    }
}

//! An artifact of a check: its versions, what a search finds among them, and their files.

use serde_json::{Value, json};

use crate::{
    failure::Verdict,
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

    /// Another artifact of the same user, which need not exist.
    pub fn beside(&self, name: impl Into<String>) -> Self {
        Self::new(self.context, self.user.clone(), name.into())
    }

    /// `USER/NAME`.
    pub fn slug(&self) -> String {
        format!("{}/{}", self.user, self.name)
    }

    /// The path of the artifact below the API, and of something within it: `/TYPE/search`, say.
    pub fn path(&self, within: &str) -> String {
        format!("/artifacts/{}{within}", self.slug())
    }

    /// A read of the artifact, or of something within it.
    pub fn get(&self, within: &str) -> Call<'a> {
        self.context.get(self.path(within))
    }

    /// The request for a version.
    ///
    /// # Errors
    /// The artifact is not one of this run's.
    pub fn post(&self, kind: &str, fields: Value) -> Verdict<Call<'a>> {
        self.context.push(&self.name, kind, fields)
    }

    /// A version of these fields.
    ///
    /// # Errors
    /// It is refused, or the reply has neither a number nor an upload path.
    pub async fn version(&self, kind: &str, fields: Value) -> Verdict<Version> {
        Version::read(self.post(kind, fields)?.succeed().await?)
    }

    /// A version without a file that has this metadata.
    ///
    /// # Errors
    /// As [`Artifact::version`].
    pub async fn tagged(&self, kind: &str, metadata: Value) -> Verdict<Version> {
        self.version(
            kind,
            json!({"id": "tagged", "file": false, "metadata": metadata}),
        )
        .await
    }

    /// A version that awaits its file.
    ///
    /// # Errors
    /// As [`Artifact::version`].
    pub async fn awaiting(&self, kind: &str) -> Verdict<Version> {
        self.version(kind, json!({"id": "File", "file": true, "metadata": {}}))
            .await
    }

    /// A version with this file.
    ///
    /// # Errors
    /// As [`Artifact::version`], or the upload is refused.
    pub async fn with_file(&self, kind: &str, bytes: &[u8]) -> Verdict<Version> {
        let version = self.awaiting(kind).await?;
        self.context
            .http()
            .put(&version.upload_path, bytes, Sending::Sized)
            .await?
            .success()?;
        Ok(version)
    }

    /// A search among the versions of a type.
    pub fn search(&self, kind: &str, query: &[(&str, &str)]) -> Call<'a> {
        self.get(&format!("/{kind}/search")).query(query)
    }

    /// A search that must find exactly these versions in this order.
    ///
    /// # Errors
    /// It finds others.
    pub async fn finds(&self, kind: &str, query: &[(&str, &str)], numbers: &[u64]) -> Verdict {
        self.search(kind, query).send().await?.found(numbers)
    }

    /// A search that must find exactly these versions in this order, and must never find another.
    ///
    /// # Errors
    /// It finds others.
    pub async fn finds_no_other(
        &self,
        kind: &str,
        query: &[(&str, &str)],
        numbers: &[u64],
    ) -> Verdict {
        let found = self.search(kind, query).send().await?;
        found.found_no_other(numbers)
    }

    /// The target's token, in its usual place.
    pub(crate) fn token(&self) -> Auth<'a> {
        Auth::Header(self.context.token())
    }

    /// The file of a version, a number or `latest`, behind whatever redirects.
    ///
    /// # Errors
    /// There is no reply.
    pub async fn file(&self, kind: &str, version: &str) -> Verdict<Exchange> {
        self.file_as(self.token(), kind, version).await
    }

    /// The same with another token, or none.
    ///
    /// # Errors
    /// There is no reply.
    pub async fn file_as(&self, auth: Auth<'_>, kind: &str, version: &str) -> Verdict<Exchange> {
        self.file_at_most(auth, kind, version, MAX_REPLY_BYTES)
            .await
    }

    /// The same, of at most so many bytes; of a longer one only its beginning comes.
    ///
    /// # Errors
    /// There is no reply.
    pub async fn file_at_most(
        &self,
        auth: Auth<'_>,
        kind: &str,
        version: &str,
        most: usize,
    ) -> Verdict<Exchange> {
        let path = self.path(&format!("/{kind}/{version}/file"));
        self.context.http().download(&path, auth, most).await
    }

    /// The file of a version, which must have exactly these bytes.
    ///
    /// # Errors
    /// It has others, or cannot be had.
    pub async fn file_is(&self, kind: &str, version: &str, bytes: &[u8]) -> Verdict {
        let exchange = self.file(kind, version).await?;
        exchange.status_is(200)?;
        exchange.require(
            exchange.body == bytes,
            format!("the {} bytes that were sent", bytes.len()),
        )
    }
}

/// A version just made.
pub struct Version {
    /// Its number.
    pub number: u64,
    /// Where its file goes to.
    pub upload_path: String,
    /// The reply to the request for it.
    pub reply: Exchange,
}

impl Version {
    fn read(reply: Exchange) -> Verdict<Self> {
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

//! A test artifact is an artifact that a check reads: the check made it or, in a run that writes nothing, it is one of
//! the operator's fixtures.
//!
//! In both cases the check knows the versions, and so the expected replies.

use serde_json::Value;

use crate::{
    failure::{CheckFailure, CheckResult},
    http::{Auth, MAX_REPLY_BYTES},
    suite::{
        artifact::Artifact,
        fixtures::{Digest, KnownFile},
        verified_fixture::{Known, VerifiedFixture},
    },
};

/// The largest number of metadata pairs that are searched for.
const MAX_PAIRS: usize = 8;

/// The versions of one type in an artifact.
pub struct TestArtifact<'a> {
    /// The artifact.
    pub artifact: Artifact<'a>,
    /// The artifact type.
    pub kind: String,
    /// The versions, the newest first.
    versions: Vec<Known>,
}

/// A metadata key and its value.
pub type Pair = (String, String);

impl<'a> TestArtifact<'a> {
    /// Returns the artifact of a fixture, with its versions.
    pub(crate) fn of(fixture: &VerifiedFixture, artifact: Artifact<'a>) -> Self {
        Self {
            artifact,
            kind: fixture.fixture.kind.clone(),
            versions: fixture.versions.clone(),
        }
    }

    /// Returns a new artifact, which has no versions yet.
    pub fn made(artifact: Artifact<'a>, kind: &str) -> Self {
        Self {
            artifact,
            kind: kind.to_owned(),
            versions: Vec::new(),
        }
    }

    /// Makes a version with this metadata and without a file.
    ///
    /// # Errors
    /// Fails when the version cannot be made.
    pub async fn tag(&mut self, metadata: Value) -> CheckResult {
        let made = self.artifact.tagged(&self.kind, metadata.clone()).await?;
        self.made_version(made.number, metadata, None);
        Ok(())
    }

    /// Makes a version with this file.
    ///
    /// # Errors
    /// Fails when the version cannot be made, or the upload is refused.
    pub async fn upload(&mut self, bytes: &[u8]) -> CheckResult {
        let made = self.artifact.with_file(&self.kind, bytes).await?;
        let file = KnownFile {
            size: bytes.len() as u64,
            sha256: Digest::of(bytes),
        };
        self.made_version(made.number, Value::Null, Some(file));
        Ok(())
    }

    fn made_version(&mut self, number: u64, metadata: Value, file: Option<KnownFile>) {
        let known = Known {
            number,
            metadata: metadata.as_object().cloned().unwrap_or_default(),
            has_file: file.is_some(),
            file,
        };
        self.versions.insert(0, known);
    }

    /// Returns the number of the newest version, or 0 when there is none.
    pub fn newest(&self) -> u64 {
        self.versions.first().map_or(0, |it| it.number)
    }

    /// Returns the numbers of all versions, the newest first.
    pub fn numbers(&self) -> Vec<u64> {
        self.numbers_where(|_| true)
    }

    /// Returns the numbers of the versions that have all these pairs.
    pub fn with(&self, pairs: &[(&str, &str)]) -> Vec<u64> {
        self.numbers_where(|it| {
            let has = |(key, value): &(&str, &str)| {
                it.metadata.get(*key).and_then(Value::as_str) == Some(*value)
            };
            pairs.iter().all(has)
        })
    }

    /// Returns the numbers of the versions that have all these keys.
    pub fn with_keys(&self, keys: &[&str]) -> Vec<u64> {
        self.numbers_where(|it| keys.iter().all(|key| it.metadata.contains_key(*key)))
    }

    /// Returns the number of a version without a file.
    pub fn without_file(&self) -> Option<u64> {
        self.versions
            .iter()
            .find(|it| !it.has_file)
            .map(|it| it.number)
    }

    /// Returns pairs of metadata that the versions have, each once, up to a limit.
    pub fn pairs(&self) -> Vec<Pair> {
        let mut pairs: Vec<Pair> = Vec::new();
        for (key, value) in self.versions.iter().flat_map(|it| &it.metadata) {
            let pair = value.as_str().map(|value| (key.clone(), value.to_owned()));
            pairs.extend(pair.filter(|pair| !pairs.contains(pair)));
        }
        pairs.truncate(MAX_PAIRS);
        pairs
    }

    /// Returns all combinations of two pairs with different keys.
    pub fn pair_combinations(&self) -> Vec<[Pair; 2]> {
        let pairs = self.pairs();
        let later = |(at, first): (usize, &Pair)| {
            let others = pairs[at + 1..].iter().filter(|other| other.0 != first.0);
            others
                .map(|other| [first.clone(), other.clone()])
                .collect::<Vec<_>>()
        };
        pairs.iter().enumerate().flat_map(later).collect()
    }

    /// Searches, and requires exactly these versions in this order.
    ///
    /// # Errors
    /// Fails when the search finds other versions.
    pub async fn finds(&self, query: &[(&str, &str)], numbers: &[u64]) -> CheckResult {
        self.artifact.finds(&self.kind, query, numbers).await
    }

    /// Downloads each known file under the number of its version, and requires its bytes.
    ///
    /// # Errors
    /// Fails when the bytes differ, or a download is refused.
    pub async fn files_are_known(&self) -> CheckResult {
        for known in &self.versions {
            if let Some(file) = &known.file {
                let version = known.number.to_string();
                self.file_is(self.artifact.token(), &version, file).await?;
            }
        }
        Ok(())
    }

    /// Downloads the file under `latest`, and requires the bytes of the newest version.
    ///
    /// # Errors
    /// Fails when the bytes differ, the download is refused, or the newest file is unknown.
    pub async fn latest_is_newest(&self) -> CheckResult {
        let newest = self
            .newest_file()
            .ok_or_else(|| CheckFailure::Inconclusive("no file is known".to_owned()))?;
        self.file_is(self.artifact.token(), "latest", newest).await
    }

    /// Downloads the file of a version, a number or `latest`, with this token or none, and requires this file.
    ///
    /// # Errors
    /// Fails when the file is another one, or the download is refused.
    pub async fn file_is(&self, auth: Auth<'_>, version: &str, file: &KnownFile) -> CheckResult {
        let size = usize::try_from(file.size).unwrap_or(usize::MAX);
        let most = size.max(MAX_REPLY_BYTES);
        let reply = self
            .artifact
            .file_at_most(auth, &self.kind, version, most)
            .await?;
        reply.is_file(file)
    }

    /// Returns the file of the newest version, if it is known.
    pub fn newest_file(&self) -> Option<&KnownFile> {
        self.versions.first()?.file.as_ref()
    }

    fn numbers_where(&self, holds: impl Fn(&Known) -> bool) -> Vec<u64> {
        let versions = self.versions.iter().filter(|it| holds(it));
        versions.map(|it| it.number).collect()
    }
}

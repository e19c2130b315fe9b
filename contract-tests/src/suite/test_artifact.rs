//! What a check reads: an artifact that it made itself or, in a run that writes nothing, one that the operator named.
//!
//! Either way the check knows which versions there are, and so what the server has to answer.

use serde_json::{Map, Value};
use sha2::{Digest as _, Sha256};

use crate::{
    failure::{Fault, Verdict},
    http::{Auth, Http, LONGEST_REPLY},
    run::RunError,
    suite::{
        artifact::Artifact,
        fixtures::{Digest, Fixture, KnownFile, Visibility},
    },
};

/// So many pairs of metadata are asked for, of an artifact that has more.
const MOST_PAIRS: usize = 8;

/// What must be on the server before a clause can be asked without writing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Given {
    /// An artifact.
    Artifact,
    /// Two versions of a type.
    Versions,
    /// The digest of the newest version's file.
    File,
    /// A version without a file.
    NoFile,
    /// A version of an artifact that everybody sees.
    Public,
    /// The digest of its newest version's file.
    PublicFile,
    /// An artifact that only some see.
    Private,
}

impl Given {
    /// What the operator has to name.
    pub fn words(self) -> &'static str {
        match self {
            Self::Artifact => "an artifact",
            Self::Versions => "an artifact with two versions of a type",
            Self::File => "an artifact with size and sha256 of its newest file",
            Self::NoFile => "an artifact with a version that has no file",
            Self::Public => "an artifact of visibility public",
            Self::PublicFile => {
                "an artifact of visibility public with size and sha256 of its newest file"
            }
            Self::Private => "an artifact of visibility private",
        }
    }
}

/// A version that is on the server.
#[derive(Debug, Clone, PartialEq)]
pub struct Known {
    /// Its number.
    pub number: u64,
    metadata: Map<String, Value>,
    has_file: bool,
    file: Option<KnownFile>,
}

/// What an operator named, as the server shows it.
#[derive(Debug, Clone)]
pub struct Surveyed {
    fixture: Fixture,
    /// The newest first.
    versions: Vec<Known>,
}

impl Surveyed {
    /// Looks for what the operator named.
    ///
    /// # Errors
    /// It is not there, or the server cannot be reached.
    pub(crate) async fn read(http: &Http, fixture: Fixture) -> Result<Self, RunError> {
        let slug = format!("{}/{}/{}", fixture.user, fixture.name, fixture.kind);
        let search = http.get(format!("/artifacts/{slug}/search")).send().await;
        let versions = match search.and_then(|reply| reply.versions()) {
            Ok(shown) => known(&shown, &fixture),
            Err(Fault::Trouble(why)) => return Err(RunError::Unreachable(why)),
            Err(fault) => Err(fault.to_string()),
        };
        match versions {
            Ok(versions) => Ok(Self { fixture, versions }),
            Err(why) => Err(RunError::Fixture { slug, why }),
        }
    }

    pub(crate) fn meets(&self, given: Given) -> bool {
        let sees = |who| self.fixture.visibility == Some(who);
        let newest_file = || {
            let newest = self.versions.first();
            newest.is_some_and(|newest| newest.file.is_some())
        };
        match given {
            Given::Artifact => true,
            Given::Versions => self.versions.len() > 1,
            Given::File => newest_file(),
            Given::NoFile => self.versions.iter().any(|it| !it.has_file),
            Given::Public => sees(Visibility::Public) && !self.versions.is_empty(),
            Given::PublicFile => sees(Visibility::Public) && newest_file(),
            Given::Private => sees(Visibility::Private),
        }
    }

    pub(crate) fn subject<'a>(
        &self,
        artifact: impl FnOnce(&str, &str) -> Artifact<'a>,
    ) -> Subject<'a> {
        Subject {
            artifact: artifact(&self.fixture.user, &self.fixture.name),
            kind: self.fixture.kind.clone(),
            versions: self.versions.clone(),
        }
    }
}

/// The versions that a search shows, together with what is known of them.
fn known(shown: &[Value], fixture: &Fixture) -> Result<Vec<Known>, String> {
    let mut versions: Vec<_> = shown
        .iter()
        .map(|it| Known {
            number: it["version"].as_u64().unwrap_or_default(),
            metadata: it["metadata"].as_object().cloned().unwrap_or_default(),
            has_file: it["file"] == true,
            file: None,
        })
        .collect();
    for told in &fixture.versions {
        let number = told.version;
        let wrong = |what: &str| format!("version {number} {what}");
        let found = versions.iter_mut().find(|it| it.number == number);
        let found = found.ok_or_else(|| wrong("is not among those that a search shows"))?;
        if let Some((key, _)) = told
            .metadata
            .iter()
            .find(|(key, value)| found.metadata.get(*key).and_then(Value::as_str) != Some(*value))
        {
            return Err(wrong(&format!("has other metadata at {key}")));
        }
        if told.file.is_some() && !found.has_file {
            return Err(wrong("has no file"));
        }
        found.file.clone_from(&told.file);
    }
    versions.sort_by_key(|it| std::cmp::Reverse(it.number));
    Ok(versions)
}

/// The versions of one type in an artifact.
pub struct Subject<'a> {
    /// The artifact.
    pub artifact: Artifact<'a>,
    /// The type.
    pub kind: String,
    /// The newest first.
    versions: Vec<Known>,
}

/// A metadata key and its value.
pub type Pair = (String, String);

impl<'a> Subject<'a> {
    /// An artifact just made, which has no versions yet.
    pub fn made(artifact: Artifact<'a>, kind: &str) -> Self {
        Self {
            artifact,
            kind: kind.to_owned(),
            versions: Vec::new(),
        }
    }

    /// Makes a version without a file that has this metadata.
    ///
    /// # Errors
    /// It cannot be made.
    pub async fn tag(&mut self, metadata: Value) -> Verdict {
        let made = self.artifact.tagged(&self.kind, metadata.clone()).await?;
        self.made_version(made.number, metadata, None);
        Ok(())
    }

    /// Makes a version with this file.
    ///
    /// # Errors
    /// It cannot be made.
    pub async fn upload(&mut self, bytes: &[u8]) -> Verdict {
        let made = self.artifact.with_file(&self.kind, bytes).await?;
        let file = KnownFile {
            size: bytes.len() as u64,
            sha256: digest(bytes),
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

    /// The number of the newest version; 0 when there is none.
    pub fn newest(&self) -> u64 {
        self.versions.first().map_or(0, |it| it.number)
    }

    /// The numbers of all versions, the newest first.
    pub fn numbers(&self) -> Vec<u64> {
        self.numbers_where(|_| true)
    }

    /// The numbers of those that have all these pairs.
    pub fn with(&self, pairs: &[(&str, &str)]) -> Vec<u64> {
        self.numbers_where(|it| {
            let has = |(key, value): &(&str, &str)| {
                it.metadata.get(*key).and_then(Value::as_str) == Some(*value)
            };
            pairs.iter().all(has)
        })
    }

    /// The numbers of those that have all these keys.
    pub fn with_keys(&self, keys: &[&str]) -> Vec<u64> {
        self.numbers_where(|it| keys.iter().all(|key| it.metadata.contains_key(*key)))
    }

    /// The number of a version without a file.
    pub fn without_file(&self) -> Option<u64> {
        self.versions
            .iter()
            .find(|it| !it.has_file)
            .map(|it| it.number)
    }

    /// Some of the pairs that its versions have, each once.
    pub fn pairs(&self) -> Vec<Pair> {
        let mut pairs: Vec<Pair> = Vec::new();
        for (key, value) in self.versions.iter().flat_map(|it| &it.metadata) {
            let pair = value.as_str().map(|value| (key.clone(), value.to_owned()));
            pairs.extend(pair.filter(|pair| !pairs.contains(pair)));
        }
        pairs.truncate(MOST_PAIRS);
        pairs
    }

    /// Those pairs two by two, of different keys.
    pub fn twos(&self) -> Vec<[Pair; 2]> {
        let pairs = self.pairs();
        let later = |(at, first): (usize, &Pair)| {
            let others = pairs[at + 1..].iter().filter(|other| other.0 != first.0);
            others
                .map(|other| [first.clone(), other.clone()])
                .collect::<Vec<_>>()
        };
        pairs.iter().enumerate().flat_map(later).collect()
    }

    /// A search that must find exactly these versions in this order.
    ///
    /// # Errors
    /// It finds others.
    pub async fn finds(&self, query: &[(&str, &str)], numbers: &[u64]) -> Verdict {
        self.artifact.finds(&self.kind, query, numbers).await
    }

    /// Every version whose file is known must have those bytes, under its number; the newest under `latest` too.
    ///
    /// # Errors
    /// One has others, or cannot be had.
    pub async fn files_are_known(&self) -> Verdict {
        for known in &self.versions {
            if let Some(file) = &known.file {
                let version = known.number.to_string();
                self.file_is(self.artifact.token(), &version, file).await?;
            }
        }
        Ok(())
    }

    /// The file under `latest` must be that of the newest version.
    ///
    /// # Errors
    /// It is another one, or cannot be had.
    pub async fn latest_is_newest(&self) -> Verdict {
        let newest = self
            .newest_file()
            .ok_or_else(|| Fault::Trouble("no file is known".to_owned()))?;
        self.file_is(self.artifact.token(), "latest", newest).await
    }

    /// The file of a version, a number or `latest`, must be this one for whoever has this token, or none.
    ///
    /// # Errors
    /// It is another one, or cannot be had.
    pub async fn file_is(&self, auth: Auth<'_>, version: &str, file: &KnownFile) -> Verdict {
        let size = usize::try_from(file.size).unwrap_or(usize::MAX);
        let most = size.max(LONGEST_REPLY);
        let reply = self
            .artifact
            .file_at_most(auth, &self.kind, version, most)
            .await?;
        reply.is_file(file)
    }

    /// The file of the newest version, if it is known.
    pub fn newest_file(&self) -> Option<&KnownFile> {
        self.versions.first()?.file.as_ref()
    }

    fn numbers_where(&self, holds: impl Fn(&Known) -> bool) -> Vec<u64> {
        let versions = self.versions.iter().filter(|it| holds(it));
        versions.map(|it| it.number).collect()
    }
}

/// The SHA-256 of these bytes.
pub fn digest(bytes: &[u8]) -> Digest {
    let digits = Sha256::digest(bytes);
    Digest(digits.iter().map(|byte| format!("{byte:02x}")).collect())
}

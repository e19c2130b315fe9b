//! A verified fixture was found on the server before the clauses read it.

use serde_json::{Map, Value};

use crate::{
    failure::CheckFailure,
    http::Http,
    suite::{
        fixtures::{Fixture, KnownFile, Visibility},
        precondition::Precondition,
    },
};

/// The reason why a fixture cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum VerifyError {
    /// The server does not answer.
    #[error("{0}")]
    Unreachable(String),
    /// The server's replies contradict the operator's description.
    #[error("{slug}: {why}")]
    Other {
        /// The artifact and its type.
        slug: String,
        /// The contradiction.
        why: String,
    },
}

/// A version that is on the server.
#[derive(Debug, Clone, PartialEq)]
pub struct Known {
    /// The number.
    pub number: u64,
    pub(super) metadata: Map<String, Value>,
    pub(super) has_file: bool,
    pub(super) file: Option<KnownFile>,
}

/// A `VerifiedFixture` is a fixture together with the versions that the server shows of it.
#[derive(Debug, Clone)]
pub struct VerifiedFixture {
    pub(super) fixture: Fixture,
    /// The versions, the newest first.
    pub(super) versions: Vec<Known>,
}

impl VerifiedFixture {
    /// Searches the server for the versions of the fixture.
    ///
    /// # Errors
    /// Fails when the fixture is missing, contradicts the operator's description, or the server cannot be reached.
    pub(crate) async fn read(http: &Http, fixture: Fixture) -> Result<Self, VerifyError> {
        let slug = format!("{}/{}/{}", fixture.user, fixture.name, fixture.kind);
        let search = http.get(format!("/artifacts/{slug}/search")).send().await;
        let versions = match search.and_then(|reply| reply.versions()) {
            Ok(shown) => known(&shown, &fixture),
            Err(CheckFailure::Inconclusive(why)) => return Err(VerifyError::Unreachable(why)),
            Err(failure) => Err(failure.to_string()),
        };
        match versions {
            Ok(versions) => Ok(Self { fixture, versions }),
            Err(why) => Err(VerifyError::Other { slug, why }),
        }
    }

    /// Tells whether the fixture meets a precondition.
    pub(crate) fn meets(&self, precondition: Precondition) -> bool {
        let sees = |who| self.fixture.visibility == Some(who);
        let newest_file = || {
            let newest = self.versions.first();
            newest.is_some_and(|newest| newest.file.is_some())
        };
        match precondition {
            Precondition::Artifact => true,
            Precondition::Versions => self.versions.len() > 1,
            Precondition::File => newest_file(),
            Precondition::NoFile => self.versions.iter().any(|it| !it.has_file),
            Precondition::Public => sees(Visibility::Public) && !self.versions.is_empty(),
            Precondition::PublicFile => sees(Visibility::Public) && newest_file(),
            Precondition::Private => sees(Visibility::Private),
            Precondition::Box
            | Precondition::PublicBox
            | Precondition::PrivateBox
            | Precondition::BoxFile => false,
        }
    }
}

/// Merges the versions that a search shows with those that the fixture describes.
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
    for expected in &fixture.versions {
        let number = expected.version;
        let wrong = |what: &str| format!("version {number} {what}");
        let found = versions.iter_mut().find(|it| it.number == number);
        let found = found.ok_or_else(|| wrong("is not among those that a search shows"))?;
        if let Some((key, _)) = expected
            .metadata
            .iter()
            .find(|(key, value)| found.metadata.get(*key).and_then(Value::as_str) != Some(*value))
        {
            return Err(wrong(&format!("has other metadata at {key}")));
        }
        if expected.file.is_some() && !found.has_file {
            return Err(wrong("has no file"));
        }
        found.file.clone_from(&expected.file);
    }
    versions.sort_by_key(|it| std::cmp::Reverse(it.number));
    Ok(versions)
}

//! Events: what has happened to a version of an artifact or of a box.

use std::str::FromStr;
use std::time::SystemTime;

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::domain::text::truncated;
use crate::domain::{ArtifactName, BoxProvider, BoxSource, Name};

/// The kinds of events.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum EventKind {
    /// A version of an artifact can be found: its file has come, or it has none.
    VersionPublished,
    VersionDeleted,
    /// An artifact is deleted with all its versions.
    ArtifactDeleted,
    /// Vagrant can find a version of a box, or further providers of it.
    BoxPublished,
    BoxRevoked,
    /// A version of a box is deleted, or some of its providers, or a box as a whole.
    BoxDeleted,
    /// Somebody tests the webhook.
    Ping,
}

impl EventKind {
    /// The kinds that a webhook can ask for.
    pub(crate) const ALL: [Self; 6] = [
        Self::VersionPublished,
        Self::VersionDeleted,
        Self::ArtifactDeleted,
        Self::BoxPublished,
        Self::BoxRevoked,
        Self::BoxDeleted,
    ];

    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::VersionPublished => "version.published",
            Self::VersionDeleted => "version.deleted",
            Self::ArtifactDeleted => "artifact.deleted",
            Self::BoxPublished => "box.published",
            Self::BoxRevoked => "box.revoked",
            Self::BoxDeleted => "box.deleted",
            Self::Ping => "ping",
        }
    }

    /// Returns the kind of a name, also [`EventKind::Ping`].
    pub(crate) fn of_name(name: &str) -> Option<Self> {
        let mut all = Self::ALL.into_iter().chain([Self::Ping]);
        all.find(|kind| kind.name() == name)
    }

    /// Returns the bit of the kind in [`EventKinds`], which a database keeps.
    pub(crate) const fn bit(self) -> u64 {
        match self {
            Self::VersionPublished => 1,
            Self::VersionDeleted => 2,
            Self::ArtifactDeleted => 4,
            Self::BoxPublished => 8,
            Self::BoxRevoked => 16,
            Self::BoxDeleted => 32,
            Self::Ping => 0,
        }
    }
}

/// A set of kinds of events.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "Vec<String>", into = "Vec<String>")]
pub(crate) struct EventKinds(u64);

impl EventKinds {
    /// Returns the set of all kinds.
    pub(crate) fn all() -> Self {
        Self::of_bits(u64::MAX)
    }

    pub(crate) fn of_bits(bits: u64) -> Self {
        let all = EventKind::ALL.iter().fold(0, |all, kind| all | kind.bit());
        Self(bits & all)
    }

    pub(crate) fn bits(self) -> u64 {
        self.0
    }

    pub(crate) fn contain(self, kind: EventKind) -> bool {
        self.0 & kind.bit() != 0
    }

    /// Returns the names of the kinds.
    pub(crate) fn names(self) -> Vec<&'static str> {
        let chosen = EventKind::ALL
            .into_iter()
            .filter(|kind| self.contain(*kind));
        chosen.map(EventKind::name).collect()
    }

    /// Returns the set with another kind, by its name.
    ///
    /// # Errors
    /// [`UnknownEvent`].
    pub(crate) fn with(self, name: &str) -> Result<Self, UnknownEvent> {
        let kind: EventKind = name.parse()?;
        Ok(Self(self.0 | kind.bit()))
    }

    /// Returns the empty set.
    pub(crate) fn none() -> Self {
        Self(0)
    }
}

impl FromStr for EventKind {
    type Err = UnknownEvent;

    /// Reads the name of a kind that a webhook can ask for.
    fn from_str(name: &str) -> Result<Self, UnknownEvent> {
        let kind = Self::of_name(name).filter(|kind| *kind != Self::Ping);
        kind.ok_or_else(|| UnknownEvent(truncated(name, 50).into_owned()))
    }
}

impl TryFrom<Vec<String>> for EventKinds {
    type Error = UnknownEvent;

    fn try_from(names: Vec<String>) -> Result<Self, UnknownEvent> {
        names
            .iter()
            .try_fold(Self::none(), |all, name| all.with(name))
    }
}

impl From<EventKinds> for Vec<String> {
    fn from(kinds: EventKinds) -> Self {
        kinds.names().into_iter().map(str::to_owned).collect()
    }
}

/// An error that names a text which is no event.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "{0:?} is no event: there are version.published, version.deleted, artifact.deleted, box.published, box.revoked \
     and box.deleted"
)]
pub(crate) struct UnknownEvent(String);

/// An event.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Event {
    /// The id, which is the same for each webhook and each try.
    pub(crate) id: Uuid,
    pub(crate) kind: EventKind,
    pub(crate) time: SystemTime,
    /// The artifact or the box; `None` for a ping.
    pub(crate) subject: Option<Subject>,
}

/// The artifact, the version or the box that an event is about.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Subject {
    pub(crate) artifact: ArtifactName,
    /// The user who made the change; `None` for the file of an upload path, which anybody may send who knows it.
    #[serde(default)]
    pub(crate) by: Option<Name>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) version: Option<VersionFacts>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) vagrant_box: Option<BoxFacts>,
}

/// The version of an artifact.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct VersionFacts {
    pub(crate) artifact_type: Name,
    pub(crate) number: u64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) file: Option<FileFacts>,
}

/// The file of a version or of a provider.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct FileFacts {
    pub(crate) len: u64,
    /// The digest as the journal shows it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) digest: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) sha256: Option<String>,
}

/// A version of a box with some of its providers, or a box as a whole.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct BoxFacts {
    #[serde(default)]
    pub(crate) version: Option<String>,
    #[serde(default)]
    pub(crate) providers: Vec<ProviderFacts>,
}

/// A provider of a box.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct ProviderFacts {
    pub(crate) name: Name,
    pub(crate) architecture: Name,
    /// The file, if it is stored here.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) file: Option<FileFacts>,
}

impl Subject {
    /// Describes a version of an artifact.
    pub(crate) fn of_version(
        artifact: &ArtifactName,
        by: Option<&Name>,
        version: VersionFacts,
    ) -> Self {
        Self {
            version: Some(version),
            ..Self::of_artifact(artifact, by)
        }
    }

    /// Describes a box, or a version of it.
    pub(crate) fn of_box(artifact: &ArtifactName, by: Option<&Name>, facts: BoxFacts) -> Self {
        Self {
            vagrant_box: Some(facts),
            ..Self::of_artifact(artifact, by)
        }
    }

    /// Describes an artifact as a whole.
    pub(crate) fn of_artifact(artifact: &ArtifactName, by: Option<&Name>) -> Self {
        Self {
            artifact: artifact.clone(),
            by: by.cloned(),
            version: None,
            vagrant_box: None,
        }
    }
}

impl From<&BoxProvider> for ProviderFacts {
    fn from(provider: &BoxProvider) -> Self {
        let file = match &provider.source {
            BoxSource::Hosted(file) => Some(FileFacts {
                len: file.len,
                digest: None,
                sha256: Some(file.sha256.clone()),
            }),
            BoxSource::Awaited | BoxSource::External(_) => None,
        };
        Self {
            name: provider.name.clone(),
            architecture: provider.architecture.clone(),
            file,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kinds_are_written_as_they_were_read_and_other_names_are_refused() {
        for kind in EventKind::ALL {
            let only = EventKinds::none().with(kind.name()).unwrap();
            assert_eq!(only.names(), [kind.name()]);
            assert_eq!(EventKinds::of_bits(only.bits()), only);
            assert!(EventKinds::all().contain(kind));
        }
        assert_eq!(EventKind::of_name("ping"), Some(EventKind::Ping));
        for name in ["ping", "", "version", "Version.published"] {
            assert!(EventKinds::none().with(name).is_err(), "{name}");
        }
    }
}

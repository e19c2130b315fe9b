//! Users, organisations, artifacts and boxes that are added in one step: either all of them or none.

use std::time::SystemTime;

use crate::domain::{
    ArtifactName, BOX_TYPE, BoxError, BoxNumber, BoxStatus, Name, NewVersion, ProviderChange,
    ProviderKey, ProviderPlace, Role, VagrantBox, Visibility,
};

use super::token::{Hashed, TokenLimits};
use super::{AccountError, Blob, NewBox, StorageError};

/// The users, organisations, artifacts and boxes of one addition. A box may be that of one of the
/// artifacts.
#[derive(Clone, Debug, Default)]
pub(crate) struct Additions {
    pub(crate) users: Vec<NewUser>,
    pub(crate) organizations: Vec<NewOrganization>,
    pub(crate) artifacts: Vec<NewArtifact>,
    pub(crate) boxes: Vec<SeededBox>,
}

impl Additions {
    /// Returns the number of bytes of all files.
    pub(super) fn file_bytes(&self) -> u64 {
        let versions = self.artifacts.iter().flat_map(|one| &one.versions);
        let of_versions = versions.filter_map(|version| version.file.as_ref());
        let of_boxes = self.boxes.iter().flat_map(SeededBox::files);
        of_versions.chain(of_boxes).map(Blob::len).sum()
    }
}

/// A user, with hashed secrets.
#[derive(Clone, Debug)]
pub(crate) struct NewUser {
    pub(crate) username: Name,
    pub(crate) password: Option<Hashed>,
    /// The code of the second factor, if a login needs one.
    pub(crate) two_factor: Option<Hashed>,
    pub(crate) tokens: Vec<NewToken>,
}

/// A token of a user.
#[derive(Clone, Debug)]
pub(crate) struct NewToken {
    pub(crate) hash: Hashed,
    pub(crate) description: String,
    pub(crate) limits: TokenLimits,
}

#[cfg(test)]
impl NewToken {
    /// Creates a token that may do everything that its user may do.
    pub(crate) fn unlimited(value: &str) -> Self {
        Self {
            hash: Hashed::of(value),
            description: String::new(),
            limits: TokenLimits::default(),
        }
    }
}

/// An organisation with its members.
#[derive(Clone, Debug)]
pub(crate) struct NewOrganization {
    pub(crate) name: Name,
    pub(crate) members: Vec<(Name, Role)>,
}

/// An artifact with its versions.
#[derive(Clone, Debug)]
pub(crate) struct NewArtifact {
    pub(crate) name: ArtifactName,
    pub(crate) visibility: Visibility,
    /// The versions, in the order of their numbers.
    pub(crate) versions: Vec<SeededVersion>,
}

/// A version with its file.
#[derive(Clone, Debug)]
pub(crate) struct SeededVersion {
    pub(crate) artifact_type: Name,
    pub(crate) new: NewVersion,
    pub(crate) file: Option<Blob>,
}

/// The times of something that existed elsewhere before; `None` means now.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct SeededTimes {
    pub(crate) created: Option<SystemTime>,
    pub(crate) updated: Option<SystemTime>,
}

/// A box with its versions.
#[derive(Clone, Debug)]
pub(crate) struct SeededBox {
    pub(crate) name: ArtifactName,
    pub(crate) new: NewBox,
    pub(crate) versions: Vec<SeededBoxVersion>,
    pub(crate) times: SeededTimes,
}

/// A version of a box with its providers.
#[derive(Clone, Debug)]
pub(crate) struct SeededBoxVersion {
    pub(crate) number: BoxNumber,
    pub(crate) status: BoxStatus,
    pub(crate) description: String,
    pub(crate) providers: Vec<SeededProvider>,
    pub(crate) times: SeededTimes,
}

/// A provider with its file.
#[derive(Clone, Debug)]
pub(crate) struct SeededProvider {
    pub(crate) name: Name,
    pub(crate) architecture: Name,
    /// The description, without name and architecture.
    pub(crate) change: ProviderChange,
    pub(crate) file: Option<Blob>,
    pub(crate) times: SeededTimes,
}

impl SeededTimes {
    /// Returns the times of creation and of the last change.
    fn or(self, now: SystemTime) -> (SystemTime, SystemTime) {
        let created = self.created.unwrap_or(now);
        (created, self.updated.unwrap_or(created))
    }
}

impl SeededBox {
    /// Creates the box, whose files are still to be stored.
    ///
    /// # Errors
    /// [`BoxError::VersionTaken`] and [`BoxError::ProviderTaken`].
    pub(super) fn draft(&self, now: SystemTime) -> Result<VagrantBox, BoxError> {
        let NewBox {
            short_description,
            description,
            ..
        } = self.new.clone();
        let (created, updated) = self.times.or(now);
        let mut draft = VagrantBox::new(short_description, description, created);
        draft.updated = updated;
        for seeded in &self.versions {
            let (created, updated) = seeded.times.or(now);
            let (number, description) = (seeded.number.clone(), seeded.description.clone());
            let version = draft.create_version(number, description, created)?;
            for provider in &seeded.providers {
                let key = provider.key();
                if version.provider(&key).is_ok() {
                    return Err(BoxError::ProviderTaken);
                }
                let change = ProviderChange {
                    architecture: key.architecture,
                    ..provider.change.clone()
                };
                version.put_provider(key.name, change, provider.times.or(now).0);
            }
            version.status = seeded.status;
            version.updated = updated;
        }
        Ok(draft)
    }

    /// Returns the files.
    pub(crate) fn files(&self) -> impl Iterator<Item = &Blob> {
        let providers = self.versions.iter().flat_map(|version| &version.providers);
        providers.filter_map(|provider| provider.file.as_ref())
    }

    /// Returns the files, each with the place of its provider and the time of its last change.
    pub(super) fn placed_files(
        &self,
        now: SystemTime,
    ) -> impl Iterator<Item = (ProviderPlace, &Blob, SystemTime)> {
        self.versions.iter().flat_map(move |version| {
            version.providers.iter().filter_map(move |provider| {
                let place = ProviderPlace {
                    version: version.number.clone(),
                    key: provider.key(),
                };
                let (_, updated) = provider.times.or(now);
                Some((place, provider.file.as_ref()?, updated))
            })
        })
    }
}

impl SeededProvider {
    fn key(&self) -> ProviderKey {
        ProviderKey {
            name: self.name.clone(),
            architecture: Some(self.architecture.clone()),
        }
    }
}

impl NewArtifact {
    /// Returns the number of versions of the type `vagrant.box`.
    pub(super) fn boxes(&self) -> usize {
        let versions = self.versions.iter();
        versions
            .filter(|version| version.artifact_type.as_str() == BOX_TYPE)
            .count()
    }

    /// Returns whether the versions make a box appear.
    pub(super) fn has_box(&self) -> bool {
        let is_box = |version: &SeededVersion| {
            version.artifact_type.as_str() == BOX_TYPE && version.file.is_some()
        };
        self.versions.iter().any(is_box)
    }
}

/// An error that names the first addition that failed, by its position and name. Nothing was added.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum AdditionError {
    User(usize, Name, AccountError),
    /// A user's token.
    Token(usize, usize, AccountError),
    Organization(usize, Name, AccountError),
    /// A member of an organisation.
    Member(usize, usize, Name, AccountError),
    Artifact(usize, ArtifactName, StorageError),
    Box(usize, ArtifactName, StorageError),
    /// The backend failed.
    Backend(super::BackendError),
}

impl From<super::BackendError> for AdditionError {
    fn from(error: super::BackendError) -> Self {
        Self::Backend(error)
    }
}

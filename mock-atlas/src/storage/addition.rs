//! Users, organisations and artifacts that are added in one step: either all of them or none.

use crate::domain::{ArtifactName, Name, NewVersion, Role, Visibility};

use super::token::Hashed;
use super::{AccountError, Blob, StorageError};

/// The users, organisations and artifacts of one addition.
#[derive(Clone, Debug, Default)]
pub(crate) struct Additions {
    pub(crate) users: Vec<NewUser>,
    pub(crate) organizations: Vec<NewOrganization>,
    pub(crate) artifacts: Vec<NewArtifact>,
}

/// A user, with hashed secrets.
#[derive(Clone, Debug)]
pub(crate) struct NewUser {
    pub(crate) username: Name,
    pub(crate) password: Option<Hashed>,
    pub(crate) tokens: Vec<NewToken>,
}

/// A token of a user.
#[derive(Clone, Debug)]
pub(crate) struct NewToken {
    pub(crate) hash: Hashed,
    pub(crate) description: String,
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
    /// The backend failed.
    Backend(super::BackendError),
}

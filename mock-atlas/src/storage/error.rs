//! The errors of the storage.

use std::borrow::Cow;
use std::io;

use tokio::task::JoinError;

use crate::domain::{
    BoxError, ChannelError, MOST_WEBHOOKS, Name, OverQuota, PushedBoxError, RESERVED, ROOT,
};

/// The reason for which the storage refused an operation.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum StorageError {
    /// An artifact of this name exists already.
    // Contract: artifacts.taken
    #[error("the name is already taken")]
    NameTaken,
    /// No artifact, version, file or upload of this name exists, or the caller may not see it.
    #[error("there is nothing of that name")]
    NotFound,
    /// The type has used the last possible version number.
    #[error("there is no number left for another version of this type")]
    NoNumber,
    /// A version of the type `vagrant.box` describes no box.
    #[error(transparent)]
    PushedBox(#[from] PushedBoxError),
    /// The box cannot be changed in this way. [`BoxError::NotFound`] becomes
    /// [`StorageError::NotFound`].
    #[error(transparent)]
    Box(BoxError),
    /// The version was created without announcing a file.
    // Contract: silent.wrong-uploads
    #[error("the version was made with \"file\": false and takes no bytes")]
    NoFileExpected,
    /// The version has its bytes already, and the new bytes differ.
    // Contract: uploads.other-refused, silent.wrong-uploads
    #[error("the version has its file already, and these bytes are not the same")]
    OtherBytes,
    /// A channel cannot be changed in this way, or keeps a version from being deleted.
    #[error(transparent)]
    Channel(#[from] ChannelError),
    /// The file does not fit into what is left of its owner's quota.
    #[error(transparent)]
    OverQuota(#[from] OverQuota),
    /// There are as many webhooks as there may be.
    #[error(
        "there are {MOST_WEBHOOKS} webhooks already, and no more are allowed: remove one first"
    )]
    TooManyWebhooks,
    /// A user or a token cannot be changed in this way.
    #[error(transparent)]
    Account(#[from] AccountError),
    /// The backend failed. Whether it changed anything is unknown.
    #[error(transparent)]
    Backend(#[from] BackendError),
}

impl From<BoxError> for StorageError {
    fn from(error: BoxError) -> Self {
        match error {
            BoxError::NotFound => Self::NotFound,
            other => Self::Box(other),
        }
    }
}

/// A failure of the backend, which the caller did not cause.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub(crate) struct BackendError {
    message: Cow<'static, str>,
    kind: BackendErrorKind,
}

/// The kinds of failures of a backend, which differ in what the caller can do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum BackendErrorKind {
    /// The backend failed for a reason of which the caller can change nothing.
    Failed,
    /// The database or the store of files cannot be reached, or does not answer in time: the same
    /// request may succeed later.
    Unavailable,
    /// The disk is full, or nearly full.
    Full,
}

impl BackendError {
    /// The file of a box came without the SHA-256 that is shown of it.
    pub(super) const NO_SHA_256: Self = Self {
        message: Cow::Borrowed(
            "the SHA-256 of this box was not computed while its bytes were written",
        ),
        kind: BackendErrorKind::Failed,
    };

    pub(super) fn new(message: impl Into<Cow<'static, str>>) -> Self {
        Self {
            message: message.into(),
            kind: BackendErrorKind::Failed,
        }
    }

    /// Returns the error of a backend that cannot be reached, or does not answer in time.
    pub(super) fn unavailable(message: impl Into<Cow<'static, str>>) -> Self {
        Self {
            kind: BackendErrorKind::Unavailable,
            ..Self::new(message)
        }
    }

    /// Returns the error of a disk that has no room.
    pub(super) fn full(message: impl Into<Cow<'static, str>>) -> Self {
        Self {
            kind: BackendErrorKind::Full,
            ..Self::new(message)
        }
    }

    /// Returns the error for a file that cannot be written or read; `what` begins its message.
    pub(super) fn of_file(what: &str, error: &io::Error) -> Self {
        let message = format!("{what}: {error}");
        match error.kind() {
            io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => Self::full(message),
            _ => Self::new(message),
        }
    }

    /// Returns the error for a value that a row should not have.
    pub(super) fn unexpected(value: &impl std::fmt::Debug) -> Self {
        Self::new(format!("the database gave an unexpected value: {value:?}"))
    }

    pub(crate) fn kind(&self) -> BackendErrorKind {
        self.kind
    }
}

/// Converts the failure of a task on another thread.
impl From<JoinError> for BackendError {
    fn from(error: JoinError) -> Self {
        Self::new(error.to_string())
    }
}

impl AccountError {
    /// Checks whether a user or an organisation may have this name.
    ///
    /// # Errors
    /// [`AccountError::NameOfRoot`] and [`AccountError::NameReserved`].
    pub(super) fn check_name(name: &Name) -> Result<(), Self> {
        if name.as_str() == ROOT {
            return Err(Self::NameOfRoot);
        }
        Self::check_reserved(name)
    }

    /// Checks whether a namespace may have this name.
    ///
    /// # Errors
    /// [`AccountError::NameReserved`].
    pub(super) fn check_reserved(name: &Name) -> Result<(), Self> {
        match RESERVED.contains(&name.as_str()) {
            true => Err(Self::NameReserved),
            false => Ok(()),
        }
    }
}

/// The reason for which accounts or tokens cannot be changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum AccountError {
    /// A user or an organisation of this name exists already.
    #[error("there is a user or an organization of this name already")]
    NameTaken,
    /// The name belongs to the account of the root token.
    #[error("this is the name of the root token's own account: choose another")]
    NameOfRoot,
    /// Paths of the emulator begin with the name.
    #[error(
        "paths of the emulator's own begin with this name, and the boxes of such a user could not be \
         reached: choose another"
    )]
    NameReserved,
    /// No user of this name exists.
    #[error("there is no user of this name")]
    UnknownUser,
    /// The user logs in with a second factor, and the login has none.
    #[error("the login needs the code of the second factor")]
    CodeNeeded,
    /// No user or organisation of this name exists.
    #[error("there is no user or organization of this name")]
    UnknownRegistry,
    /// The registry belongs to a user, who would be lost with it.
    #[error("this is the registry of a user, which lives as long as the user: delete its boxes")]
    RegistryOfUser,
    /// The namespace has artifacts that are no boxes.
    #[error("the registry has artifacts that are no boxes: delete them first")]
    OtherArtifacts,
    /// The user is a member of the organisation already.
    #[error("the user is a member already: name each member once")]
    MemberTwice,
    /// The token authenticates an account already.
    #[error("this token is given twice: each token belongs to one user")]
    TokenTaken,
    /// A new token would be void from its beginning.
    #[error("the end of the token is past: choose a later time")]
    EndIsPast,
    /// No token of this id exists.
    #[error("there is no token of this id")]
    UnknownToken,
    /// The root token cannot be revoked.
    #[error("the root token that the emulator was started with cannot be revoked")]
    FirstToken,
    /// An access token ends by itself.
    #[error(
        "this is an access token, which ends by itself: revoke the token that it was issued for"
    )]
    AccessToken,
    /// The system provided no randomness for a token.
    #[error("the system gave no randomness for a token")]
    Randomness,
}

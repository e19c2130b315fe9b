//! The reasons for which storage refuses.

use tokio::task::JoinError;

use crate::domain::NoProvider;

/// Why storage refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum StorageError {
    /// There is already an artifact of that name.
    // Contract: artifacts.taken
    #[error("the name is already taken")]
    NameTaken,
    /// There is no artifact, version, file or upload of that name.
    #[error("there is nothing of that name")]
    NotFound,
    /// The last number that there is was given.
    #[error("there is no number left for another version of this type")]
    NoNumber,
    /// A box needs a provider.
    #[error(transparent)]
    NoProvider(#[from] NoProvider),
    /// The version was made without announcing a file.
    // Contract: silent.wrong-uploads
    #[error("the version was made with \"file\": false and takes no bytes")]
    NoFileExpected,
    /// The version has its bytes already, and these are others.
    // Contract: uploads.other-refused, silent.wrong-uploads
    #[error("the version has its file already, and these bytes are not the same")]
    OtherBytes,
    /// A user or a token cannot be changed so.
    #[error(transparent)]
    Account(#[from] AccountError),
    /// The backend failed: whether anything was changed is not known.
    #[error(transparent)]
    Backend(#[from] BackendError),
}

/// A failure of the backend that is no fault of the caller.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub(crate) struct BackendError(String);

/// Work on another thread that did not come to its end.
impl From<JoinError> for BackendError {
    fn from(error: JoinError) -> Self {
        Self(error.to_string())
    }
}

/// Why accounts and tokens could not be changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum AccountError {
    /// A user or an organisation has this name already.
    #[error("there is a user or an organization of this name already")]
    NameTaken,
    /// The name is that of the account behind the root token.
    #[error("this is the name of the root token's own account: choose another")]
    NameOfRoot,
    /// There is no user of this name.
    #[error("there is no user of this name")]
    UnknownUser,
    /// The member is one already.
    #[error("the user is a member already: name each member once")]
    MemberTwice,
    /// The token stands for an account already.
    #[error("this token is given twice: each token stands for one user")]
    TokenTaken,
    /// There is no token of this id.
    #[error("there is no token of this id")]
    UnknownToken,
    /// The root token is to stay.
    #[error("the root token that the emulator was started with cannot be revoked")]
    FirstToken,
    /// The system gave no randomness for a token.
    #[error("the system gave no randomness for a token")]
    Randomness,
}

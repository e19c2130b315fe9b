//! What every handler works on: the store, the accounts and the limits, behind one cheap handle.

use std::sync::Arc;

use crate::access::{Access, Account, Caller};
use crate::error::ApiError;
use crate::names::ArtifactName;
use crate::store::Store;

/// The state of one emulated Atlas.
#[derive(Clone, Debug)]
pub(crate) struct Atlas(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    store: Store,
    access: Access,
    options: Options,
}

/// What can be set from outside.
#[derive(Clone, Debug, Default)]
pub(crate) struct Options {
    /// What `upload_path` starts with, without a slash at its end.
    pub(crate) public_url: Option<String>,
    /// The longest `id` of a version, in characters.
    pub(crate) max_id_length: Option<usize>,
    /// The largest file, in bytes.
    pub(crate) max_file_bytes: Option<u64>,
}

impl Atlas {
    pub(crate) fn new(store: Store, access: Access, options: Options) -> Self {
        Self(Arc::new(Inner {
            store,
            access,
            options,
        }))
    }

    pub(crate) fn store(&self) -> &Store {
        &self.0.store
    }

    pub(crate) fn access(&self) -> &Access {
        &self.0.access
    }

    pub(crate) fn public_url(&self) -> Option<&str> {
        self.0.options.public_url.as_deref()
    }

    pub(crate) fn max_id_length(&self) -> Option<usize> {
        self.0.options.max_id_length
    }

    /// The largest file that is taken, in bytes.
    pub(crate) fn max_file_bytes(&self) -> u64 {
        self.0.options.max_file_bytes.unwrap_or(u64::MAX)
    }

    /// Refuses what the caller may not read as if it were not there (contract: Base URL and
    /// authentication).
    pub(crate) fn check_read(
        &self,
        caller: &Caller,
        artifact: &ArtifactName,
    ) -> Result<(), ApiError> {
        match self.store().visibility(artifact) {
            Some(visibility) if caller.may_read(artifact, visibility) => Ok(()),
            _ => Err(ApiError::NotFound),
        }
    }

    /// Refuses what the account may not write as if it were not there, even where it may read it:
    /// the contract knows no 403.
    pub(crate) fn check_write(
        &self,
        account: &Account,
        artifact: &ArtifactName,
    ) -> Result<(), ApiError> {
        if account.may_write(&artifact.username) {
            Ok(())
        } else {
            Err(ApiError::NotFound)
        }
    }
}

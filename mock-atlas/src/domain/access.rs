//! Accounts, callers, roles, and the rules for who may read and write an artifact.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::Name;

/// The name of the account behind the root token, which may do everything.
pub(crate) const ROOT: &str = "atlas";

/// An account that tokens can stand for.
#[derive(Debug)]
pub(crate) struct Account {
    pub(crate) username: Name,
    reach: Reach,
}

/// How far an account reaches without being a member of an organisation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Reach {
    Everything,
    OwnNamespace,
}

/// What a member may do in an organisation. Each may do what the one before it may.
// Contract: silent.roles
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "lowercase")]
pub(crate) enum Role {
    /// Sees the organisation's private artifacts.
    Read,
    /// Makes artifacts and versions too.
    Write,
    /// The same: no call of today's API asks for more.
    Admin,
}

/// Who made a request.
#[derive(Clone, Debug)]
pub(crate) enum Caller {
    Anonymous,
    Known(Arc<Account>),
}

/// Who may read an artifact.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Visibility {
    /// Everyone, without a token too.
    Public,
    /// Those who may write to it.
    Private,
}

/// Which artifacts below a name a caller may read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ReadAccess {
    PublicOnly,
    All,
}

impl ReadAccess {
    /// Returns what somebody with this role may read.
    pub(crate) fn of(role: Option<Role>) -> Self {
        match role {
            Some(_) => Self::All,
            None => Self::PublicOnly,
        }
    }

    /// Returns whether an artifact of this visibility may be read.
    pub(crate) fn allows(self, visibility: Visibility) -> bool {
        self == Self::All || visibility == Visibility::Public
    }
}

impl Account {
    /// Creates an account that may do everything.
    pub(crate) fn root(username: Name) -> Self {
        Self {
            username,
            reach: Reach::Everything,
        }
    }

    /// Creates an account that may do everything below its own name.
    pub(crate) fn user(username: Name) -> Self {
        Self {
            username,
            reach: Reach::OwnNamespace,
        }
    }

    /// Returns whether this account may do everything.
    pub(crate) fn is_root(&self) -> bool {
        self.reach == Reach::Everything
    }

    /// Returns the role that the account has below a name without being a member there.
    pub(crate) fn own_role(&self, namespace: &Name) -> Option<Role> {
        (self.is_root() || self.username == *namespace).then_some(Role::Admin)
    }
}

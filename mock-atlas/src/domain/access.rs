//! Accounts, callers, roles, and the rules for who may read and write an artifact.

use std::sync::Arc;

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::{Name, Scope, Target};

/// The name of the account behind the root token, which may do everything.
pub(crate) const ROOT: &str = "atlas";

/// An account, as a token authenticates it.
#[derive(Clone, Debug)]
pub(crate) struct Account {
    pub(crate) username: Name,
    kind: AccountKind,
    /// The limit of the token.
    scope: Scope,
    /// The id of the token; `None` for an account that no token has authenticated.
    token: Option<Uuid>,
}

/// The namespaces in which an account has a role without being a member of an organisation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum AccountKind {
    /// Every namespace.
    Root,
    /// The namespace of the account's own name.
    User,
}

/// The role of a member in an organisation. Each role includes the permissions of the role before
/// it.
// Contract: silent.roles
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "lowercase")]
pub(crate) enum Role {
    /// The member sees the organisation's private artifacts.
    Read,
    /// The member also makes artifacts and versions.
    Write,
    /// The member may do the same as with `write`: no call of today's API requires more.
    Admin,
}

impl Role {
    /// Returns the name of the role.
    pub(crate) fn text(self) -> &'static str {
        match self {
            Self::Read => "read",
            Self::Write => "write",
            Self::Admin => "admin",
        }
    }

    /// Returns the role with this name.
    pub(crate) fn from_text(text: &str) -> Option<Self> {
        let all = [Self::Read, Self::Write, Self::Admin];
        all.into_iter().find(|role| role.text() == text)
    }
}

/// The identity of the client that made a request.
#[derive(Clone, Debug)]
pub(crate) enum Caller {
    Anonymous,
    Known(Arc<Account>),
}

/// The set of callers that may read an artifact.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Visibility {
    /// Everyone may read the artifact, even without a token.
    Public,
    /// Only callers with a role in the artifact's namespace may read it.
    #[default]
    Private,
}

/// The set of artifacts in a namespace that a caller may read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ReadAccess {
    PublicOnly,
    All,
}

impl ReadAccess {
    /// Returns the read access that a role gives.
    pub(crate) fn of(role: Option<Role>) -> Self {
        match role {
            Some(_) => Self::All,
            None => Self::PublicOnly,
        }
    }

    /// Returns whether a caller with this access may read an artifact of this visibility.
    pub(crate) fn allows(self, visibility: Visibility) -> bool {
        self == Self::All || visibility == Visibility::Public
    }
}

impl Account {
    /// Creates an account that may do everything.
    pub(crate) fn root(username: Name) -> Self {
        Self::new(username, AccountKind::Root)
    }

    /// Creates an account that may do everything in the namespace of its own name.
    pub(crate) fn user(username: Name) -> Self {
        Self::new(username, AccountKind::User)
    }

    fn new(username: Name, kind: AccountKind) -> Self {
        Self {
            username,
            kind,
            scope: Scope::FULL,
            token: None,
        }
    }

    /// Returns the account as a token with this id and scope authenticates it.
    pub(crate) fn with_token(self, token: Uuid, scope: Scope) -> Self {
        Self {
            scope,
            token: Some(token),
            ..self
        }
    }

    /// Returns the id of the token that has authenticated the account.
    pub(crate) fn token(&self) -> Option<Uuid> {
        self.token
    }

    /// Returns the limit of the account's token.
    pub(crate) fn scope(&self) -> &Scope {
        &self.scope
    }

    /// Returns whether this account may do everything, and its token does not limit it.
    pub(crate) fn is_root(&self) -> bool {
        self.kind == AccountKind::Root && self.scope == Scope::FULL
    }

    /// Returns whether the account has a role in every namespace. The scope of its token may still limit it.
    pub(crate) fn is_everywhere(&self) -> bool {
        self.kind == AccountKind::Root
    }

    /// Returns the role that the account has in a namespace without being a member of it. The scope of its
    /// token may still limit the role.
    pub(crate) fn own_role(&self, namespace: &Name) -> Option<Role> {
        (self.is_everywhere() || self.username == *namespace).then_some(Role::Admin)
    }

    /// Returns the part of a role in a target that the account's token allows.
    pub(crate) fn limit(&self, role: Option<Role>, target: Target<'_>) -> Option<Role> {
        self.scope.limit(role?, target)
    }
}

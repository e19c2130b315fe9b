//! Accounts, organisations and tokens as serializable values. The root account and root token are
//! left out: each emulator has its own.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::SystemTime;

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::token::{Hashed, Token, TokenLimits};
use crate::domain::{Account, Name, Registry, Role, Scope, Webhook};

/// The accounts and tokens without root. The secrets are hashed.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct AccessRecord {
    pub(super) users: Vec<UserRecord>,
    pub(super) organizations: BTreeMap<Name, BTreeMap<Name, Role>>,
    /// The namespaces of both as registries of boxes; none in snapshots of before boxes.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub(super) registries: BTreeMap<Name, Registry>,
    /// The quotas of owners in bytes. What is used of them is counted anew.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub(super) quotas: BTreeMap<Name, u64>,
    /// The webhooks with their secrets; none in snapshots of before there were any. Deliveries are left out: those
    /// of what is undone must not be sent, and those of before not again.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(super) webhooks: Vec<Webhook>,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct UserRecord {
    pub(super) username: Name,
    pub(super) password: Option<Hashed>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) two_factor: Option<Hashed>,
    pub(super) tokens: Vec<TokenRecord>,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct TokenRecord {
    pub(super) id: Uuid,
    pub(super) hash: Hashed,
    pub(super) description: String,
    pub(super) created: SystemTime,
    /// The limits are left out of a token without them, as in snapshots of before there were any.
    #[serde(default, skip_serializing_if = "is_full")]
    pub(super) scope: Scope,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) expires: Option<SystemTime>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) last_use: Option<SystemTime>,
}

impl TokenRecord {
    /// Creates the record of a new token, which nobody has used.
    pub(super) fn new(
        hash: Hashed,
        description: &str,
        created: SystemTime,
        limits: TokenLimits,
    ) -> Self {
        Self {
            id: Uuid::new_v4(),
            hash,
            description: description.to_owned(),
            created,
            scope: limits.scope,
            expires: limits.expires,
            last_use: None,
        }
    }

    /// Returns the token of an account.
    pub(super) fn token(self, account: Account, order: u64) -> Token {
        Token {
            id: self.id,
            account: Arc::new(account.with_token(self.id, self.scope)),
            description: self.description,
            created: self.created,
            expires: self.expires,
            last_use: self.last_use.into(),
            order,
        }
    }
}

fn is_full(scope: &Scope) -> bool {
    *scope == Scope::FULL
}

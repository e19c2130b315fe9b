//! Accounts, organisations and tokens as serializable values. The root account and root token are
//! left out: each emulator has its own.

use std::collections::BTreeMap;
use std::time::SystemTime;

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::token::Hashed;
use crate::domain::{Name, Registry, Role, Scope};

/// The accounts and tokens without root. The secrets are hashed.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct AccessRecord {
    pub(super) users: Vec<UserRecord>,
    pub(super) organizations: BTreeMap<Name, BTreeMap<Name, Role>>,
    /// The namespaces of both as registries of boxes; none in snapshots of before boxes.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub(super) registries: BTreeMap<Name, Registry>,
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

fn is_full(scope: &Scope) -> bool {
    *scope == Scope::FULL
}

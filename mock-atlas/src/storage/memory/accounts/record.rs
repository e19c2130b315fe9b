//! The tables of accounts as records, and back.

use std::collections::BTreeMap;

use super::AccountTables;
use super::tables::Namespace;
use crate::domain::{Account, Name};
use crate::storage::access_record::{TokenRecord, UserRecord};
use crate::storage::token::Hashed;
use crate::storage::{AccessRecord, AccountError, Token};

impl AccountTables {
    /// Returns the record of these tables, without root and without quotas.
    pub(crate) fn record(&self) -> AccessRecord {
        let mut users = Vec::new();
        let mut organizations = BTreeMap::new();
        let mut registries: BTreeMap<_, _> = self.registries.clone().into_iter().collect();
        for (name, namespace) in &self.namespaces {
            match namespace {
                Namespace::User(user) if user.account.is_root() => {
                    registries.remove(name);
                }
                Namespace::User(user) => users.push(UserRecord {
                    username: name.clone(),
                    password: user.password,
                    two_factor: user.two_factor,
                    tokens: self.tokens_of(&user.account),
                }),
                Namespace::Organization(members) => {
                    let members = members.iter().map(|(name, role)| (name.clone(), *role));
                    organizations.insert(name.clone(), members.collect());
                }
            }
        }
        users.sort_by(|a, b| a.username.cmp(&b.username));
        AccessRecord {
            users,
            organizations,
            registries,
            quotas: BTreeMap::new(),
            webhooks: Vec::new(),
        }
    }

    /// Creates tables from a record, with the root account and the root token of these.
    ///
    /// # Errors
    /// The name of the account that caused the error, when the record is contradictory or contains
    /// the root token of these tables.
    pub(crate) fn with_record(&self, record: AccessRecord) -> Result<Self, (Name, AccountError)> {
        let mut tables = self.only_root();
        for user in record.users {
            let name = user.username.clone();
            tables.add_recorded(user).map_err(|error| (name, error))?;
        }
        for (name, members) in record.organizations {
            let added = tables.add_organization(&name);
            added.map_err(|error| (name.clone(), error))?;
            for (member, role) in members {
                let added = tables.add_member(&name, &member, role);
                added.map_err(|error| (member.clone(), error))?;
            }
        }
        for (name, registry) in record.registries {
            let restored = tables.restore_registry(&name, registry);
            restored.map_err(|error| (name, error))?;
        }
        Ok(tables)
    }

    fn add_recorded(&mut self, user: UserRecord) -> Result<(), AccountError> {
        let account = self.add_user(&user.username, user.password, user.two_factor)?;
        for record in user.tokens {
            self.insert_token(&account, record)?;
        }
        Ok(())
    }

    fn tokens_of(&self, account: &Account) -> Vec<TokenRecord> {
        let theirs = |(_, token): &(&Hashed, &Token)| token.account.username == account.username;
        let mut tokens: Vec<(&Hashed, &Token)> = self.tokens.iter().filter(theirs).collect();
        tokens.sort_by_key(|(_, token)| token.age());
        tokens
            .into_iter()
            .map(|(hash, token)| TokenRecord {
                id: token.id,
                hash: *hash,
                description: token.description.clone(),
                created: token.created,
                scope: token.account.scope().clone(),
                expires: token.expires,
                last_use: token.last_use.get(),
            })
            .collect()
    }
}

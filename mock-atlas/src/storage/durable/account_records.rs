//! Users, organisations and tokens in a database as records, and back.

use std::collections::BTreeMap;
use std::time::SystemTime;

use foldhash::HashMap;

use super::accounts::{KIND_ORGANIZATION, KIND_ROOT, KIND_USER, add_member, add_namespace, role};
use super::database::{Tx, values};
use super::tokens::{ROOT_POSITION, insert_token, take_record, token_columns};
use super::{quotas, registries, webhooks};
use crate::domain::Name;
use crate::storage::access_record::{TokenRecord, UserRecord};
use crate::storage::token::Hashed;
use crate::storage::{AccessRecord, AccountError, BackendError, ImportError};

/// Returns the record of all accounts, without root.
///
/// # Errors
/// When the database fails.
pub(super) async fn record(tx: Tx<'_>) -> Result<AccessRecord, BackendError> {
    let mut tokens = token_records(tx).await?;
    let (mut users, mut organizations) = (Vec::new(), BTreeMap::new());
    let sql = "SELECT name, kind, password, two_factor FROM namespace
        WHERE kind <> $1 ORDER BY name";
    for mut row in tx.rows(sql, &values![KIND_ROOT]).await? {
        let (name, kind): (Name, i64) = (row.take()?, row.take()?);
        if kind == KIND_ORGANIZATION {
            organizations.insert(name, BTreeMap::new());
            continue;
        }
        users.push(UserRecord {
            tokens: tokens.remove(&name).unwrap_or_default(),
            password: row.take::<Option<[u8; 32]>>()?.map(Hashed::from),
            two_factor: row.take::<Option<[u8; 32]>>()?.map(Hashed::from),
            username: name,
        });
    }
    let sql = "SELECT organization, username, role FROM member";
    for mut row in tx.rows(sql, &[]).await? {
        let organization: Name = row.take()?;
        let members = organizations.entry(organization).or_default();
        members.insert(row.take()?, role(row.take()?));
    }
    Ok(AccessRecord {
        users,
        organizations,
        registries: registries::record(tx).await?,
        quotas: quotas::record(tx).await?,
        webhooks: webhooks::all(tx).await?,
    })
}

async fn token_records(tx: Tx<'_>) -> Result<HashMap<Name, Vec<TokenRecord>>, BackendError> {
    let sql = concat!(
        "SELECT username, ",
        token_columns!(),
        " FROM token WHERE position <> $1 ORDER BY created, position"
    );
    let mut tokens: HashMap<Name, Vec<TokenRecord>> = HashMap::default();
    for mut row in tx.rows(sql, &values![ROOT_POSITION]).await? {
        let username = row.take()?;
        let of_user = tokens.entry(username).or_default();
        of_user.push(take_record(&mut row)?);
    }
    Ok(tokens)
}

/// Removes all accounts but root, and all webhooks.
///
/// # Errors
/// When the database fails.
pub(super) async fn clear(tx: Tx<'_>) -> Result<(), BackendError> {
    quotas::clear(tx).await?;
    webhooks::clear(tx).await?;
    tx.end_tokens();
    tx.execute("DELETE FROM member", &[]).await?;
    let sql = "DELETE FROM token WHERE position <> $1";
    tx.execute(sql, &values![ROOT_POSITION]).await?;
    let sql = "DELETE FROM namespace WHERE kind <> $1";
    tx.execute(sql, &values![KIND_ROOT]).await?;
    Ok(())
}

/// Adds the accounts of a record.
///
/// # Errors
/// [`ImportError::Account`].
pub(super) async fn add(
    tx: Tx<'_>,
    record: AccessRecord,
    now: SystemTime,
) -> Result<(), ImportError> {
    for user in record.users {
        let name = user.username.clone();
        let failed = |error| ImportError::Account(name.clone(), error);
        let secrets = [user.password, user.two_factor];
        add_namespace(tx, &name, KIND_USER, secrets, now)
            .await?
            .map_err(failed)?;
        for token in user.tokens {
            let inserted = insert_token(tx, &name, token).await?;
            inserted.ok_or(AccountError::TokenTaken).map_err(failed)?;
        }
    }
    for (name, members) in record.organizations {
        add_namespace(tx, &name, KIND_ORGANIZATION, [None; 2], now)
            .await?
            .map_err(|error| ImportError::Account(name.clone(), error))?;
        for (member, role) in members {
            add_member(tx, &name, &member, role)
                .await?
                .map_err(|error| ImportError::Account(member.clone(), error))?;
        }
    }
    for (name, registry) in record.registries {
        registries::save(tx, &name, &registry).await?;
    }
    for (owner, limit) in record.quotas {
        quotas::insert(tx, &owner, limit).await?;
    }
    for webhook in &record.webhooks {
        webhooks::insert(tx, webhook).await?;
    }
    Ok(())
}

//! The root account with its tokens as a record.

use std::time::SystemTime;

use serde::Serialize;
use uuid::Uuid;

use crate::storage::BackendError;
use crate::storage::durable::accounts::{KIND_ROOT, ROOT_POSITION};
use crate::storage::durable::database::{Tx, values};

/// The root account, as its rows are.
#[derive(Debug, Serialize)]
pub(super) struct RootRecord {
    name: String,
    password: Option<[u8; 32]>,
    two_factor: Option<[u8; 32]>,
    registry: String,
    /// The root token first.
    tokens: Vec<TokenRow>,
}

#[derive(Debug, Serialize)]
struct TokenRow {
    id: Uuid,
    hash: [u8; 32],
    description: String,
    created: SystemTime,
    scope: String,
    expires: Option<SystemTime>,
    last_use: Option<SystemTime>,
    is_root: bool,
}

impl RootRecord {
    /// Reads the root account; `None` of a catalog that is new.
    ///
    /// # Errors
    /// When the database fails.
    pub(super) async fn read(tx: Tx<'_>) -> Result<Option<Self>, BackendError> {
        let sql = "SELECT name, password, two_factor, registry FROM namespace WHERE kind = $1";
        let Some(mut row) = tx.row(sql, &values![KIND_ROOT]).await? else {
            return Ok(None);
        };
        let mut root = Self {
            name: row.take()?,
            password: row.take()?,
            two_factor: row.take()?,
            registry: row.take()?,
            tokens: Vec::new(),
        };
        let sql =
            "SELECT id, hash, description, created, scope, expires, last_use, position FROM token
            WHERE username = $1 ORDER BY position";
        for mut row in tx.rows(sql, &values![root.name.as_str()]).await? {
            root.tokens.push(TokenRow {
                id: row.take()?,
                hash: row.take()?,
                description: row.take()?,
                created: row.take()?,
                scope: row.take()?,
                expires: row.take()?,
                last_use: row.take()?,
                is_root: row.take::<i64>()? == ROOT_POSITION,
            });
        }
        Ok(Some(root))
    }

    /// Adds the account, without its tokens.
    ///
    /// # Errors
    /// When the database fails, or there is a root account.
    pub(super) async fn add(&self, tx: Tx<'_>) -> Result<(), BackendError> {
        let sql = "INSERT INTO namespace (name, kind, password, two_factor, registry)
            VALUES ($1, $2, $3, $4, $5)";
        let (password, two_factor) = (self.password, self.two_factor);
        let row = values![
            self.name.as_str(),
            KIND_ROOT,
            password,
            two_factor,
            self.registry.as_str()
        ];
        tx.execute(sql, &row).await?;
        Ok(())
    }

    /// Adds the tokens of the account, after those of all users.
    ///
    /// # Errors
    /// When the database fails.
    pub(super) async fn add_tokens(&self, tx: Tx<'_>) -> Result<(), BackendError> {
        let last = "SELECT coalesce(max(position), 0) FROM token";
        let last = tx.row(last, &[]).await?.map(|mut row| row.take::<i64>());
        let last = last.transpose()?.unwrap_or(ROOT_POSITION);
        let sql = "INSERT INTO token
            (id, hash, username, description, created, scope, expires, last_use, position)
            VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)";
        for (position, token) in (last + 1..).zip(&self.tokens) {
            let at = match token.is_root {
                true => ROOT_POSITION,
                false => position,
            };
            let row = values![
                token.id,
                token.hash,
                self.name.as_str(),
                token.description.as_str(),
                token.created,
                token.scope.as_str(),
                token.expires,
                token.last_use,
                at
            ];
            tx.execute(sql, &row).await?;
        }
        Ok(())
    }
}

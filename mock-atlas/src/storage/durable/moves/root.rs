//! The root account with its tokens as a record.

use serde::Serialize;

use crate::domain::Name;
use crate::storage::access_record::TokenRecord;
use crate::storage::durable::accounts::KIND_ROOT;
use crate::storage::durable::database::{Tx, values};
use crate::storage::durable::tokens::{
    ROOT_POSITION, add_root_token, insert_token, take_record, token_columns,
};
use crate::storage::{AccountError, BackendError, StorageError};

/// The root account, as its rows are.
#[derive(Debug, Serialize)]
pub(super) struct RootRecord {
    name: Name,
    password: Option<[u8; 32]>,
    two_factor: Option<[u8; 32]>,
    registry: String,
    /// The tokens, in their order, each with whether it is the root token.
    tokens: Vec<(bool, TokenRecord)>,
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
        let sql = concat!(
            "SELECT position, ",
            token_columns!(),
            " FROM token WHERE username = $1 ORDER BY position"
        );
        for mut row in tx.rows(sql, &values![&root.name]).await? {
            let is_root = row.take::<i64>()? == ROOT_POSITION;
            root.tokens.push((is_root, take_record(&mut row)?));
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
            &self.name,
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
    /// When the database fails, and [`AccountError::TokenTaken`].
    pub(super) async fn add_tokens(self, tx: Tx<'_>) -> Result<(), StorageError> {
        for (is_root, token) in self.tokens {
            if is_root {
                add_root_token(tx, &self.name, token).await?;
            } else {
                let inserted = insert_token(tx, &self.name, token).await?;
                inserted.ok_or(AccountError::TokenTaken)?;
            }
        }
        Ok(())
    }
}

//! Makes sure that a database and its store belong together: both hold the same random id. A folder that is
//! not mounted, or the bucket of another Atlas, would otherwise be taken for an empty one, and swept.

use bytes::Bytes;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::Files;
use crate::storage::durable::database::{Tx, values};
use crate::storage::{BackendError, OpenError, StoreError};

/// The name of the object with the id.
const NAME: &str = "atlas.json";

/// The largest size of this object in bytes.
const MOST: u64 = 4096;

/// The object with the id.
#[derive(Debug, Serialize, Deserialize)]
struct Identity {
    id: Uuid,
}

impl Files {
    /// Checks that the store is that of the database. A new database takes a new store for its own.
    ///
    /// # Errors
    /// When the store is another, or the database or the store fails.
    pub(in crate::storage::durable) async fn check_identity(&self) -> Result<(), OpenError> {
        let other = |reason| {
            let place = self.store.place();
            StoreError::Other { place, reason }
        };
        let found = self.store.get(NAME, MOST).await?;
        let known = self.database.read(|tx| {
            Box::pin(async move { Ok::<_, BackendError>((id(tx).await?, has_files(tx).await?)) })
        });
        match (found, known.await?) {
            (None, (Some(_), true)) => Err(other(
                "has none of the files of this database: is it mounted, and the right place?",
            ))?,
            (None, _) => {
                let id = self.database.write(|tx| Box::pin(make_id(tx))).await?;
                let json = serde_json::to_vec(&Identity { id });
                let json = json.map_err(|error| BackendError::new(error.to_string()))?;
                self.store.put(NAME, json.into()).await?;
            }
            (Some(_), (None, false)) => Err(other(
                "holds the files of a database that is not here: bring that database, make it anew with \
                 `mock-atlas rebuild`, or choose another place",
            ))?,
            (Some(found), (known, _)) if parse(&found) != known => Err(other(
                "holds the files of another database: choose another place, or that database",
            ))?,
            (Some(_), _) => {}
        }
        Ok(())
    }

    /// Makes a store that is there already that of a new database.
    ///
    /// # Errors
    /// When the database or the store fails.
    pub(in crate::storage::durable) async fn adopt_identity(&self) -> Result<(), OpenError> {
        let found = self.store.get(NAME, MOST).await?;
        if let Some(id) = found.as_ref().and_then(parse) {
            let adopt = self
                .database
                .write(move |tx| Box::pin(async move { set_id(tx, id).await }));
            adopt.await?;
        }
        self.check_identity().await
    }
}

fn parse(json: &Bytes) -> Option<Uuid> {
    let identity: Identity = serde_json::from_slice(json).ok()?;
    Some(identity.id)
}

async fn id(tx: Tx<'_>) -> Result<Option<Uuid>, BackendError> {
    let found = tx.row("SELECT id FROM store", &[]).await?;
    found.map(|mut row| row.take()).transpose()
}

async fn has_files(tx: Tx<'_>) -> Result<bool, BackendError> {
    let sql = "SELECT 1 FROM version WHERE file_id IS NOT NULL LIMIT 1";
    Ok(tx.row(sql, &[]).await?.is_some())
}

/// Sets the id of the database's store, if it has none.
async fn set_id(tx: Tx<'_>, id: Uuid) -> Result<(), BackendError> {
    let sql = "INSERT INTO store (number, id) VALUES (1, $1) ON CONFLICT DO NOTHING";
    tx.execute(sql, &values![id]).await?;
    Ok(())
}

/// Returns the id of the database's store, and makes one if there is none.
async fn make_id(tx: Tx<'_>) -> Result<Uuid, BackendError> {
    set_id(tx, Uuid::new_v4()).await?;
    let made = id(tx).await?;
    made.ok_or_else(|| BackendError::new("the id of the store was not kept"))
}

//! Channels of artifact types in a database.

use std::collections::BTreeMap;
use std::time::SystemTime;

use foldhash::HashMap;

use super::artifacts::{self, ArtifactRow};
use super::database::{Row, Tx, values};
use super::{DurableCatalog, versions};
use crate::domain::{
    ArtifactName, BOX_TYPE, Channel, ChannelError, ChannelName, MOST_CHANNELS, Name, ReadAccess,
};
use crate::storage::{BackendError, ChannelPlace, FoundChannel, StorageError};

/// Selects the history of a channel.
const SELECT: &str = "SELECT changes FROM channel WHERE type_id = $1 AND name = $2";

/// Methods that concern channels. [`Catalog`](crate::storage::Catalog) documents them.
impl DurableCatalog {
    pub(crate) async fn channels(
        &self,
        artifact: &ArtifactName,
        access: ReadAccess,
    ) -> Result<Vec<FoundChannel>, StorageError> {
        let artifact = artifact.clone();
        let find = self
            .database
            .read(move |tx| Box::pin(async move { all(tx, &artifact, access).await }));
        find.await
    }

    pub(crate) async fn channel(
        &self,
        place: &ChannelPlace,
        access: ReadAccess,
    ) -> Result<Option<Channel>, StorageError> {
        let place = place.clone();
        let find = self
            .database
            .read(move |tx| Box::pin(async move { find(tx, &place, access).await }));
        find.await
    }

    pub(crate) async fn set_channel(
        &self,
        place: &ChannelPlace,
        version: u64,
        username: &Name,
    ) -> Result<Channel, StorageError> {
        self.check_space(0).await?;
        let (place, username, now) = (place.clone(), username.clone(), self.clock.now());
        let set = self.database.write(move |tx| {
            Box::pin(async move { set(tx, &place, version, username, now).await })
        });
        set.await
    }

    pub(crate) async fn roll_back_channel(
        &self,
        place: &ChannelPlace,
        username: &Name,
    ) -> Result<Channel, StorageError> {
        self.check_space(0).await?;
        let (place, username, now) = (place.clone(), username.clone(), self.clock.now());
        let roll_back = self
            .database
            .write(move |tx| Box::pin(async move { roll_back(tx, &place, username, now).await }));
        roll_back.await
    }

    pub(crate) async fn remove_channel(&self, place: &ChannelPlace) -> Result<(), StorageError> {
        let place = place.clone();
        let remove = self
            .database
            .write(move |tx| Box::pin(async move { remove(tx, &place).await }));
        remove.await
    }
}

fn parse(json: &str) -> Result<Channel, BackendError> {
    serde_json::from_str(json)
        .map_err(|error| BackendError::new(format!("a stored channel is damaged: {error}")))
}

async fn all(
    tx: Tx<'_>,
    artifact: &ArtifactName,
    access: ReadAccess,
) -> Result<Vec<FoundChannel>, StorageError> {
    let ArtifactRow { id, .. } = artifacts::find(tx, artifact, access).await?;
    let sql = "SELECT t.name, c.name, c.changes FROM artifact_type t
        JOIN channel c ON c.type_id = t.id WHERE t.artifact_id = $1 ORDER BY t.name, c.name";
    let found = |mut row: Row| {
        Ok(FoundChannel {
            artifact_type: row.take()?,
            name: take_name(&mut row)?,
            channel: parse(&row.take::<String>()?)?,
        })
    };
    let rows = tx.rows(sql, &values![id]).await?;
    rows.into_iter().map(found).collect()
}

fn take_name(row: &mut Row) -> Result<ChannelName, BackendError> {
    let text: String = row.take()?;
    text.parse().map_err(|_| BackendError::unexpected(&text))
}

async fn find(
    tx: Tx<'_>,
    place: &ChannelPlace,
    access: ReadAccess,
) -> Result<Option<Channel>, StorageError> {
    let type_id = versions::find_type(tx, &place.artifact, &place.artifact_type, access).await?;
    match type_id {
        Some(type_id) => Ok(get(tx, type_id, &place.name).await?),
        None => Ok(None),
    }
}

async fn get(
    tx: Tx<'_>,
    type_id: i64,
    name: &ChannelName,
) -> Result<Option<Channel>, BackendError> {
    let found = tx.row(SELECT, &values![type_id, name.as_str()]).await?;
    let json: Option<String> = found.map(|mut row| row.take()).transpose()?;
    json.map(|json| parse(&json)).transpose()
}

/// Locks the artifact, and returns the id of the channel's type.
async fn lock_type(tx: Tx<'_>, place: &ChannelPlace) -> Result<Option<i64>, StorageError> {
    let artifact = artifacts::lock(tx, &place.artifact).await?;
    Ok(versions::type_id(tx, artifact.id, &place.artifact_type).await?)
}

async fn set(
    tx: Tx<'_>,
    place: &ChannelPlace,
    version: u64,
    username: Name,
    now: SystemTime,
) -> Result<Channel, StorageError> {
    let type_id = lock_type(tx, place).await?;
    if place.artifact_type.as_str() == BOX_TYPE {
        return Err(ChannelError::OfBox.into());
    }
    let missing = ChannelError::NoVersion(version);
    let type_id = type_id.ok_or_else(|| missing.clone())?;
    if !is_visible(tx, type_id, version).await? {
        return Err(missing.into());
    }
    let channel = match get(tx, type_id, &place.name).await? {
        Some(mut channel) => {
            channel.set(version, username, now);
            channel
        }
        None => {
            check_room(tx, type_id).await?;
            Channel::new(version, username, now)
        }
    };
    save(tx, type_id, &place.name, &channel).await?;
    Ok(channel)
}

async fn check_room(tx: Tx<'_>, type_id: i64) -> Result<(), StorageError> {
    let sql = "SELECT count(*) FROM channel WHERE type_id = $1";
    let counted = tx.row(sql, &values![type_id]).await?;
    let count: u64 = counted.map_or(Ok(0), |mut row| row.take())?;
    match count < MOST_CHANNELS as u64 {
        true => Ok(()),
        false => Err(ChannelError::TooMany.into()),
    }
}

async fn is_visible(tx: Tx<'_>, type_id: i64, version: u64) -> Result<bool, BackendError> {
    let sql = "SELECT 1 FROM version WHERE type_id = $1 AND number = $2 AND file_state <> 1";
    let found = tx.row(sql, &values![type_id, version]).await?;
    Ok(found.is_some())
}

async fn roll_back(
    tx: Tx<'_>,
    place: &ChannelPlace,
    username: Name,
    now: SystemTime,
) -> Result<Channel, StorageError> {
    let type_id = lock_type(tx, place).await?.ok_or(StorageError::NotFound)?;
    let found = get(tx, type_id, &place.name).await?;
    let mut channel = found.ok_or(StorageError::NotFound)?;
    // From the newest to the first one that will do, since others wait for the lock.
    let mut there = Vec::new();
    for change in channel.changes().iter().rev() {
        if is_visible(tx, type_id, change.version).await? {
            there.push(change.version);
            if channel.earlier(|version| there.contains(&version)).is_ok() {
                break;
            }
        }
    }
    channel.roll_back(|version| there.contains(&version), username, now)?;
    save(tx, type_id, &place.name, &channel).await?;
    Ok(channel)
}

async fn remove(tx: Tx<'_>, place: &ChannelPlace) -> Result<(), StorageError> {
    let type_id = lock_type(tx, place).await?.ok_or(StorageError::NotFound)?;
    let sql = "DELETE FROM channel WHERE type_id = $1 AND name = $2";
    match tx
        .execute(sql, &values![type_id, place.name.as_str()])
        .await?
    {
        0 => Err(StorageError::NotFound),
        _ => Ok(()),
    }
}

/// Inserts or replaces a channel.
///
/// # Errors
/// When the database fails.
pub(super) async fn save(
    tx: Tx<'_>,
    type_id: i64,
    name: &ChannelName,
    channel: &Channel,
) -> Result<(), BackendError> {
    let json = serde_json::to_string(channel);
    let json = json.map_err(|error| BackendError::new(error.to_string()))?;
    let sql = "INSERT INTO channel (type_id, name, version, changes) VALUES ($1, $2, $3, $4)
        ON CONFLICT (type_id, name) DO UPDATE
        SET version = excluded.version, changes = excluded.changes";
    let row = values![type_id, name.as_str(), channel.version(), json];
    tx.execute(sql, &row).await.map(|_| ())
}

/// Checks that no channel points at a version that is to be deleted.
///
/// # Errors
/// [`ChannelError::InUse`].
pub(super) async fn check_unused(
    tx: Tx<'_>,
    type_id: i64,
    version: u64,
) -> Result<(), StorageError> {
    let sql = "SELECT name FROM channel WHERE type_id = $1 AND version = $2 ORDER BY name";
    let mut names: Vec<String> = Vec::new();
    for mut row in tx.rows(sql, &values![type_id, version]).await? {
        names.push(row.take()?);
    }
    match names.is_empty() {
        true => Ok(()),
        false => Err(ChannelError::InUse(names.join(", ")).into()),
    }
}

/// Deletes all channels of a type.
///
/// # Errors
/// When the database fails.
pub(super) async fn delete_all(tx: Tx<'_>, type_id: i64) -> Result<(), BackendError> {
    let sql = "DELETE FROM channel WHERE type_id = $1";
    tx.execute(sql, &values![type_id]).await.map(|_| ())
}

/// Returns all channels by the ids of their types. One that points at nothing, which a check reports, is left out, so
/// that what is exported can always be imported.
///
/// # Errors
/// When the database fails.
pub(super) async fn records(
    tx: Tx<'_>,
) -> Result<HashMap<i64, BTreeMap<ChannelName, Channel>>, BackendError> {
    let sql = "SELECT type_id, name, changes FROM channel WHERE EXISTS (SELECT 1 FROM version
        WHERE version.type_id = channel.type_id AND version.number = channel.version)";
    let mut channels: HashMap<i64, BTreeMap<ChannelName, Channel>> = HashMap::default();
    for mut row in tx.rows(sql, &[]).await? {
        let of_type = channels.entry(row.take()?).or_default();
        of_type.insert(take_name(&mut row)?, parse(&row.take::<String>()?)?);
    }
    Ok(channels)
}

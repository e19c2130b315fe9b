//! Versions of artifacts in a database: their numbers, their files, and their tags for searches.
//!
//! - `creation`: the next version of a type in one statement, for PostgreSQL

mod creation;

use std::sync::Arc;
use std::time::SystemTime;

use sha2::{Digest as _, Sha256};
use uuid::Uuid;

use super::artifacts::{self, visibility};
use super::database::{Row, Tx, values};
use super::files::{COLUMNS, FileRow, make_ready, set_changed};
use super::webhooks::{Telling, tell};
use crate::domain::{
    ArtifactName, EventKind, FileFacts, FileSelector, FileState, HIGHEST, Metadata, Name,
    NewVersion, ReadAccess, Subject, Version, VersionFacts,
};
use crate::storage::{BackendError, StorageError};

/// The columns of [`read`].
pub(super) const VERSION: &str =
    "v.number, v.client_id, v.metadata, v.build, v.file_state, v.upload, v.created";

/// Reads the columns [`VERSION`].
///
/// # Errors
/// When the row has others.
pub(super) fn read(row: &mut Row) -> Result<Version, BackendError> {
    Ok(Version {
        number: row.take()?,
        id: row.take::<String>()?.into(),
        metadata: read_metadata(&row.take::<String>()?)?,
        build: row.take()?,
        file: match row.take::<i64>()? {
            0 => FileState::None,
            1 => FileState::Awaited,
            _ => FileState::Stored,
        },
        upload: row.take()?,
        created: row.take()?,
    })
}

fn read_metadata(json: &str) -> Result<Metadata, BackendError> {
    let pairs: serde_json::Map<String, serde_json::Value> = serde_json::from_str(json)
        .map_err(|error| BackendError::new(format!("stored metadata is damaged: {error}")))?;
    let texts = pairs.into_iter().map(|(key, value)| match value {
        serde_json::Value::String(text) => (key, text),
        other => (key, other.to_string()),
    });
    Ok(texts.collect())
}

/// Creates the next version of a type.
///
/// # Errors
/// [`StorageError::NotFound`], [`StorageError::PushedBox`] and [`StorageError::NoNumber`].
// Contract: versions.counts-per-type, versions.same-again
pub(super) async fn create(
    tx: Tx<'_>,
    name: &ArtifactName,
    artifact_type: &Name,
    new: NewVersion,
    (telling, created): (&Telling, SystemTime),
) -> Result<Arc<Version>, StorageError> {
    if let Tx::Postgres(_) = tx {
        return creation::create(tx, name, artifact_type, new, (telling, created)).await;
    }
    let artifact = artifacts::find(tx, name, ReadAccess::All).await?;
    new.check(artifact_type)?;
    let (_, version) = add(tx, artifact.id, artifact_type, new, created).await?;
    // A version without a file can be found at once. A statement that adds nothing costs no network here.
    if version.is_visible() {
        let subject = Subject::of_version(name, telling.by(), facts(artifact_type, &version, None));
        tell(tx, telling, EventKind::VersionPublished, subject).await?;
    }
    Ok(Arc::new(version))
}

/// Adds the next version of a type, and returns it with the id of the type.
///
/// # Errors
/// [`StorageError::NoNumber`].
pub(super) async fn add(
    tx: Tx<'_>,
    artifact_id: i64,
    artifact_type: &Name,
    new: NewVersion,
    created: SystemTime,
) -> Result<(i64, Version), StorageError> {
    let sql = "INSERT INTO artifact_type (artifact_id, name, last_number) VALUES ($1, $2, 1)
        ON CONFLICT (artifact_id, name) DO UPDATE SET last_number = artifact_type.last_number + 1
        WHERE artifact_type.last_number < $3 RETURNING id, last_number";
    let numbered = tx
        .row(sql, &values![artifact_id, artifact_type, HIGHEST])
        .await?;
    let mut row = numbered.ok_or(StorageError::NoNumber)?;
    let (type_id, number) = (row.take()?, row.take()?);
    let version = Version {
        number,
        ..unnumbered(new, artifact_type, created)
    };
    insert(tx, type_id, &version, None).await?;
    Ok((type_id, version))
}

/// Returns a new version, whose number is not known yet.
fn unnumbered(new: NewVersion, artifact_type: &Name, created: SystemTime) -> Version {
    Version {
        number: 0,
        id: new.id,
        metadata: new.metadata.with_derived_regions(artifact_type),
        build: new.build,
        file: match new.file {
            true => FileState::Awaited,
            false => FileState::None,
        },
        // Contract: uploads.path-secret
        upload: Uuid::new_v4(),
        created,
    }
}

/// Inserts a version as it is, with its tags if it is visible.
///
/// # Errors
/// When the database fails.
pub(super) async fn insert(
    tx: Tx<'_>,
    type_id: i64,
    version: &Version,
    file_id: Option<i64>,
) -> Result<(), BackendError> {
    let sql = "INSERT INTO version
        (type_id, number, client_id, build, metadata, upload, file_state, file_id, created)
        VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)";
    let row = values![
        type_id,
        version.number,
        &*version.id,
        version.build,
        metadata_json(version)?,
        version.upload,
        state_number(version.file),
        file_id,
        version.created,
    ];
    tx.execute(sql, &row).await?;
    if version.is_visible() {
        add_tags(tx, type_id, version).await?;
    }
    Ok(())
}

/// Returns the metadata of a version as the database has it.
fn metadata_json(version: &Version) -> Result<String, BackendError> {
    serde_json::to_string(&version.metadata).map_err(|error| BackendError::new(error.to_string()))
}

fn state_number(file: FileState) -> i64 {
    match file {
        FileState::None => 0,
        FileState::Awaited => 1,
        FileState::Stored => 2,
    }
}

/// The largest number of tags in one statement.
const TOGETHER: usize = 256;

async fn add_tags(tx: Tx<'_>, type_id: i64, version: &Version) -> Result<(), BackendError> {
    let tags: Vec<[u8; 16]> = tags(version).collect();
    for tags in tags.chunks(TOGETHER) {
        let mut sql = "INSERT INTO version_tag (type_id, number, tag) VALUES ".to_owned();
        let mut values = values![type_id, version.number].to_vec();
        for tag in tags {
            values.push((*tag).into());
            sql.push_str(&format!("($1, $2, ${}), ", values.len()));
        }
        sql.truncate(sql.len() - ", ".len());
        tx.execute(&sql, &values).await?;
    }
    Ok(())
}

/// Returns the tags of a version, all of which differ.
fn tags(version: &Version) -> impl Iterator<Item = [u8; 16]> {
    let pairs = version.metadata.iter();
    pairs.flat_map(|(key, value)| [tag(key, None), tag(key, Some(value))])
}

/// Returns the tag of a metadata key, or of a key with its value: 16 bytes of a hash, so that texts
/// of any length have an entry of the same size.
pub(super) fn tag(key: &str, value: Option<&str>) -> [u8; 16] {
    let mut hasher = Sha256::new();
    // The length keeps `("ab", "c")` and `("a", "bc")` apart.
    hasher.update((key.len() as u64).to_le_bytes());
    hasher.update(key);
    if let Some(value) = value {
        hasher.update(b"=");
        hasher.update(value);
    }
    let digest: [u8; 32] = hasher.finalize().into();
    let mut tag = [0; 16];
    tag.copy_from_slice(&digest[..16]);
    tag
}

/// Returns the file of a version.
///
/// # Errors
/// [`StorageError::NotFound`].
// Contract: download.no-file
pub(super) async fn file(
    tx: Tx<'_>,
    name: &ArtifactName,
    artifact_type: &Name,
    access: ReadAccess,
    selector: FileSelector,
) -> Result<FileRow, StorageError> {
    let (condition, number) = match selector {
        FileSelector::Latest => ("v.number >= $4", 0),
        FileSelector::Number(number) => ("v.number = $4", number),
    };
    let readable = match access {
        ReadAccess::All => "",
        ReadAccess::PublicOnly => "AND a.is_public = 1",
    };
    let sql = format!(
        "SELECT {COLUMNS} FROM artifact a JOIN artifact_type t ON t.artifact_id = a.id
        JOIN version v ON v.type_id = t.id JOIN file ON file.id = v.file_id
        WHERE a.username = $1 AND a.name = $2 AND a.is_deleted = 0 {readable}
        AND t.name = $3 AND {condition} AND v.file_state = 2
        ORDER BY v.number DESC LIMIT 1"
    );
    let values = values![&name.username, &name.name, artifact_type, number];
    let found = tx.row(&sql, &values).await?;
    Ok(FileRow::read(&mut found.ok_or(StorageError::NotFound)?)?)
}

/// The version that an upload is for.
#[derive(Clone, Debug)]
pub(super) struct UploadRow {
    pub(super) id: i64,
    pub(super) type_id: i64,
    pub(super) version: Version,
    pub(super) artifact: ArtifactName,
    pub(super) artifact_id: i64,
    pub(super) artifact_type: Name,
    /// Whether the owner of the artifact has a quota.
    pub(super) has_quota: bool,
}

/// Returns the version that an upload is for; `None` if there is no such upload.
pub(super) async fn of_upload(tx: Tx<'_>, upload: Uuid) -> Result<Option<UploadRow>, BackendError> {
    let sql = format!(
        "SELECT v.id, v.type_id, a.username, a.name, a.id, t.name,
        EXISTS (SELECT 1 FROM quota WHERE quota.owner = a.username), {VERSION} FROM version v
        JOIN artifact_type t ON t.id = v.type_id JOIN artifact a ON a.id = t.artifact_id
        WHERE v.upload = $1"
    );
    let Some(mut row) = tx.row(&sql, &values![upload]).await? else {
        return Ok(None);
    };
    Ok(Some(UploadRow {
        id: row.take()?,
        type_id: row.take()?,
        artifact: ArtifactName {
            username: row.take()?,
            name: row.take()?,
        },
        artifact_id: row.take()?,
        artifact_type: row.take()?,
        has_quota: row.take()?,
        version: read(&mut row)?,
    }))
}

/// Gives a version that awaits it its file, which makes the version visible.
///
/// # Errors
/// When the database fails.
pub(super) async fn store_file(
    tx: Tx<'_>,
    of: &UploadRow,
    file: &FileRow,
    telling: &Telling,
) -> Result<(), BackendError> {
    let file_id = make_ready(tx, file).await?;
    if make_visible(tx, of.type_id, &of.version, file_id).await? {
        let version = facts(&of.artifact_type, &of.version, Some(file));
        let subject = Subject::of_version(&of.artifact, telling.by(), version);
        tell(tx, telling, EventKind::VersionPublished, subject).await?;
    }
    Ok(())
}

/// Describes a version for webhooks.
pub(super) fn facts(
    artifact_type: &Name,
    version: &Version,
    file: Option<&FileRow>,
) -> VersionFacts {
    VersionFacts {
        artifact_type: artifact_type.clone(),
        number: version.number,
        file: file.map(|file| FileFacts {
            len: file.facts.len,
            digest: Some(file.facts.digest.to_string()),
            sha256: Some(file.facts.sha256.to_string()),
        }),
    }
}

/// Refers a version that awaits it to its file, and makes the version visible. Returns whether there are webhooks,
/// which the same statement finds out.
///
/// # Errors
/// When the database fails.
pub(super) async fn make_visible(
    tx: Tx<'_>,
    type_id: i64,
    version: &Version,
    file_id: i64,
) -> Result<bool, BackendError> {
    let sql = "UPDATE version SET file_state = 2, file_id = $1 WHERE type_id = $2 AND number = $3
        RETURNING (SELECT count(*) FROM webhook)";
    let values = values![file_id, type_id, version.number];
    let updated = tx.row(sql, &values).await?;
    let webhooks: i64 = updated.map_or(Ok(0), |mut row| row.take())?;
    set_changed(tx, file_id).await?;
    add_tags(tx, type_id, version).await?;
    Ok(webhooks > 0)
}

/// Returns the stored file of a version.
pub(super) async fn stored_file(
    tx: Tx<'_>,
    version_id: i64,
) -> Result<Option<FileRow>, BackendError> {
    let sql =
        format!("SELECT {COLUMNS} FROM version v JOIN file ON file.id = v.file_id WHERE v.id = $1");
    let found = tx.row(&sql, &values![version_id]).await?;
    found.map(|mut row| FileRow::read(&mut row)).transpose()
}

/// Describes a version for webhooks; `None` if it cannot be found.
///
/// # Errors
/// When the database fails.
pub(super) async fn visible_facts(
    tx: Tx<'_>,
    type_id: i64,
    (artifact_type, number): (&Name, u64),
) -> Result<Option<VersionFacts>, BackendError> {
    let sql = format!(
        "SELECT {VERSION}, file.id IS NOT NULL, {COLUMNS} FROM version v
        LEFT JOIN file ON file.id = v.file_id
        WHERE v.type_id = $1 AND v.number = $2 AND v.file_state <> 1"
    );
    let Some(mut row) = tx.row(&sql, &values![type_id, number]).await? else {
        return Ok(None);
    };
    let version = read(&mut row)?;
    let file = match row.take()? {
        true => Some(FileRow::read(&mut row)?),
        false => None,
    };
    Ok(Some(facts(artifact_type, &version, file.as_ref())))
}

/// Deletes a version. Its number is not given again. Returns the id of its file.
///
/// # Errors
/// [`StorageError::NotFound`].
pub(super) async fn delete(
    tx: Tx<'_>,
    type_id: i64,
    number: u64,
) -> Result<Option<i64>, StorageError> {
    let sql = format!(
        "SELECT v.file_id, {VERSION} FROM version v WHERE v.type_id = $1 AND v.number = $2"
    );
    let found = tx.row(&sql, &values![type_id, number]).await?;
    let mut row = found.ok_or(StorageError::NotFound)?;
    let file_id = row.take()?;
    let version = read(&mut row)?;
    let sql = "DELETE FROM version_tag WHERE type_id = $1 AND tag = $2 AND number = $3";
    for tag in tags(&version) {
        tx.execute(sql, &values![type_id, tag, number]).await?;
    }
    let sql = "DELETE FROM version WHERE type_id = $1 AND number = $2";
    tx.execute(sql, &values![type_id, number]).await?;
    Ok(file_id)
}

/// Deletes all versions of a type. Its numbers go on. Returns the ids of their files.
///
/// # Errors
/// When the database fails.
pub(super) async fn delete_all(tx: Tx<'_>, type_id: i64) -> Result<Vec<i64>, BackendError> {
    let sql = "DELETE FROM version_tag WHERE type_id = $1";
    tx.execute(sql, &values![type_id]).await?;
    let sql = "DELETE FROM version WHERE type_id = $1 RETURNING file_id";
    let mut files = Vec::new();
    for mut row in tx.rows(sql, &values![type_id]).await? {
        files.extend(row.take::<Option<i64>>()?);
    }
    Ok(files)
}

/// Returns the id of an artifact's type, if `access` allows to read the artifact; `None` if it has no such type.
///
/// # Errors
/// [`StorageError::NotFound`].
pub(super) async fn find_type(
    tx: Tx<'_>,
    name: &ArtifactName,
    artifact_type: &Name,
    access: ReadAccess,
) -> Result<Option<i64>, StorageError> {
    let sql = "SELECT a.is_public, t.id FROM artifact a
        LEFT JOIN artifact_type t ON t.artifact_id = a.id AND t.name = $1
        WHERE a.username = $2 AND a.name = $3 AND a.is_deleted = 0";
    let values = values![artifact_type, &name.username, &name.name];
    let found = tx.row(sql, &values).await?;
    let mut row = found.ok_or(StorageError::NotFound)?;
    match access.allows(visibility(row.take()?)) {
        true => Ok(row.take()?),
        false => Err(StorageError::NotFound),
    }
}

/// Returns the id of an artifact's type; `None` if it has no such type.
pub(super) async fn type_id(
    tx: Tx<'_>,
    artifact_id: i64,
    artifact_type: &Name,
) -> Result<Option<i64>, BackendError> {
    let sql = "SELECT id FROM artifact_type WHERE artifact_id = $1 AND name = $2";
    let found = tx.row(sql, &values![artifact_id, artifact_type]).await?;
    found.map(|mut row| row.take()).transpose()
}

//! Boxes in a database: each is a JSON document of its artifact's row.

use std::sync::Arc;
use std::time::SystemTime;

use uuid::Uuid;

use super::artifacts::{self, ArtifactRow, visibility};
use super::database::{Row, RowLock, Tx, values};
use super::files::{self, FileRow, delete_unnamed, make_ready};
use super::webhooks::{self, Telling};
use super::{quotas, versions};
use crate::domain::{
    ArtifactName, BOX_TYPE, BoxDifference, BoxError, BoxFacts, EventKind, HostedFile, Name,
    NewVersion, ProviderPlace, PushedBox, ReadAccess, Subject, VagrantBox, Version, Visibility,
    box_events,
};
use crate::storage::found_box::Unreferenced;
use crate::storage::{BackendError, BoxDraft, FoundBox, NewBox, SeededBox, StorageError};

/// A box with its artifact's row.
pub(super) struct BoxRow {
    pub(super) artifact: ArtifactRow,
    pub(super) vagrant_box: VagrantBox,
}

/// The owner of a box that is changed, with the change and the name of the box if webhooks are told.
#[derive(Clone, Copy)]
pub(super) struct BoxOf<'a> {
    owner: &'a Name,
    told: Option<(&'a Telling, &'a ArtifactName)>,
}

impl<'a> BoxOf<'a> {
    pub(super) fn told(name: &'a ArtifactName, telling: &'a Telling) -> Self {
        Self {
            owner: &name.username,
            told: Some((telling, name)),
        }
    }

    pub(super) fn silent(owner: &'a Name) -> Self {
        Self { owner, told: None }
    }
}

/// Creates a box without versions, and its artifact if that does not exist.
///
/// # Errors
/// [`BoxError::BoxTaken`].
pub(super) async fn create(
    tx: Tx<'_>,
    name: &ArtifactName,
    new: NewBox,
    now: SystemTime,
) -> Result<FoundBox, StorageError> {
    let artifact = match artifacts::get_locked(tx, name, RowLock::Exclusive).await? {
        Some(artifact) => artifact,
        None => match artifacts::create(tx, name, Visibility::Private).await {
            // Another client was faster.
            Err(StorageError::NameTaken) => artifacts::lock(tx, name).await?,
            created => created?,
        },
    };
    if read(tx, artifact).await?.is_some() {
        return Err(BoxError::BoxTaken.into());
    }
    let row = BoxRow {
        artifact: ArtifactRow {
            visibility: new.visibility.unwrap_or(artifact.visibility),
            ..artifact
        },
        vagrant_box: VagrantBox::new(new.short_description, new.description, now),
    };
    save(tx, &row).await?;
    Ok(found(name, row))
}

/// Returns a box.
///
/// # Errors
/// [`StorageError::NotFound`].
pub(super) async fn find(
    tx: Tx<'_>,
    name: &ArtifactName,
    access: ReadAccess,
) -> Result<FoundBox, StorageError> {
    Ok(found(name, get(tx, name, access).await?))
}

/// Returns all boxes.
pub(super) async fn all(tx: Tx<'_>) -> Result<Vec<FoundBox>, StorageError> {
    let sql = "SELECT username, name, is_public, vagrant_box, downloads FROM artifact
        WHERE vagrant_box IS NOT NULL";
    let mut boxes = Vec::new();
    for mut row in tx.rows(sql, &[]).await? {
        boxes.push(FoundBox {
            name: ArtifactName {
                username: row.take()?,
                name: row.take()?,
            },
            visibility: visibility(row.take()?),
            vagrant_box: Arc::new(parse(&mut row)?),
        });
    }
    Ok(boxes)
}

/// Changes a box as `change` says, or not at all if that fails. A change that makes the box larger
/// fails with the error of `space`.
///
/// # Errors
/// [`StorageError::NotFound`], and the errors of `change` and `space`.
pub(super) async fn change<T>(
    tx: Tx<'_>,
    name: &ArtifactName,
    (telling, now): (&Telling, SystemTime),
    space: Result<(), BackendError>,
    change: impl FnOnce(&mut BoxDraft) -> Result<T, BoxError>,
) -> Result<(FoundBox, T), StorageError> {
    let mut row = lock(tx, name).await?;
    let mut draft = BoxDraft {
        visibility: row.artifact.visibility,
        vagrant_box: row.vagrant_box.clone(),
        now,
    };
    let result = change(&mut draft)?;
    if let Err(full) = space
        && json(&draft.vagrant_box)?.len() > json(&row.vagrant_box)?.len()
    {
        return Err(full.into());
    }
    row.artifact.visibility = draft.visibility;
    let (of, changed) = (BoxOf::told(name, telling), draft.vagrant_box);
    replace(tx, of, &mut row, changed, Unreferenced::Delete).await?;
    Ok((found(name, row), result))
}

/// Deletes a box with its files, and the artifact, too, if it has no versions of other types. Returns
/// the box.
///
/// # Errors
/// [`StorageError::NotFound`].
pub(super) async fn delete(
    tx: Tx<'_>,
    name: &ArtifactName,
    telling: &Telling,
) -> Result<FoundBox, StorageError> {
    let (found, bytes) = remove(tx, name, telling).await?;
    quotas::give_back(tx, &name.username, bytes).await?;
    Ok(found)
}

/// Deletes a box as [`delete`] does, and returns it with the size of its files, which the quota of its owner has not
/// back yet.
///
/// # Errors
/// [`StorageError::NotFound`].
pub(super) async fn remove(
    tx: Tx<'_>,
    name: &ArtifactName,
    telling: &Telling,
) -> Result<(FoundBox, u64), StorageError> {
    let row = lock(tx, name).await?;
    tell_deleted(tx, name, telling).await?;
    let id = row.artifact.id;
    let mut files = delete_uploads(tx, id).await?;
    if let Some(type_id) = versions::type_id(tx, id, &Name::constant(BOX_TYPE)).await? {
        files.extend(versions::delete_all(tx, type_id).await?);
    }
    let sql = "UPDATE artifact SET vagrant_box = NULL, downloads = 0, box_versions = 0,
        is_deleted = CASE WHEN EXISTS
        (SELECT 1 FROM artifact_type t JOIN version v ON v.type_id = t.id WHERE t.artifact_id = $1)
        THEN 0 ELSE 1 END WHERE id = $1";
    tx.execute(sql, &values![id]).await?;
    let bytes = delete_unnamed(tx, files).await?;
    Ok((found(name, row), bytes))
}

/// Tells webhooks that a box is deleted.
///
/// # Errors
/// When the database fails.
pub(super) async fn tell_deleted(
    tx: Tx<'_>,
    name: &ArtifactName,
    telling: &Telling,
) -> Result<(), BackendError> {
    let subject = Subject::of_box(name, telling.by(), BoxFacts::default());
    webhooks::tell(tx, telling, EventKind::BoxDeleted, subject).await
}

/// Counts a download. Does nothing if there is no box.
pub(super) async fn count_download(tx: Tx<'_>, name: &ArtifactName) -> Result<(), StorageError> {
    let sql = "UPDATE artifact SET downloads = downloads + 1
        WHERE username = $1 AND name = $2 AND vagrant_box IS NOT NULL";
    tx.execute(sql, &values![&name.username, &name.name])
        .await?;
    Ok(())
}

/// Adds a file as a version of the type `vagrant.box`, and refers a provider to it.
pub(super) async fn host(
    tx: Tx<'_>,
    (of, mut row): (BoxOf<'_>, BoxRow),
    place: &ProviderPlace,
    upload: Uuid,
    (file_id, file): (i64, &FileRow),
    now: SystemTime,
) -> Result<(), StorageError> {
    let mut changed = row.vagrant_box.clone();
    let id = row.artifact.id;
    let file = add_file(tx, id, (&changed, place), (file_id, file), now).await?;
    changed.complete_upload(place, upload, file, now)?;
    replace(tx, of, &mut row, changed, Unreferenced::Delete).await
}

/// Adds the file of a box's provider as a version of the type `vagrant.box`.
pub(super) async fn add_file(
    tx: Tx<'_>,
    artifact_id: i64,
    (of, place): (&VagrantBox, &ProviderPlace),
    (file_id, file): (i64, &FileRow),
    now: SystemTime,
) -> Result<HostedFile, StorageError> {
    let new = NewVersion {
        metadata: of.file_metadata(place)?,
        file: true,
        ..NewVersion::default()
    };
    let box_type = Name::constant(BOX_TYPE);
    let added = versions::add(tx, artifact_id, &box_type, new, now).await;
    let (type_id, version) = added.map_err(|error| match error {
        StorageError::NoNumber => BoxError::NoNumber.into(),
        error => error,
    })?;
    versions::make_visible(tx, type_id, &version, file_id).await?;
    Ok(hosted_file(version.number, file))
}

/// Adds the box that a version describes, now that its file is stored. Does nothing for a version of a
/// type other than `vagrant.box`.
///
/// # Errors
/// When the database fails.
pub(super) async fn add_pushed(
    tx: Tx<'_>,
    (of, artifact_id): (BoxOf<'_>, i64),
    artifact_type: &Name,
    version: &Version,
    file: &FileRow,
    now: SystemTime,
) -> Result<(), StorageError> {
    if artifact_type.as_str() != BOX_TYPE {
        return Ok(());
    }
    let Ok(pushed) = PushedBox::of(&version.metadata) else {
        return Ok(());
    };
    let artifact = artifacts::by_id(tx, artifact_id).await?;
    let vagrant_box = read(tx, artifact).await?;
    let new = || VagrantBox::new(String::new(), String::new(), now);
    let mut row = BoxRow {
        artifact,
        vagrant_box: vagrant_box.unwrap_or_else(new),
    };
    let mut changed = row.vagrant_box.clone();
    pushed.add_to(&mut changed, hosted_file(version.number, file), now);
    replace(tx, of, &mut row, changed, Unreferenced::Keep).await
}

/// Adds a box with its files, in the order of the providers that have one.
///
/// # Errors
/// [`BoxError::BoxTaken`], [`BoxError::NoNumber`], and the errors of a box that contradicts itself.
pub(super) async fn add_seeded(
    tx: Tx<'_>,
    new: &SeededBox,
    files: &[FileRow],
    now: SystemTime,
) -> Result<(), StorageError> {
    let mut draft = new.draft(now)?;
    create(tx, &new.name, new.new.clone(), now).await?;
    let mut row = get(tx, &new.name, ReadAccess::All).await?;
    for ((place, _, updated), file) in new.placed_files(now).zip(files) {
        let file_id = make_ready(tx, file).await?;
        let id = row.artifact.id;
        let file = add_file(tx, id, (&draft, &place), (file_id, file), now).await?;
        draft.host(&place, file, updated)?;
    }
    row.vagrant_box = draft;
    save(tx, &row).await?;
    Ok(())
}

/// Removes the reference to a version of the type `vagrant.box` that was deleted.
pub(super) async fn forget_file(
    tx: Tx<'_>,
    name: &ArtifactName,
    number: u64,
    telling: &Telling,
) -> Result<(), StorageError> {
    let mut row = match get(tx, name, ReadAccess::All).await {
        Ok(row) => row,
        Err(StorageError::NotFound) => return Ok(()),
        Err(error) => return Err(error),
    };
    let mut changed = row.vagrant_box.clone();
    changed.forget_file(number);
    let of = BoxOf::told(name, telling);
    replace(tx, of, &mut row, changed, Unreferenced::Keep).await
}

/// Replaces a box, with all that follows from the difference: new uploads are registered, old ones are
/// gone, so are files to which no provider refers any longer, and webhooks are told.
async fn replace(
    tx: Tx<'_>,
    of: BoxOf<'_>,
    row: &mut BoxRow,
    changed: VagrantBox,
    unreferenced: Unreferenced,
) -> Result<(), StorageError> {
    let old = std::mem::replace(&mut row.vagrant_box, changed);
    if save(tx, row).await?
        && let Some((telling, name)) = of.told
    {
        for (kind, facts) in box_events(Some(&old), &row.vagrant_box) {
            let subject = Subject::of_box(name, telling.by(), facts);
            webhooks::tell(tx, telling, kind, subject).await?;
        }
    }
    let difference = BoxDifference::between(&old, &row.vagrant_box);
    let mut files = Vec::new();
    for gone in difference.gone_uploads {
        let sql = "DELETE FROM box_upload WHERE id = $1 RETURNING file_id";
        if let Some(mut deleted) = tx.row(sql, &values![gone]).await? {
            files.extend(deleted.take::<Option<i64>>()?);
        }
    }
    for new in difference.new_uploads {
        let sql = "INSERT INTO box_upload (id, artifact_id) VALUES ($1, $2)";
        tx.execute(sql, &values![new, row.artifact.id]).await?;
    }
    if unreferenced == Unreferenced::Delete {
        files.extend(delete_files(tx, row.artifact.id, difference.gone_files).await?);
    }
    let bytes = delete_unnamed(tx, files).await?;
    set_changed(tx, row.artifact.id).await?;
    Ok(quotas::give_back(tx, of.owner, bytes).await?)
}

/// Records that a box has changed, which the description of its last file tells.
async fn set_changed(tx: Tx<'_>, artifact_id: i64) -> Result<(), BackendError> {
    let sql = "SELECT v.file_id FROM artifact_type t JOIN version v ON v.type_id = t.id
        WHERE t.artifact_id = $1 AND t.name = $2 AND v.file_id IS NOT NULL
        ORDER BY v.number DESC LIMIT 1";
    match tx.row(sql, &values![artifact_id, BOX_TYPE]).await? {
        Some(mut last) => files::set_changed(tx, last.take()?).await,
        None => Ok(()),
    }
}

async fn delete_files(
    tx: Tx<'_>,
    artifact_id: i64,
    numbers: Vec<u64>,
) -> Result<Vec<i64>, StorageError> {
    let box_type = Name::constant(BOX_TYPE);
    let Some(type_id) = versions::type_id(tx, artifact_id, &box_type).await? else {
        return Ok(Vec::new());
    };
    let mut ids = Vec::new();
    for number in numbers {
        match versions::delete(tx, type_id, number).await {
            Ok(id) => ids.extend(id),
            Err(StorageError::NotFound) => {}
            Err(error) => return Err(error),
        }
    }
    Ok(ids)
}

/// Deletes the uploads of an artifact's box, and returns the ids of the files that they name.
pub(super) async fn delete_uploads(tx: Tx<'_>, artifact_id: i64) -> Result<Vec<i64>, BackendError> {
    let sql = "DELETE FROM box_upload WHERE artifact_id = $1 RETURNING file_id";
    let mut files = Vec::new();
    for mut row in tx.rows(sql, &values![artifact_id]).await? {
        files.extend(row.take::<Option<i64>>()?);
    }
    Ok(files)
}

/// Returns a box with its artifact's row. For a change, the artifact must be locked.
///
/// # Errors
/// [`StorageError::NotFound`].
pub(super) async fn get(
    tx: Tx<'_>,
    name: &ArtifactName,
    access: ReadAccess,
) -> Result<BoxRow, StorageError> {
    let artifact = artifacts::find(tx, name, access).await?;
    of_artifact(tx, artifact).await
}

/// Returns a box with its artifact's row, and locks the artifact.
async fn lock(tx: Tx<'_>, name: &ArtifactName) -> Result<BoxRow, StorageError> {
    let artifact = artifacts::lock(tx, name).await?;
    of_artifact(tx, artifact).await
}

async fn of_artifact(tx: Tx<'_>, artifact: ArtifactRow) -> Result<BoxRow, StorageError> {
    let vagrant_box = read(tx, artifact).await?;
    Ok(BoxRow {
        artifact,
        vagrant_box: vagrant_box.ok_or(StorageError::NotFound)?,
    })
}

pub(super) async fn read(
    tx: Tx<'_>,
    artifact: ArtifactRow,
) -> Result<Option<VagrantBox>, BackendError> {
    let sql =
        "SELECT vagrant_box, downloads FROM artifact WHERE id = $1 AND vagrant_box IS NOT NULL";
    let found = tx.row(sql, &values![artifact.id]).await?;
    found.map(|mut row| parse(&mut row)).transpose()
}

/// Reads the columns `vagrant_box` and `downloads`.
///
/// # Errors
/// When the row has others.
pub(super) fn parse(row: &mut Row) -> Result<VagrantBox, BackendError> {
    let json: String = row.take()?;
    let mut parsed: VagrantBox = serde_json::from_str(&json)
        .map_err(|error| BackendError::new(format!("a stored box is damaged: {error}")))?;
    parsed.downloads = row.take()?;
    Ok(parsed)
}

/// Inserts the box of an artifact, with its uploads.
///
/// # Errors
/// When the database fails.
pub(super) async fn insert(
    tx: Tx<'_>,
    artifact: ArtifactRow,
    vagrant_box: VagrantBox,
) -> Result<(), BackendError> {
    let sql = "INSERT INTO box_upload (id, artifact_id) VALUES ($1, $2)";
    for (_, _, upload) in vagrant_box.uploads() {
        tx.execute(sql, &values![upload.id, artifact.id]).await?;
    }
    let row = BoxRow {
        artifact,
        vagrant_box,
    };
    let sql = "UPDATE artifact SET downloads = $1 WHERE id = $2";
    tx.execute(sql, &values![row.vagrant_box.downloads, row.artifact.id])
        .await?;
    save(tx, &row).await?;
    Ok(())
}

/// Saves a box, but not the number of its downloads. Returns whether there are webhooks, which the same statement
/// finds out.
pub(super) async fn save(tx: Tx<'_>, row: &BoxRow) -> Result<bool, BackendError> {
    let json = json(&row.vagrant_box)?;
    let is_public = row.artifact.visibility == Visibility::Public;
    let versions = row.vagrant_box.versions().len() as u64;
    let sql =
        "UPDATE artifact SET vagrant_box = $1, is_public = $2, box_versions = $3 WHERE id = $4
        RETURNING (SELECT count(*) FROM webhook)";
    let values = values![json, is_public, versions, row.artifact.id];
    let saved = tx.row(sql, &values).await?;
    let webhooks: i64 = saved.map_or(Ok(0), |mut row| row.take())?;
    Ok(webhooks > 0)
}

fn json(vagrant_box: &VagrantBox) -> Result<String, BackendError> {
    serde_json::to_string(vagrant_box).map_err(|error| BackendError::new(error.to_string()))
}

fn found(name: &ArtifactName, row: BoxRow) -> FoundBox {
    FoundBox {
        name: name.clone(),
        visibility: row.artifact.visibility,
        vagrant_box: Arc::new(row.vagrant_box),
    }
}

pub(super) fn hosted_file(number: u64, file: &FileRow) -> HostedFile {
    HostedFile {
        number,
        len: file.facts.len,
        sha256: file.facts.sha256.to_string(),
    }
}

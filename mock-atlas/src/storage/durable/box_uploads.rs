//! Uploads of the files of boxes in a database.

use std::time::SystemTime;

use uuid::Uuid;

use super::artifacts;
use super::boxes::{self, BoxOf, BoxRow};
use super::database::{Tx, values};
use super::files::{COLUMNS, FileRow, make_ready};
use super::quotas::Replaced;
use super::webhooks::Telling;
use crate::domain::{ArtifactName, BOX_TYPE, BoxError, ReadAccess};
use crate::storage::{BackendError, FoundBox, StorageError};

/// The upload of a box's provider.
pub(super) struct BoxUploadRow {
    row: BoxRow,
    name: ArtifactName,
    id: Uuid,
    /// The id of the file that has come and awaits the callback.
    received: Option<i64>,
    /// Whether the owner of the box has a quota.
    pub(super) has_quota: bool,
}

impl BoxUploadRow {
    /// Returns the artifact's name.
    pub(super) fn name(&self) -> &ArtifactName {
        &self.name
    }

    /// Returns the slug of the provider.
    pub(super) fn slug(&self) -> Result<String, StorageError> {
        let (place, _) = self.row.vagrant_box.upload(self.id)?;
        let architecture = place.key.architecture.ok_or(StorageError::NotFound)?;
        let (version, provider) = (&place.version, &place.key.name);
        Ok(self.name.provider_slug(version, provider, &architecture))
    }

    /// Returns the time at which the upload was begun.
    pub(super) fn created(&self) -> Result<SystemTime, StorageError> {
        Ok(self.row.vagrant_box.upload(self.id)?.1.created)
    }

    /// Returns the file that the one of the upload takes the place of, once that is stored.
    pub(super) fn replaced(&self) -> Result<Replaced, StorageError> {
        let (place, upload) = self.row.vagrant_box.upload(self.id)?;
        let hosted = self.row.vagrant_box.provider(&place)?.hosted();
        Ok(Replaced {
            bytes: hosted.map_or(0, |file| file.len),
            is_given_back: !upload.is_direct,
        })
    }

    /// Returns whether the file is visible.
    pub(super) fn is_complete(&self) -> Result<bool, StorageError> {
        Ok(self.row.vagrant_box.upload(self.id)?.1.is_complete)
    }
}

/// Returns the upload of this id; `None` if there is none.
pub(super) async fn of_upload(
    tx: Tx<'_>,
    upload: Uuid,
) -> Result<Option<BoxUploadRow>, StorageError> {
    let sql = "SELECT a.username, a.name, u.file_id,
        EXISTS (SELECT 1 FROM quota WHERE quota.owner = a.username) FROM box_upload u
        JOIN artifact a ON a.id = u.artifact_id WHERE u.id = $1";
    let Some(mut row) = tx.row(sql, &values![upload]).await? else {
        return Ok(None);
    };
    let name = ArtifactName {
        username: row.take()?,
        name: row.take()?,
    };
    Ok(Some(BoxUploadRow {
        received: row.take()?,
        has_quota: row.take()?,
        row: boxes::get(tx, &name, ReadAccess::All).await?,
        name,
        id: upload,
    }))
}

/// Returns the file that an upload has brought; `None` if it has not come.
pub(super) async fn uploaded(
    tx: Tx<'_>,
    of: &BoxUploadRow,
) -> Result<Option<FileRow>, StorageError> {
    let (place, state) = of.row.vagrant_box.upload(of.id)?;
    let (sql, values) = if state.is_complete {
        let hosted = of.row.vagrant_box.provider(&place)?.hosted();
        let Some(hosted) = hosted else {
            return Ok(None);
        };
        let sql = format!(
            "SELECT {COLUMNS} FROM artifact_type t JOIN version v ON v.type_id = t.id
            JOIN file ON file.id = v.file_id
            WHERE t.artifact_id = $1 AND t.name = $2 AND v.number = $3"
        );
        (
            sql,
            values![of.row.artifact.id, BOX_TYPE, hosted.number].to_vec(),
        )
    } else {
        let sql = format!("SELECT {COLUMNS} FROM file WHERE id = $1");
        (sql, values![of.received].to_vec())
    };
    let found = tx.row(&sql, &values).await?;
    Ok(found.map(|mut row| FileRow::read(&mut row)).transpose()?)
}

/// Keeps the file of an upload. It becomes visible at once, or by the callback if the upload is
/// direct.
pub(super) async fn store_file(
    tx: Tx<'_>,
    of: BoxUploadRow,
    file: &FileRow,
    (telling, now): (&Telling, SystemTime),
) -> Result<(), StorageError> {
    let (place, state) = of.row.vagrant_box.upload(of.id)?;
    let file_id = make_ready(tx, file).await?;
    if state.is_direct {
        return Ok(set_received(tx, of.id, Some(file_id)).await?);
    }
    let of_box = BoxOf::told(&of.name, telling);
    let host = (of_box, of.row);
    boxes::host(tx, host, &place, of.id, (file_id, file), now).await
}

/// Sets the file that an upload has brought and that awaits its callback.
///
/// # Errors
/// When the database fails.
pub(super) async fn set_received(
    tx: Tx<'_>,
    upload: Uuid,
    file_id: Option<i64>,
) -> Result<(), BackendError> {
    let sql = "UPDATE box_upload SET file_id = $1 WHERE id = $2";
    tx.execute(sql, &values![file_id, upload]).await?;
    Ok(())
}

/// Makes the file of a direct upload visible.
///
/// # Errors
/// [`StorageError::NotFound`] and [`BoxError::NoBytes`].
pub(super) async fn complete_upload(
    tx: Tx<'_>,
    name: &ArtifactName,
    upload: Uuid,
    (telling, now): (&Telling, SystemTime),
) -> Result<FoundBox, StorageError> {
    artifacts::lock(tx, name).await?;
    let of = of_upload(tx, upload).await?.ok_or(StorageError::NotFound)?;
    if of.name != *name {
        return Err(StorageError::NotFound);
    }
    if !of.is_complete()? {
        let (place, _) = of.row.vagrant_box.upload(upload)?;
        let file = uploaded(tx, &of).await?;
        let (file_id, file) = of.received.zip(file).ok_or(BoxError::NoBytes)?;
        set_received(tx, upload, None).await?;
        let host = (BoxOf::told(name, telling), of.row);
        boxes::host(tx, host, &place, upload, (file_id, &file), now).await?;
    }
    boxes::find(tx, name, ReadAccess::All).await
}

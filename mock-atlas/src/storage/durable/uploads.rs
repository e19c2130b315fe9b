//! Receives what comes through an upload path: the file of a version, or that of a box.

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use uuid::Uuid;

use super::DurableCatalog;
use super::box_uploads::{self, BoxUploadRow};
use super::boxes::BoxOf;
use super::database::{RowLock, Tx, values};
use super::files::{FileRow, delete_unnamed};
use super::quotas::{self, Replaced};
use super::versions::{self, UploadRow};
use super::webhooks::Telling;
use super::{artifacts, boxes};
use crate::domain::{Allowance, BOX_TYPE, FileState, Name};
use crate::storage::{
    BackendError, Blob, StorageError, TypeKey, UploadAttempt, UploadTarget, VersionKey,
};

/// The target of an upload, as the database has it.
enum Target {
    Version(UploadRow),
    Box(BoxUploadRow),
}

/// Says what became of a file that was kept before the transaction.
enum Finished {
    Named,
    /// The same bytes were there already.
    Unneeded,
}

/// Methods that concern uploads. [`Catalog`](crate::storage::Catalog) documents them.
impl DurableCatalog {
    pub(crate) async fn upload_target(&self, upload: Uuid) -> Result<UploadTarget, StorageError> {
        let find = self.database.read(move |tx| {
            Box::pin(async move {
                Ok::<_, StorageError>(match target(tx, upload).await? {
                    Target::Version(row) => UploadTarget::Version(key(&row)),
                    Target::Box(row) => UploadTarget::Box(Arc::new(row.name().clone())),
                })
            })
        });
        find.await
    }

    pub(crate) async fn upload_slug(&self, upload: Uuid) -> Result<String, StorageError> {
        let find = self.database.read(move |tx| {
            Box::pin(async move {
                match target(tx, upload).await? {
                    Target::Version(row) => {
                        Ok(row.artifact.slug(&row.artifact_type, row.version.number))
                    }
                    Target::Box(row) => row.slug(),
                }
            })
        });
        find.await
    }

    // Contract: silent.wrong-uploads
    pub(crate) async fn begin_upload(
        &self,
        upload: Uuid,
        announced: Option<u64>,
    ) -> Result<Arc<UploadAttempt>, StorageError> {
        let begin = self.database.read(move |tx| {
            Box::pin(async move {
                let target = target(tx, upload).await?;
                let awaits = match &target {
                    Target::Version(row) => match row.version.file {
                        FileState::None => return Err(StorageError::NoFileExpected),
                        FileState::Awaited => true,
                        FileState::Stored => false,
                    },
                    Target::Box(row) => !row.is_complete()?,
                };
                let allowance = match awaits {
                    true => allowance(tx, &target).await?,
                    false => None,
                };
                Ok((awaits, allowance))
            })
        });
        let (awaits, allowance) = begin.await?;
        let attempt = Arc::new(UploadAttempt::new(announced, allowance));
        if awaits {
            self.attempts.insert(upload, Arc::clone(&attempt));
        }
        Ok(attempt)
    }

    pub(crate) async fn finish_upload(&self, upload: Uuid, blob: Blob) -> Result<(), StorageError> {
        let file = self.files.keep(&blob).await?;
        let (row, now) = (file.row.clone(), self.clock.now());
        // The path of an upload names no user.
        let telling = Telling::new(None, now);
        let told = Arc::clone(&telling);
        let finish = self.database.write(move |tx| {
            Box::pin(async move { finish(tx, upload, &row, (&telling, now)).await })
        });
        let finished = finish.await;
        match finished {
            Ok(Finished::Named) => {
                self.wake_if_told(&told);
                self.attempts.remove(&upload);
                Ok(())
            }
            Ok(Finished::Unneeded) => {
                self.files.discard(file).await;
                Ok(())
            }
            Err(error) => {
                self.files.discard(file).await;
                Err(error)
            }
        }
    }

    pub(crate) async fn uploaded(&self, upload: Uuid) -> Result<Option<Blob>, StorageError> {
        let find = self.database.read(move |tx| {
            Box::pin(async move {
                let target = target(tx, upload).await?;
                stored(tx, &target).await
            })
        });
        match find.await? {
            Some(file) => Ok(Some(
                self.files.read(file).await.map_err(BackendError::from)?,
            )),
            None => Ok(None),
        }
    }

    pub(crate) async fn upload_age(&self, upload: Uuid) -> Result<Duration, StorageError> {
        let find = self.database.read(move |tx| {
            Box::pin(async move {
                match target(tx, upload).await? {
                    Target::Version(row) => Ok::<_, StorageError>(row.version.created),
                    Target::Box(row) => row.created(),
                }
            })
        });
        let created = find.await?;
        // A clock that was set back gives an age of zero.
        Ok(self.clock.now().duration_since(created).unwrap_or_default())
    }

    pub(crate) async fn expire_upload(&self, upload: Uuid) -> Result<(), StorageError> {
        let expire = self.database.write(move |tx| {
            Box::pin(async move {
                let owner = match lock_target(tx, upload).await {
                    Err(StorageError::NotFound) => return Ok(()),
                    locked => locked?,
                };
                // The version keeps an upload, whose id nobody is told.
                let sql = "UPDATE version SET upload = $1 WHERE upload = $2";
                tx.execute(sql, &values![Uuid::new_v4(), upload]).await?;
                let sql = "DELETE FROM box_upload WHERE id = $1 RETURNING file_id";
                let mut files = Vec::new();
                for mut row in tx.rows(sql, &values![upload]).await? {
                    files.extend(row.take::<Option<i64>>()?);
                }
                let bytes = delete_unnamed(tx, files).await?;
                Ok::<_, StorageError>(quotas::give_back(tx, &owner, bytes).await?)
            })
        });
        expire.await
    }
}

/// Locks what an upload is for: its artifact, as every other change does first, and its version. Returns the owner.
async fn lock_target(tx: Tx<'_>, upload: Uuid) -> Result<Name, StorageError> {
    let row = match target(tx, upload).await? {
        Target::Box(row) => {
            artifacts::lock(tx, row.name()).await?;
            return Ok(row.name().username.clone());
        }
        Target::Version(row) => row,
    };
    // The file of a box changes the box, too.
    let lock = match row.artifact_type.as_str() {
        BOX_TYPE => RowLock::Exclusive,
        _ => RowLock::Shared,
    };
    artifacts::get_locked(tx, &row.artifact, lock).await?;
    let sql = "SELECT 1 FROM version WHERE id = $1";
    tx.locked_row(sql, &values![row.id], RowLock::Exclusive)
        .await?;
    Ok(row.artifact.username)
}

/// Returns what the quota of a target's owner allows; `None` without a quota.
async fn allowance(tx: Tx<'_>, target: &Target) -> Result<Option<Allowance>, StorageError> {
    let (owner, has_quota, replaced) = match target {
        Target::Version(row) => (&row.artifact.username, row.has_quota, 0),
        Target::Box(row) => (&row.name().username, row.has_quota, row.replaced()?.bytes),
    };
    if !has_quota {
        return Ok(None);
    }
    let quota = quotas::find(tx, owner).await?;
    Ok(quota.map(|quota| Allowance { quota, replaced }))
}

async fn target(tx: Tx<'_>, upload: Uuid) -> Result<Target, StorageError> {
    if let Some(row) = versions::of_upload(tx, upload).await? {
        return Ok(Target::Version(row));
    }
    let row = box_uploads::of_upload(tx, upload).await?;
    row.map(Target::Box).ok_or(StorageError::NotFound)
}

fn key(row: &UploadRow) -> VersionKey {
    VersionKey {
        of: Arc::new(TypeKey {
            artifact: row.artifact.clone(),
            artifact_type: row.artifact_type.clone(),
        }),
        number: row.version.number,
    }
}

/// Returns the file that an upload has brought; `None` if it has not come.
async fn stored(tx: Tx<'_>, target: &Target) -> Result<Option<FileRow>, StorageError> {
    match target {
        Target::Version(row) => Ok(versions::stored_file(tx, row.id).await?),
        Target::Box(row) => box_uploads::uploaded(tx, row).await,
    }
}

// Contract: uploads.same-again
async fn finish(
    tx: Tx<'_>,
    upload: Uuid,
    file: &FileRow,
    (telling, now): (&Telling, SystemTime),
) -> Result<Finished, StorageError> {
    let owner = &lock_target(tx, upload).await?;
    let target = target(tx, upload).await?;
    if let Some(stored) = stored(tx, &target).await? {
        return match stored.facts.digest == file.facts.digest {
            true => Ok(Finished::Unneeded),
            false => Err(StorageError::OtherBytes),
        };
    }
    match target {
        Target::Version(row) if row.version.file == FileState::None => {
            Err(StorageError::NoFileExpected)
        }
        Target::Version(row) => {
            versions::store_file(tx, &row, file, telling).await?;
            let of = (BoxOf::told(&row.artifact, telling), row.artifact_id);
            boxes::add_pushed(tx, of, &row.artifact_type, &row.version, file, now).await?;
            if row.has_quota {
                quotas::take(tx, owner, file.facts.len, Replaced::default()).await?;
            }
            Ok(Finished::Named)
        }
        Target::Box(row) => {
            let (has_quota, replaced) = (row.has_quota, row.replaced()?);
            box_uploads::store_file(tx, row, file, (telling, now)).await?;
            if has_quota {
                quotas::take(tx, owner, file.facts.len, replaced).await?;
            }
            Ok(Finished::Named)
        }
    }
}

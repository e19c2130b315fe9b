//! Operations on the whole catalog, and those that concern artifact versions and boxes at once.

use uuid::Uuid;

use super::database::Tx;
use super::files::delete_unnamed;
use super::versions::{self, VERSION};
use super::webhooks::{self, Telling};
use super::{DurableCatalog, artifacts, boxes, channels, quotas};
use crate::domain::{
    ArtifactName, BOX_TYPE, EventKind, Name, Orphan, OrphanState, OrphanTarget, Subject, Totals,
};
use crate::storage::upload::awaited;
use crate::storage::{BackendError, StorageError};

/// Deletes a version. A provider of a box that refers to its file has none then.
///
/// # Errors
/// [`StorageError::NotFound`].
pub(super) async fn delete_version(
    tx: Tx<'_>,
    name: &ArtifactName,
    (artifact_type, number): (&Name, u64),
    telling: &Telling,
) -> Result<(), StorageError> {
    let artifact = artifacts::lock(tx, name).await?;
    let type_id = versions::type_id(tx, artifact.id, artifact_type).await?;
    let type_id = type_id.ok_or(StorageError::NotFound)?;
    channels::check_unused(tx, type_id, number).await?;
    if webhooks::are_there(tx).await?
        && let Some(facts) = versions::visible_facts(tx, type_id, (artifact_type, number)).await?
    {
        let subject = Subject::of_version(name, telling.by(), facts);
        webhooks::tell(tx, telling, EventKind::VersionDeleted, subject).await?;
    }
    let file = versions::delete(tx, type_id, number).await?;
    if artifact_type.as_str() == BOX_TYPE {
        boxes::forget_file(tx, name, number, telling).await?;
    }
    let bytes = delete_unnamed(tx, file).await?;
    Ok(quotas::give_back(tx, &name.username, bytes).await?)
}

/// Methods that concern many entries. [`Catalog`](crate::storage::Catalog) documents them.
impl DurableCatalog {
    pub(crate) async fn orphans(&self) -> Result<Vec<Orphan>, StorageError> {
        let read = self.database.read(|tx| {
            Box::pin(async move {
                let mut found = awaited_versions(tx).await?;
                found.extend(awaited_providers(tx).await?);
                Ok::<_, StorageError>(found)
            })
        });
        let mut orphans: Vec<Orphan> = read
            .await?
            .into_iter()
            .map(|(upload, orphan)| self.with_attempt(upload, orphan))
            .collect();
        orphans.sort_by(|a, b| (&a.artifact, &a.target).cmp(&(&b.artifact, &b.target)));
        Ok(orphans)
    }

    fn with_attempt(&self, upload: Uuid, orphan: Orphan) -> Orphan {
        if orphan.state == OrphanState::Complete {
            return orphan;
        }
        let attempt = self.attempts.get(&upload);
        let Orphan {
            artifact,
            target,
            since,
            ..
        } = orphan;
        awaited(
            &artifact,
            target,
            since,
            attempt.as_ref().map(|attempt| &***attempt),
        )
    }

    pub(crate) async fn totals(&self) -> Result<Totals, StorageError> {
        let count = self.database.read(|tx| {
            Box::pin(async move {
                let sql = "SELECT
                    (SELECT count(*) FROM artifact WHERE is_deleted = 0),
                    (SELECT count(*) FROM artifact WHERE vagrant_box IS NOT NULL),
                    (SELECT CAST(coalesce(sum(box_versions), 0) AS BIGINT) FROM artifact
                        WHERE vagrant_box IS NOT NULL),
                    (SELECT count(*) FROM version),
                    (SELECT CAST(coalesce(sum(size), 0) AS BIGINT) FROM file WHERE state = 1),
                    (SELECT count(*) FROM file WHERE damage IS NOT NULL),
                    (SELECT count(*) FROM delivery WHERE state = 0)";
                let counted = tx.row(sql, &[]).await?;
                let mut row = counted.ok_or_else(|| BackendError::new("nothing was counted"))?;
                Ok::<_, StorageError>(Totals {
                    artifacts: row.take()?,
                    boxes: row.take()?,
                    box_versions: row.take()?,
                    versions: row.take()?,
                    memory_bytes: 0,
                    disk_bytes: row.take()?,
                    damaged_files: row.take()?,
                    pending_deliveries: row.take()?,
                })
            })
        });
        count.await
    }
}

async fn awaited_versions(tx: Tx<'_>) -> Result<Vec<(Uuid, Orphan)>, BackendError> {
    let sql = format!(
        "SELECT a.username, a.name, t.name, {VERSION} FROM version v
        JOIN artifact_type t ON t.id = v.type_id JOIN artifact a ON a.id = t.artifact_id
        WHERE v.file_state = 1"
    );
    let mut found = Vec::new();
    for mut row in tx.rows(&sql, &[]).await? {
        let artifact = ArtifactName {
            username: row.take()?,
            name: row.take()?,
        };
        let artifact_type = row.take()?;
        let version = versions::read(&mut row)?;
        let target = OrphanTarget::Version {
            artifact_type,
            number: version.number,
            id: version.id,
        };
        let orphan = awaited(&artifact, target, version.created, None);
        found.push((version.upload, orphan));
    }
    Ok(found)
}

async fn awaited_providers(tx: Tx<'_>) -> Result<Vec<(Uuid, Orphan)>, StorageError> {
    let sql = "SELECT u.id, file.size FROM box_upload u JOIN file ON file.id = u.file_id";
    let mut received = Vec::new();
    for mut row in tx.rows(sql, &[]).await? {
        received.push((row.take::<Uuid>()?, row.take::<u64>()?));
    }
    let mut found = Vec::new();
    for one in boxes::all(tx).await? {
        for (version, provider, upload) in one.vagrant_box.uploads() {
            if upload.is_complete {
                continue;
            }
            let target = OrphanTarget::Provider {
                version: version.clone(),
                provider: provider.name.clone(),
                architecture: provider.architecture.clone(),
            };
            let mut orphan = awaited(&one.name, target, upload.created, None);
            if let Some((_, bytes)) = received.iter().find(|(id, _)| *id == upload.id) {
                orphan.state = OrphanState::Complete;
                orphan.received = *bytes;
                orphan.announced = Some(*bytes);
            }
            found.push((upload.id, orphan));
        }
    }
    Ok(found)
}

//! Creates the next version of a type in one statement. SQLite, which needs no network for a statement, knows
//! none that changes several tables.

use std::sync::Arc;
use std::time::SystemTime;

use uuid::Uuid;

use super::{facts, metadata_json, state_number, tags, unnumbered};
use crate::domain::{
    ArtifactName, EventKind, HIGHEST, Name, NewVersion, ReadAccess, Subject, Version,
};
use crate::storage::durable::artifacts;
use crate::storage::durable::database::{Tx, values};
use crate::storage::durable::webhooks::{Telling, json};
use crate::storage::{BackendError, StorageError};

/// The statement, which returns the number of artifacts of this name, and that of the new version. The artifact is
/// locked, so that it is not deleted meanwhile. The tags come as one text of 16 bytes each.
const SQL: &str = concat!(
    include_str!("creation.sql"),
    ") SELECT (SELECT count(*) FROM found), (SELECT last_number FROM numbered), 0"
);

/// The statement for a version that can be found at once, which writes the deliveries to webhooks as well. It returns
/// their number.
const SQL_TELLING: &str = concat!(
    include_str!("creation.sql"),
    "), told AS (
        INSERT INTO delivery
        (webhook, event, kind, time, subject, number, state, claimed, attempts, began, due)
        SELECT webhook.id, $12, $13, $10, $14, last_number, 0, 0, 0, $10, $10
        FROM numbered, webhook
        WHERE (events & $15) <> 0 AND (place IS NULL OR place = $1 OR place = $16) RETURNING id
    ) SELECT (SELECT count(*) FROM found), (SELECT last_number FROM numbered),
    (SELECT count(*) FROM told)"
);

/// Creates the next version of a type.
///
/// # Errors
/// The errors of [`super::create`].
pub(super) async fn create(
    tx: Tx<'_>,
    name: &ArtifactName,
    artifact_type: &Name,
    new: NewVersion,
    (telling, created): (&Telling, SystemTime),
) -> Result<Arc<Version>, StorageError> {
    if let Err(error) = new.check(artifact_type) {
        artifacts::find(tx, name, ReadAccess::All).await?;
        return Err(error.into());
    }
    let mut version = unnumbered(new, artifact_type, created);
    let tags: Vec<u8> = match version.is_visible() {
        true => tags(&version).flatten().collect(),
        false => Vec::new(),
    };
    let mut values = values![
        &name.username,
        &name.name,
        artifact_type,
        HIGHEST,
        &*version.id,
        version.build,
        metadata_json(&version)?,
        version.upload,
        state_number(version.file),
        version.created,
        tags.as_slice(),
    ]
    .to_vec();
    let mut sql = SQL;
    if version.is_visible() {
        sql = SQL_TELLING;
        let kind = EventKind::VersionPublished;
        // The statement alone knows the number.
        let facts = facts(artifact_type, &version, None);
        let subject = Subject::of_version(name, telling.by(), facts);
        values.extend(values![
            Uuid::new_v4(),
            kind.name(),
            json(&Some(&subject))?,
            kind.bit(),
            name.to_string(),
        ]);
    }
    let made = tx.row(sql, &values).await?;
    let mut row = made.ok_or_else(|| BackendError::new("no row came of an insertion"))?;
    let (artifacts, number): (i64, Option<u64>) = (row.take()?, row.take()?);
    if row.take::<i64>()? > 0 {
        telling.set_told();
    }
    if artifacts == 0 {
        return Err(StorageError::NotFound);
    }
    version.number = number.ok_or(StorageError::NoNumber)?;
    Ok(Arc::new(version))
}

//! Creates the next version of a type in one statement. SQLite, which needs no network for a statement, knows
//! none that changes several tables.

use std::sync::Arc;
use std::time::SystemTime;

use super::{metadata_json, state_number, tags, unnumbered};
use crate::domain::{ArtifactName, HIGHEST, Name, NewVersion, ReadAccess, Version};
use crate::storage::durable::artifacts;
use crate::storage::durable::database::{Tx, values};
use crate::storage::{BackendError, StorageError};

/// The statement, which returns the number of artifacts of this name, and that of the new version. The artifact is
/// locked, so that it is not deleted meanwhile. The tags come as one text of 16 bytes each.
const SQL: &str = include_str!("creation.sql");

/// Creates the next version of a type.
///
/// # Errors
/// The errors of [`super::create`].
pub(super) async fn create(
    tx: Tx<'_>,
    name: &ArtifactName,
    artifact_type: &Name,
    new: NewVersion,
    created: SystemTime,
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
    let values = values![
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
    ];
    let made = tx.row(SQL, &values).await?;
    let mut row = made.ok_or_else(|| BackendError::new("no row came of an insertion"))?;
    let (artifacts, number): (i64, Option<u64>) = (row.take()?, row.take()?);
    if artifacts == 0 {
        return Err(StorageError::NotFound);
    }
    version.number = number.ok_or(StorageError::NoNumber)?;
    Ok(Arc::new(version))
}

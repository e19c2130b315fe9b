//! Descriptions of files: a JSON object beside each file in the store, from which the database can be made
//! anew if it is lost.
//!
//! - `describer`: writes them in the background; `rebuild`: makes a database of them
//!
//! A description has the form of a snapshot's records, with what names the file alone: the version with its
//! artifact and the last number of its type, and the box if it is the file of one. The row of a file counts
//! the changes since it was described, so that descriptions follow within seconds, whatever stops the
//! process, and no client waits for them.

mod describer;
mod rebuild;
#[cfg(test)]
mod tests;

use bytes::Bytes;
use serde::{Deserialize, Serialize};

use super::boxes;
use super::database::{Row, Tx, values};
use super::files::FileRow;
use super::versions::{self, VERSION};
use crate::domain::{ArtifactName, BOX_TYPE, Name};
use crate::storage::record::{TypeRecord, VersionRecord};
use crate::storage::{ArtifactRecord, BackendError};
pub(super) use describer::describe_forever;

/// The version of the form of descriptions.
const FORMAT: u32 = 1;

/// The largest size in bytes of a description that is read. The largest is that of a box with many versions.
const MOST_OF_DESCRIPTION: u64 = 64 * 1024 * 1024;

/// The largest number of versions of one file that are described. More than one version has a file only in an
/// imported snapshot in which files of the same bytes are one.
const MOST_VERSIONS: i64 = 1000;

/// A description of a file.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Description {
    format: u32,
    size: u64,
    sha256: String,
    /// The artifacts that name the file, by its BLAKE3. Each artifact has one type with one version.
    artifacts: Vec<ArtifactRecord>,
}

/// The part of a description that does not depend on its form.
#[derive(Debug, Deserialize)]
struct FormatOnly {
    format: u32,
}

impl Description {
    /// Describes a file; `None` if no version has it, since an upload of a box awaits its callback.
    async fn of(tx: Tx<'_>, id: i64, file: &FileRow) -> Result<Option<Self>, BackendError> {
        let sql = format!(
            "SELECT a.username, a.name, a.is_public, t.name, t.last_number, {VERSION},
                a.vagrant_box IS NOT NULL, a.vagrant_box, a.downloads
            FROM version v JOIN artifact_type t ON t.id = v.type_id JOIN artifact a ON a.id = t.artifact_id
            WHERE v.file_id = $1 ORDER BY v.id LIMIT $2"
        );
        let rows = tx.rows(&sql, &values![id, MOST_VERSIONS]).await?;
        let artifacts = rows.into_iter().map(|mut row| record(&mut row, file));
        let artifacts: Vec<ArtifactRecord> = artifacts.collect::<Result<_, _>>()?;
        Ok((!artifacts.is_empty()).then(|| Self {
            format: FORMAT,
            size: file.facts.len,
            sha256: file.facts.sha256.to_string(),
            artifacts,
        }))
    }

    fn to_json(&self) -> Result<Bytes, BackendError> {
        let json =
            serde_json::to_vec(self).map_err(|error| BackendError::new(error.to_string()))?;
        Ok(json.into())
    }

    /// Reads a description.
    ///
    /// # Errors
    /// A text that says why it cannot be read.
    fn parse(json: &[u8]) -> Result<Self, String> {
        let FormatOnly { format } =
            serde_json::from_slice(json).map_err(|error| error.to_string())?;
        if format != FORMAT {
            return Err(format!(
                "it has the format {format}, and this program reads the format {FORMAT}"
            ));
        }
        serde_json::from_slice(json).map_err(|error| error.to_string())
    }
}

fn record(row: &mut Row, file: &FileRow) -> Result<ArtifactRecord, BackendError> {
    let name = ArtifactName {
        username: row.take()?,
        name: row.take()?,
    };
    let public = row.take()?;
    let (artifact_type, last): (Name, u64) = (row.take()?, row.take()?);
    let version = versions::read(row)?;
    let is_of_box = artifact_type.as_str() == BOX_TYPE;
    let vagrant_box = match row.take::<bool>()? && is_of_box {
        true => Some(boxes::parse(row)?),
        false => None,
    };
    let digest = file.facts.digest.to_string();
    Ok(ArtifactRecord {
        name,
        public,
        deleted: false,
        types: vec![TypeRecord {
            artifact_type,
            last,
            channels: Default::default(),
            versions: vec![VersionRecord::new(&version, Some(digest))],
        }],
        vagrant_box,
        received: Default::default(),
    })
}

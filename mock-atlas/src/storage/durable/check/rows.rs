//! Checks versions and their numbers, and the index of searches.

use super::{Damage, Page};
use crate::domain::{ArtifactName, FileState, Name, Version};
use crate::storage::BackendError;
use crate::storage::durable::database::{Row, Tx, values};
use crate::storage::durable::files::READY;
use crate::storage::durable::quotas;
use crate::storage::durable::versions::{self, VERSION, tag};

/// The number of rows in a page.
const PAGE: i64 = 500;

/// The largest number of damages that one statement tells.
const MOST: i64 = 1000;

/// Checks that no type gives a number again.
pub(super) async fn counters(tx: Tx<'_>) -> Result<Vec<Damage>, BackendError> {
    let sql = "SELECT a.username, a.name, t.name, t.last_number, v.number FROM artifact_type t
        JOIN artifact a ON a.id = t.artifact_id JOIN version v ON v.type_id = t.id
        WHERE v.number > t.last_number
            AND v.number = (SELECT max(number) FROM version WHERE type_id = t.id) LIMIT $1";
    let rows = tx.rows(sql, &values![MOST]).await?;
    let damage = |mut row: Row| {
        let name = take_name(&mut row)?;
        let artifact_type: Name = row.take()?;
        let (last, highest): (u64, u64) = (row.take()?, row.take()?);
        let how = format!("its last number is {last}, and there is a version {highest}");
        Ok(Damage::new(format!("{name}/{artifact_type}"), how))
    };
    rows.into_iter().map(damage).collect()
}

fn take_name(row: &mut Row) -> Result<ArtifactName, BackendError> {
    Ok(ArtifactName {
        username: row.take()?,
        name: row.take()?,
    })
}

/// A version's row.
struct VersionRow {
    slug: String,
    type_id: i64,
    version: Version,
    /// The state of its file's row; `None` without one.
    file: Option<i64>,
}

/// Checks versions after one of them: that their metadata can be read, that each has the file that it should
/// have, and that searches find it.
pub(super) async fn versions(tx: Tx<'_>, after: i64) -> Result<Page, BackendError> {
    let sql = format!(
        "SELECT v.id, a.username, a.name, t.name, v.type_id, file.state, {VERSION} FROM version v
        JOIN artifact_type t ON t.id = v.type_id JOIN artifact a ON a.id = t.artifact_id
        LEFT JOIN file ON file.id = v.file_id WHERE v.id > $1 ORDER BY v.id LIMIT $2"
    );
    let rows = tx.rows(&sql, &values![after, PAGE]).await?;
    let (mut page, found) = Page::read(rows, "the version", read)?;
    for found in found {
        match found {
            Ok((_, version)) => page.damages.extend(examine(tx, &version).await?),
            Err(damage) => page.damages.push(damage),
        }
    }
    Ok(page)
}

fn read(row: &mut Row) -> Result<VersionRow, BackendError> {
    let (name, artifact_type): (_, Name) = (take_name(row)?, row.take()?);
    let (type_id, file) = (row.take()?, row.take()?);
    let version = versions::read(row)?;
    Ok(VersionRow {
        slug: name.slug(&artifact_type, version.number),
        type_id,
        version,
        file,
    })
}

async fn examine(tx: Tx<'_>, row: &VersionRow) -> Result<Option<Damage>, BackendError> {
    let how = match (row.version.file, row.file) {
        (FileState::Stored, None) => Some("its file has no row"),
        (FileState::Stored, Some(state)) if state != READY => Some("its file is not ready"),
        (FileState::None | FileState::Awaited, Some(_)) => {
            Some("it has a file and should have none")
        }
        _ if row.version.is_visible() && !has_tags(tx, row).await? => {
            Some("searches for its metadata do not find it")
        }
        _ => None,
    };
    Ok(how.map(|how| Damage::new(row.slug.clone(), how)))
}

async fn has_tags(tx: Tx<'_>, row: &VersionRow) -> Result<bool, BackendError> {
    let sql = "SELECT 1 FROM version_tag WHERE type_id = $1 AND tag = $2 AND number = $3";
    for (key, value) in row.version.metadata.iter() {
        for tag in [tag(key, None), tag(key, Some(value))] {
            let entry = values![row.type_id, tag, row.version.number];
            if tx.row(sql, &entry).await?.is_none() {
                return Ok(false);
            }
        }
    }
    Ok(true)
}

/// Checks that each channel points at a version that searches find.
pub(super) async fn channels(tx: Tx<'_>) -> Result<Vec<Damage>, BackendError> {
    let sql = "SELECT a.username, a.name, t.name, c.name, c.version FROM channel c
        JOIN artifact_type t ON t.id = c.type_id JOIN artifact a ON a.id = t.artifact_id
        LEFT JOIN version v ON v.type_id = c.type_id AND v.number = c.version AND v.file_state <> 1
        WHERE v.id IS NULL LIMIT $1";
    let rows = tx.rows(sql, &values![MOST]).await?;
    let damage = |mut row: Row| {
        let (name, artifact_type) = (take_name(&mut row)?, row.take::<Name>()?);
        let (channel, version): (String, u64) = (row.take()?, row.take()?);
        let how = format!("it points at the version {version}, which is not there: set it again");
        Ok(Damage::new(
            format!("{name}/{artifact_type}/{channel}"),
            how,
        ))
    };
    rows.into_iter().map(damage).collect()
}

/// Checks that the bytes that count against quotas are those of the files.
pub(super) async fn quotas(tx: Tx<'_>) -> Result<Vec<Damage>, BackendError> {
    let found = quotas::miscounted(tx).await?.into_iter();
    let damage = |of: quotas::Miscounted| {
        let how = format!(
            "{} bytes are counted, and its files have {}: set the quota again",
            of.counted, of.used
        );
        Damage::new(format!("the quota of {}", of.owner), how)
    };
    Ok(found.map(damage).collect())
}

/// Checks that searches find no version that is not there.
pub(super) async fn stray_tags(tx: Tx<'_>) -> Result<Vec<Damage>, BackendError> {
    let sql = "SELECT DISTINCT g.type_id, g.number FROM version_tag g
        LEFT JOIN version v ON v.type_id = g.type_id AND v.number = g.number
        WHERE v.id IS NULL OR v.file_state = 1 LIMIT $1";
    let rows = tx.rows(sql, &values![MOST]).await?;
    let damage = |mut row: Row| {
        let (type_id, number): (i64, u64) = (row.take()?, row.take()?);
        let what = format!("the version {number} of the type in row {type_id}");
        Ok(Damage::new(what, "searches find it, and it is not there"))
    };
    rows.into_iter().map(damage).collect()
}

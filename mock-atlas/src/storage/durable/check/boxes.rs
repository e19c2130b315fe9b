//! Checks Vagrant boxes, with the versions and the uploads that they name.

use std::collections::BTreeSet;

use uuid::Uuid;

use super::{Damage, Page};
use crate::domain::{ArtifactName, BOX_TYPE, HostedFile, Sha256Digest, VagrantBox};
use crate::storage::BackendError;
use crate::storage::durable::boxes;
use crate::storage::durable::database::{Row, Tx, values};

/// The number of boxes in a page.
const PAGE: i64 = 50;

/// Checks boxes after one of them: that they can be read, and that each file and each upload that a box names
/// is there.
pub(super) async fn boxes(tx: Tx<'_>, after: i64) -> Result<Page, BackendError> {
    let sql = "SELECT id, username, name, vagrant_box, downloads FROM artifact
        WHERE vagrant_box IS NOT NULL AND id > $1 ORDER BY id LIMIT $2";
    let rows = tx.rows(sql, &values![after, PAGE]).await?;
    let (mut page, found) = Page::read(rows, "the box", read)?;
    for found in found {
        match found {
            Ok((id, (name, found))) => {
                page.damages.extend(examine(tx, id, &name, &found).await?);
            }
            Err(damage) => page.damages.push(damage),
        }
    }
    Ok(page)
}

fn read(row: &mut Row) -> Result<(ArtifactName, VagrantBox), BackendError> {
    let name = ArtifactName {
        username: row.take()?,
        name: row.take()?,
    };
    Ok((name, boxes::parse(row)?))
}

async fn examine(
    tx: Tx<'_>,
    id: i64,
    name: &ArtifactName,
    vagrant_box: &VagrantBox,
) -> Result<Vec<Damage>, BackendError> {
    let mut damages = Vec::new();
    for (version, provider) in vagrant_box.providers() {
        let Some(file) = provider.hosted() else {
            continue;
        };
        if let Some(how) = examine_file(tx, id, file).await? {
            let slug = name.provider_slug(version, &provider.name, &provider.architecture);
            damages.push(Damage::new(slug, how));
        }
    }
    if !has_uploads(tx, id, vagrant_box).await? {
        let how = "its uploads are not those that the database knows";
        damages.push(Damage::new(name.to_string(), how));
    }
    Ok(damages)
}

/// Compares the file that a provider names with that of the version.
async fn examine_file(
    tx: Tx<'_>,
    id: i64,
    file: &HostedFile,
) -> Result<Option<String>, BackendError> {
    let sql = "SELECT file.size, file.sha256 FROM artifact_type t
        JOIN version v ON v.type_id = t.id JOIN file ON file.id = v.file_id
        WHERE t.artifact_id = $1 AND t.name = $2 AND v.number = $3";
    let Some(mut row) = tx.row(sql, &values![id, BOX_TYPE, file.number]).await? else {
        let how = format!(
            "it names the file of version {} of {BOX_TYPE}, which has none",
            file.number
        );
        return Ok(Some(how));
    };
    let (len, sha256): (u64, Option<[u8; 32]>) = (row.take()?, row.take()?);
    let sha256 = sha256.map(|digest| Sha256Digest::from(digest).to_string());
    let is_same = len == file.len && sha256.as_ref() == Some(&file.sha256);
    Ok((!is_same).then(|| "it names another size or SHA-256 than that of its file".to_owned()))
}

async fn has_uploads(tx: Tx<'_>, id: i64, vagrant_box: &VagrantBox) -> Result<bool, BackendError> {
    let named: BTreeSet<Uuid> = vagrant_box
        .uploads()
        .map(|(_, _, upload)| upload.id)
        .collect();
    let rows = tx
        .rows(
            "SELECT id FROM box_upload WHERE artifact_id = $1",
            &values![id],
        )
        .await?;
    let known: Result<BTreeSet<Uuid>, _> = rows.into_iter().map(|mut row| row.take()).collect();
    Ok(named == known?)
}

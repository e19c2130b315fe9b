//! Lists of artifacts, of their types, and of the files of their versions.

use std::cmp::Reverse;
use std::ops::RangeInclusive;

use super::database::{Tx, Value, values};
use super::{DurableCatalog, artifacts, versions};
use crate::domain::{ArtifactName, Caller, Digest, Name, ReadAccess};
use crate::storage::{
    ArtifactsQuery, BackendError, ListedArtifact, ListedFile, ListedType, StorageError,
};

/// Methods that list. [`Catalog`](crate::storage::Catalog) documents them.
impl DurableCatalog {
    pub(crate) async fn artifacts(
        &self,
        query: ArtifactsQuery,
    ) -> Result<Vec<ListedArtifact>, StorageError> {
        let list = self
            .database
            .read(move |tx| Box::pin(async move { artifacts(tx, &query).await }));
        Ok(list.await?)
    }

    pub(crate) async fn types(
        &self,
        name: &ArtifactName,
        access: ReadAccess,
    ) -> Result<Vec<ListedType>, StorageError> {
        let name = name.clone();
        let list = self
            .database
            .read(move |tx| Box::pin(async move { types(tx, &name, access).await }));
        list.await
    }

    pub(crate) async fn listed_files(
        &self,
        name: &ArtifactName,
        artifact_type: &Name,
        access: ReadAccess,
        numbers: RangeInclusive<u64>,
    ) -> Result<Vec<ListedFile>, StorageError> {
        let (name, artifact_type) = (name.clone(), artifact_type.clone());
        let list = self.database.read(move |tx| {
            Box::pin(async move {
                match versions::find_type(tx, &name, &artifact_type, access).await? {
                    Some(type_id) => Ok(files(tx, type_id, numbers).await?),
                    None => Ok(Vec::new()),
                }
            })
        });
        list.await
    }
}

/// Conditions of lists: all artifacts, those that everybody may read, and those in the namespaces in which a user, `$2`,
/// has a role.
const ALL: &str = "0 = 0";
const PUBLIC: &str = "is_public = 1";
const OF_USER: &str = "username IN
    (SELECT CAST($2 AS TEXT) UNION ALL SELECT organization FROM member WHERE username = $2)";

/// Returns a page of artifacts, which the order of their ids gives: an artifact that is deleted and created again
/// keeps its id. Those that everybody may read and those of the caller's own namespaces are looked for apart, since
/// each has an index.
async fn artifacts(
    tx: Tx<'_>,
    query: &ArtifactsQuery,
) -> Result<Vec<ListedArtifact>, BackendError> {
    let user = match &query.readable_by {
        Some(Caller::Anonymous) => return page(tx, query, PUBLIC, None).await,
        Some(Caller::Known(account)) if !account.is_everywhere() => &account.username,
        None | Some(Caller::Known(_)) => return page(tx, query, ALL, None).await,
    };
    let mut listed = page(tx, query, PUBLIC, None).await?;
    listed.extend(page(tx, query, OF_USER, Some(user)).await?);
    listed.sort_by_key(|artifact| Reverse(artifact.place));
    listed.dedup_by_key(|artifact| artifact.place);
    listed.truncate(query.most);
    Ok(listed)
}

/// Returns a page of the artifacts that fulfil a condition, which may name a user.
async fn page(
    tx: Tx<'_>,
    query: &ArtifactsQuery,
    condition: &str,
    user: Option<&Name>,
) -> Result<Vec<ListedArtifact>, BackendError> {
    let below = i64::try_from(query.below.unwrap_or(u64::MAX)).unwrap_or(i64::MAX);
    let mut sql = format!(
        "SELECT id, username, name, is_public, vagrant_box IS NOT NULL FROM artifact
        WHERE is_deleted = 0 AND id < $1 AND {condition}"
    );
    let mut values: Vec<Value> = values![below].into();
    values.extend(user.map(Value::from));
    if let Some(owner) = &query.owner {
        values.push(owner.into());
        sql.push_str(&format!(" AND username = ${}", values.len()));
    }
    if !query.text.is_empty() {
        values.push(pattern(&query.text).as_str().into());
        let at = values.len();
        sql.push_str(&format!(
            " AND lower(username || '/' || name) LIKE ${at} ESCAPE '!'"
        ));
    }
    values.push((query.most as u64).into());
    sql.push_str(&format!(" ORDER BY id DESC LIMIT ${}", values.len()));
    let mut listed = Vec::new();
    for mut row in tx.rows(&sql, &values).await? {
        listed.push(ListedArtifact {
            place: row.take()?,
            name: ArtifactName {
                username: row.take()?,
                name: row.take()?,
            },
            visibility: artifacts::visibility(row.take()?),
            has_box: row.take()?,
        });
    }
    Ok(listed)
}

/// Returns the pattern of LIKE that finds a text anywhere.
fn pattern(text: &str) -> String {
    let escaped = text.replace('!', "!!").replace('%', "!%");
    format!("%{}%", escaped.replace('_', "!_"))
}

async fn types(
    tx: Tx<'_>,
    name: &ArtifactName,
    access: ReadAccess,
) -> Result<Vec<ListedType>, StorageError> {
    let artifact = artifacts::find(tx, name, access).await?;
    let sql = "SELECT t.name, v.number, v.created FROM artifact_type t
        JOIN version v ON v.type_id = t.id AND v.number =
        (SELECT n.number FROM version n WHERE n.type_id = t.id AND n.file_state <> 1
        ORDER BY n.number DESC LIMIT 1)
        WHERE t.artifact_id = $1";
    let mut listed = Vec::new();
    for mut row in tx.rows(sql, &values![artifact.id]).await? {
        listed.push(ListedType {
            artifact_type: row.take()?,
            newest: row.take()?,
            created: row.take()?,
        });
    }
    // Databases order texts in ways of their own.
    listed.sort_by(|a, b| a.artifact_type.cmp(&b.artifact_type));
    Ok(listed)
}

async fn files(
    tx: Tx<'_>,
    type_id: i64,
    numbers: RangeInclusive<u64>,
) -> Result<Vec<ListedFile>, BackendError> {
    let sql = "SELECT v.number, f.size, f.digest FROM version v JOIN file f ON f.id = v.file_id
        WHERE v.type_id = $1 AND v.number >= $2 AND v.number <= $3 AND v.file_state = 2
        ORDER BY v.number";
    let (lowest, highest) = numbers.into_inner();
    let mut listed = Vec::new();
    for mut row in tx.rows(sql, &values![type_id, lowest, highest]).await? {
        listed.push(ListedFile {
            number: row.take()?,
            size: row.take()?,
            digest: Digest::from(row.take::<[u8; 32]>()?),
        });
    }
    Ok(listed)
}

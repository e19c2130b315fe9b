//! Searches among the versions of a type, by an index of tags.

use std::num::NonZeroU64;
use std::sync::Arc;

use super::database::{Tx, Value, values};
use super::versions::{self, VERSION, tag};
use super::{artifacts, database};
use crate::domain::{ArtifactName, Name, Page, Query, ReadAccess, Select};
use crate::storage::{BackendError, Found, StorageError};

/// The number of versions of a tag up to which tags are compared by how many versions they have.
const COUNTED: u64 = 1000;

/// Returns the versions that a search finds within a page, the newest first.
///
/// # Errors
/// [`StorageError::NotFound`].
// Contract: search.nothing-matches, search.newest-first
pub(super) async fn search(
    tx: Tx<'_>,
    name: &ArtifactName,
    artifact_type: &Name,
    access: ReadAccess,
    query: &Query,
    page: Page,
) -> Result<Found, StorageError> {
    let artifact = artifacts::find(tx, name, access).await?;
    let Some(type_id) = versions::type_id(tx, artifact.id, artifact_type).await? else {
        return Ok(Found::default());
    };
    let Some(chosen) = choose(tx, type_id, query.select, page).await? else {
        return Ok(Found::default());
    };
    let tags = tags(tx, type_id, query).await?;
    let limit = match query.select {
        Select::All => page.versions,
        _ => 1,
    };
    let (sql, values) = statement(type_id, &chosen, &tags, limit);
    let mut found = Vec::with_capacity(limit.min(64));
    for mut row in tx.rows(&sql, &values).await? {
        found.push(Arc::new(versions::read(&mut row)?));
    }
    let is_full = query.select == Select::All && found.len() == limit;
    let below = found.last().and_then(|last| last.number.checked_sub(1));
    Ok(Found {
        next: below
            .filter(|_| is_full)
            .map(|highest| Page { highest, ..page }),
        versions: found,
    })
}

/// The condition of a selection, with its value: on the number of a version, and on its build.
struct Chosen {
    number: (&'static str, u64),
    build: Option<(&'static str, u64)>,
}

/// Returns the condition of a selection; `None` if it can select nothing.
// Contract: search.build-zero
async fn choose(
    tx: Tx<'_>,
    type_id: i64,
    select: Select,
    page: Page,
) -> Result<Option<Chosen>, BackendError> {
    let below = ("<=", page.highest);
    let of_build = |build: u64| Chosen {
        number: below,
        build: Some(("=", build)),
    };
    Ok(match select {
        Select::All | Select::Newest => Some(Chosen {
            number: below,
            build: None,
        }),
        Select::Number(number) => Some(Chosen {
            number: ("=", number),
            build: None,
        }),
        Select::Latest => latest(tx, type_id).await?.map(|number| Chosen {
            number: ("=", number),
            build: None,
        }),
        Select::LatestBuild => latest_build(tx, type_id)
            .await?
            .map(|build| of_build(build.get())),
        Select::AnyBuild => Some(Chosen {
            number: below,
            build: Some((">=", 1)),
        }),
        Select::Build(build) => Some(of_build(build)),
        Select::Nothing => None,
    })
}

// Contract: silent.latest-version
async fn latest(tx: Tx<'_>, type_id: i64) -> Result<Option<u64>, BackendError> {
    let sql = "SELECT number FROM version WHERE type_id = $1 AND file_state <> 1
        ORDER BY number DESC LIMIT 1";
    let found = tx.row(sql, &values![type_id]).await?;
    found.map(|mut row| row.take()).transpose()
}

// Contract: silent.latest-build
async fn latest_build(tx: Tx<'_>, type_id: i64) -> Result<Option<NonZeroU64>, BackendError> {
    let sql = "SELECT build FROM version
        WHERE type_id = $1 AND file_state <> 1 AND build IS NOT NULL
        ORDER BY build DESC LIMIT 1";
    let found = tx.row(sql, &values![type_id]).await?;
    found.map(|mut row| row.take()).transpose()
}

/// Returns the tags of the filters, that of the fewest versions first: the search goes through its
/// versions, and looks each up in the others.
async fn tags(tx: Tx<'_>, type_id: i64, query: &Query) -> Result<Vec<[u8; 16]>, BackendError> {
    let filters = query.filters.iter();
    let tags = filters.map(|filter| tag(&filter.key, filter.value.as_deref()));
    let mut tags: Vec<_> = tags.collect();
    if tags.len() < 2 {
        return Ok(tags);
    }
    let sql = "SELECT count(*) FROM
        (SELECT 1 FROM version_tag WHERE type_id = $1 AND tag = $2 LIMIT $3) AS counted";
    let mut fewest = (COUNTED + 1, 0);
    for (at, tag) in tags.iter().enumerate() {
        let counted = tx.row(sql, &values![type_id, *tag, COUNTED]).await?;
        let count = counted.map_or(Ok(0), |mut row| row.take::<u64>())?;
        fewest = fewest.min((count, at));
    }
    tags.swap(0, fewest.1);
    Ok(tags)
}

/// Returns the statement of a search, with its values.
fn statement(
    type_id: i64,
    chosen: &Chosen,
    tags: &[[u8; 16]],
    limit: usize,
) -> (String, Vec<Value>) {
    let mut values: Vec<Value> = database::values![type_id, chosen.number.1].into();
    let mut place = |value: Value| {
        values.push(value);
        format!("${}", values.len())
    };
    let comparison = chosen.number.0;
    let (mut from, mut conditions, order);
    match tags.split_first() {
        None => {
            from = "version v".to_owned();
            conditions =
                format!("v.type_id = $1 AND v.number {comparison} $2 AND v.file_state <> 1");
            order = "v.number";
        }
        Some((first, others)) => {
            let tag = place((*first).into());
            // CROSS JOIN keeps this order: the planner of SQLite would guess another.
            from = "version_tag f CROSS JOIN version v".to_owned();
            conditions = format!(
                "f.type_id = $1 AND f.number {comparison} $2 AND f.tag = {tag}
                AND v.type_id = f.type_id AND v.number = f.number"
            );
            for other in others {
                let tag = place((*other).into());
                conditions.push_str(&format!(
                    " AND EXISTS (SELECT 1 FROM version_tag o
                    WHERE o.type_id = f.type_id AND o.tag = {tag} AND o.number = f.number)"
                ));
            }
            order = "f.number";
        }
    }
    if let Some((comparison, build)) = chosen.build {
        let build = place(build.into());
        conditions.push_str(&format!(" AND v.build {comparison} {build}"));
    }
    let limit = place((limit as u64).into());
    from.push_str(" WHERE ");
    let sql =
        format!("SELECT {VERSION} FROM {from}{conditions} ORDER BY {order} DESC LIMIT {limit}");
    (sql, values)
}

//! Searches among the versions of a type, by an index of tags.

use std::sync::Arc;

use super::database;
use super::database::{Tx, Value, values};
use super::versions::{self, VERSION, tag};
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
    let Some(type_id) = versions::find_type(tx, name, artifact_type, access).await? else {
        return Ok(Found::default());
    };
    let Some(chosen) = choose(query.select, page) else {
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

/// A condition on a column: its beginning, and the value at its end if it has one.
type Condition = (&'static str, Option<u64>);

/// The conditions of a selection: on the number of a version, and on its build.
struct Chosen {
    number: Condition,
    build: Option<Condition>,
}

/// The condition on the number of the latest version.
// Contract: silent.latest-version
const LATEST: Condition = (
    "= (SELECT l.number FROM version l WHERE l.type_id = $1 AND l.file_state <> 1
    ORDER BY l.number DESC LIMIT 1)",
    None,
);

/// The condition on the build of the version with the latest build.
// Contract: silent.latest-build
const LATEST_BUILD: Condition = (
    "= (SELECT l.build FROM version l
    WHERE l.type_id = $1 AND l.file_state <> 1 AND l.build IS NOT NULL
    ORDER BY l.build DESC LIMIT 1)",
    None,
);

/// Returns the conditions of a selection; `None` if it can select nothing.
// Contract: search.build-zero
fn choose(select: Select, page: Page) -> Option<Chosen> {
    let below = ("<= ", Some(page.highest));
    let (number, build) = match select {
        Select::All | Select::Newest => (below, None),
        Select::Number(number) => (("= ", Some(number)), None),
        Select::Latest => (LATEST, None),
        Select::LatestBuild => (below, Some(LATEST_BUILD)),
        Select::AnyBuild => (below, Some((">= ", Some(1)))),
        Select::Build(build) => (below, Some(("= ", Some(build)))),
        Select::Nothing => return None,
    };
    Some(Chosen { number, build })
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
    let mut values: Vec<Value> = database::values![type_id].into();
    let mut place = |value: Value| {
        values.push(value);
        format!("${}", values.len())
    };
    let number = written(chosen.number, &mut place);
    let (mut from, mut conditions, order);
    match tags.split_first() {
        None => {
            from = "version v".to_owned();
            conditions = format!("v.type_id = $1 AND v.number {number} AND v.file_state <> 1");
            order = "v.number";
        }
        Some((first, others)) => {
            let tag = place((*first).into());
            // CROSS JOIN keeps this order: the planner of SQLite would guess another.
            from = "version_tag f CROSS JOIN version v".to_owned();
            conditions = format!(
                "f.type_id = $1 AND f.number {number} AND f.tag = {tag}
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
    if let Some(build) = chosen.build {
        let build = written(build, &mut place);
        conditions.push_str(&format!(" AND v.build {build}"));
    }
    let limit = place((limit as u64).into());
    from.push_str(" WHERE ");
    let sql =
        format!("SELECT {VERSION} FROM {from}{conditions} ORDER BY {order} DESC LIMIT {limit}");
    (sql, values)
}

/// Returns a condition in SQL; `place` takes a value, and returns what stands for it.
fn written((beginning, value): Condition, place: &mut impl FnMut(Value) -> String) -> String {
    match value {
        Some(value) => format!("{beginning}{}", place(value.into())),
        None => beginning.to_owned(),
    }
}

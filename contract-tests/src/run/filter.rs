//! A filter chooses clauses, rules or mutants by a part of their id. It implements `--filter`.

/// The error for a filter that matches no id, most likely because it is misspelt.
#[derive(Debug, thiserror::Error)]
#[error("--filter {filter}: no {what} has this in its id; near it are {}", near.join(", "))]
pub struct NothingMatches {
    filter: String,
    what: &'static str,
    near: Vec<String>,
}

/// Tells whether the filters choose this id: it contains one of them, or there are no filters.
pub(crate) fn chooses(filters: &[String], id: &str) -> bool {
    filters.is_empty() || filters.iter().any(|part| id.contains(part.as_str()))
}

/// Checks that each filter matches at least one of the ids; `what` is the noun for an id in the error message.
///
/// # Errors
/// Fails when a filter matches none of the ids.
pub fn each_matches(
    filters: &[String],
    what: &'static str,
    ids: impl IntoIterator<Item = impl Into<String>>,
) -> Result<(), NothingMatches> {
    let ids: Vec<String> = ids.into_iter().map(Into::into).collect();
    let matches_none = |filter: &&String| !ids.iter().any(|id| id.contains(filter.as_str()));
    match filters.iter().find(matches_none) {
        None => Ok(()),
        Some(filter) => Err(NothingMatches {
            filter: filter.clone(),
            what,
            near: near(filter, ids),
        }),
    }
}

/// Returns the three ids that resemble the filter most, as a whole or in one of their parts.
fn near(filter: &str, mut ids: Vec<String>) -> Vec<String> {
    let likeness = |id: &str| {
        let parts = std::iter::once(id).chain(id.split(['.', '/']));
        let likenesses = parts.map(|part| strsim::jaro_winkler(part, filter));
        likenesses.fold(0.0, f64::max)
    };
    ids.sort_by(|a, b| likeness(b).total_cmp(&likeness(a)));
    ids.truncate(3);
    ids
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::suite::clauses;

    #[test]
    fn a_filter_that_matches_nothing_is_named_with_what_is_near() {
        let check = |filter: &str| {
            let ids = clauses::all().map(|clause| clause.id);
            each_matches(&[filter.to_owned()], "clause", ids)
        };
        assert!(check("newest").is_ok());
        for (filter, expected) in [
            ("search.newst-first", "search.newest-first"),
            ("newest-frist", "search.newest-first"),
            ("upload.chunk", "uploads.chunked"),
        ] {
            let error = check(filter).unwrap_err().to_string();
            let start = format!("--filter {filter}: no clause has this in its id; near it are");
            assert!(
                error.starts_with(&start) && error.contains(expected),
                "{error}"
            );
        }
    }
}

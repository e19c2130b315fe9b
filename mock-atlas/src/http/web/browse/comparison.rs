//! The page that compares the metadata of two versions.

use std::collections::BTreeMap;

use askama::Template;
use axum::response::Response;

use super::artifact::Request;
use super::version::find;
use crate::domain::{Metadata, Name};
use crate::http::web::page::{Frame, PageError, render};
use crate::http::web::shown::Shown;

#[derive(Template)]
#[template(path = "comparison.html")]
struct ComparisonPage {
    frame: Frame,
    owner: String,
    name: String,
    artifact_type: String,
    from: u64,
    to: u64,
    /// The number of keys that have the same value in both.
    same: usize,
    changes: Vec<Change>,
}

#[derive(Debug, PartialEq, Eq)]
struct Change {
    key: Shown,
    kind: &'static str,
    before: Shown,
    after: Shown,
}

pub(super) async fn show(
    request: &Request<'_>,
    of: &Name,
    (from, to): (u64, u64),
) -> Result<Response, PageError> {
    let before = find(request, of, from).await?.version;
    let after = find(request, of, to).await?.version;
    let (same, changes) = compare(&before.metadata, &after.metadata);
    let name = request.name;
    Ok(render(&ComparisonPage {
        frame: Frame::new(format!("{name}: {from} and {to}"), request.visitor),
        owner: name.username.as_str().to_owned(),
        name: name.name.as_str().to_owned(),
        artifact_type: of.as_str().to_owned(),
        from,
        to,
        same,
        changes,
    }))
}

/// Returns the number of keys that are the same, and the changes, ordered by key.
fn compare(before: &Metadata, after: &Metadata) -> (usize, Vec<Change>) {
    let mut both: BTreeMap<&str, (Option<&str>, Option<&str>)> = BTreeMap::new();
    for (key, value) in before.iter() {
        both.entry(key).or_default().0 = Some(value);
    }
    for (key, value) in after.iter() {
        both.entry(key).or_default().1 = Some(value);
    }
    let all = both.len();
    let changes = both
        .into_iter()
        .filter(|(_, (before, after))| before != after);
    let changes: Vec<Change> = changes
        .map(|(key, (before, after))| Change {
            key: Shown::new(key),
            kind: match (before, after) {
                (None, _) => "added",
                (_, None) => "removed",
                _ => "changed",
            },
            before: Shown::new(before.unwrap_or_default()),
            after: Shown::new(after.unwrap_or_default()),
        })
        .collect();
    (all - changes.len(), changes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_added_removed_and_changed() {
        let metadata = |pairs: &[(&str, &str)]| -> Metadata {
            let pairs = pairs.iter();
            pairs
                .map(|(key, value)| ((*key).to_owned(), (*value).to_owned()))
                .collect()
        };
        let before = metadata(&[("same", "1"), ("gone", "2"), ("other", "3")]);
        let after = metadata(&[("new", "4"), ("same", "1"), ("other", "5")]);
        let (same, changes) = compare(&before, &after);
        let changes: Vec<_> = changes
            .iter()
            .map(|of| {
                [
                    of.key.to_string(),
                    of.kind.to_owned(),
                    of.before.to_string(),
                    of.after.to_string(),
                ]
            })
            .collect();
        assert_eq!(same, 1);
        assert_eq!(
            changes,
            [
                ["gone", "removed", "2", ""],
                ["new", "added", "", "4"],
                ["other", "changed", "3", "5"]
            ]
        );
    }
}

//! Extracts the query string of a search.

use std::collections::BTreeMap;

use axum::extract::FromRequestParts;
use axum::http::request::Parts;

use crate::domain::{ChannelName, Filter, Query, Select};
use crate::http::error::ApiError;
use crate::http::state::AppState;

/// The greatest number of filters of a search. Terraform sends one for each key that a user wrote.
const MAX_FILTERS: usize = 100;

/// The query `?version=…&build=…&metadata.1.key=K&metadata.1.value=V` (contract: Search and download).
/// Parameters of other names are ignored; the last value of a repeated parameter counts.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct SearchQuery {
    pub(crate) query: Query,
    /// The channel whose version is asked for. The query selects nothing then.
    pub(crate) channel: Option<ChannelName>,
}

impl FromRequestParts<AppState> for SearchQuery {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, _: &AppState) -> Result<Self, ApiError> {
        parse(parts.uri.query().unwrap_or_default()).map_err(ApiError::Invalid)
    }
}

/// An incomplete filter: the query string gives its key and its value separately, in any order.
#[derive(Default)]
struct HalfFilter {
    key: Option<String>,
    value: Option<String>,
}

// Contract: search.index-gaps
fn parse(query: &str) -> Result<SearchQuery, String> {
    let (mut version, mut build) = (None, None);
    let mut filters: BTreeMap<u64, HalfFilter> = BTreeMap::new();
    for (name, value) in form_urlencoded::parse(query.as_bytes()) {
        let value = value.into_owned();
        match name.as_ref() {
            "version" => version = Some(value),
            "build" => build = Some(value),
            name => match name
                .strip_prefix("metadata.")
                .and_then(|rest| rest.split_once('.'))
            {
                Some((at, "key")) => filters.entry(index(name, at)?).or_default().key = Some(value),
                Some((at, "value")) => {
                    filters.entry(index(name, at)?).or_default().value = Some(value);
                }
                _ => {}
            },
        }
        if filters.len() > MAX_FILTERS {
            return Err(format!(
                "metadata: a search may have at most {MAX_FILTERS} filters here"
            ));
        }
    }
    let filters = filters
        .into_iter()
        .map(|(at, HalfFilter { key, value })| {
            let key = key.ok_or_else(|| format!("metadata.{at}.value has no metadata.{at}.key"))?;
            Ok(Filter { key, value })
        })
        .collect::<Result<_, String>>()?;
    let select = select(version.as_deref(), build.as_deref());
    let word = version.filter(|_| select == Select::Nothing);
    Ok(SearchQuery {
        query: Query { select, filters },
        channel: word.and_then(|word| word.parse().ok()),
    })
}

/// Parses the index of a filter. A wrong index is an error, since the real Atlas would have ignored the filter
/// and silently found too much.
// Contract: silent.bad-filters
fn index(name: &str, text: &str) -> Result<u64, String> {
    match whole_number(text) {
        Some(0) | None => Err(format!("{name} must have an index that counts from 1")),
        Some(index) => Ok(index),
    }
}

// Contract: search.version-over-build, search.version-neither
fn select(version: Option<&str>, build: Option<&str>) -> Select {
    match (version, build) {
        (Some("latest"), _) => Select::Latest,
        (Some("any"), _) => Select::Newest,
        (Some(number), _) => whole_number(number).map_or(Select::Nothing, Select::Number),
        (None, Some("latest")) => Select::LatestBuild,
        (None, Some("any")) => Select::AnyBuild,
        (None, Some(number)) => whole_number(number).map_or(Select::Nothing, Select::Build),
        (None, None) => Select::All,
    }
}

/// Parses digits and nothing else: `u64::from_str` alone would accept `+7` too.
pub(crate) fn whole_number(text: &str) -> Option<u64> {
    text.bytes()
        .all(|byte| byte.is_ascii_digit())
        .then(|| text.parse().ok())
        .flatten()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn filter(key: &str, value: Option<&str>) -> Filter {
        Filter {
            key: key.to_owned(),
            value: value.map(str::to_owned),
        }
    }

    #[test]
    fn the_genuine_query_of_terraform_is_understood() {
        let query = parse(
            "metadata.1.key=region.us-east-1&metadata.2.key=created_at\
             &metadata.2.value=1795352171&version=latest",
        );
        let filters = vec![
            filter("region.us-east-1", None),
            filter("created_at", Some("1795352171")),
        ];
        assert_eq!(
            query,
            Ok(SearchQuery {
                query: Query {
                    select: Select::Latest,
                    filters
                },
                channel: None,
            })
        );
    }

    #[test]
    fn every_selection_has_its_spelling() {
        for (text, expected) in [
            ("", Select::All),
            ("access_token=x&other=1", Select::All),
            ("version=latest", Select::Latest),
            ("version=any", Select::Newest),
            ("version=7", Select::Number(7)),
            ("version=7&build=latest", Select::Number(7)),
            ("version=", Select::Nothing),
            ("version=v7", Select::Nothing),
            ("version=%2B7", Select::Nothing),
            ("version=99999999999999999999999", Select::Nothing),
            ("build=latest", Select::LatestBuild),
            ("build=any", Select::AnyBuild),
            ("build=5", Select::Build(5)),
            ("build=0", Select::Build(0)),
            ("build=five", Select::Nothing),
        ] {
            assert_eq!(parse(text).unwrap().query.select, expected, "{text}");
        }
    }

    #[test]
    fn a_word_may_be_a_channel() {
        for (text, expected) in [
            ("version=production", Some("production")),
            ("version=production&build=7", Some("production")),
            ("version=v7", Some("v7")),
            ("version=7", None),
            ("version=latest", None),
            ("version=Production", None),
            ("version=", None),
            ("build=production", None),
            ("", None),
        ] {
            let channel = parse(text).unwrap().channel;
            let channel = channel.as_ref().map(ChannelName::as_str);
            assert_eq!(channel, expected, "{text}");
        }
    }

    #[test]
    fn indexes_may_have_gaps_and_come_in_any_order() {
        let query = parse("metadata.7.value=b&metadata.2.key=x&metadata.7.key=a").unwrap();
        assert_eq!(
            query.query.filters,
            [filter("x", None), filter("a", Some("b"))]
        );
    }

    #[test]
    fn a_filter_that_would_be_overlooked_is_an_error() {
        for text in [
            "metadata.0.key=a",
            "metadata.x.key=a",
            "metadata..key=a",
            "metadata.1.value=a",
        ] {
            let error = parse(text).unwrap_err();
            assert!(error.starts_with("metadata."), "{text}: {error}");
        }
    }

    #[test]
    fn filters_have_an_end_and_one_that_is_given_again_counts_once() {
        let of = |indexes: &mut dyn Iterator<Item = usize>| {
            let pairs = indexes.map(|at| format!("metadata.{at}.key=a&metadata.{at}.value=b"));
            parse(&pairs.collect::<Vec<_>>().join("&"))
        };
        let most = of(&mut (1..=MAX_FILTERS)).unwrap();
        assert_eq!(most.query.filters.len(), MAX_FILTERS);
        let again = of(&mut (1..=MAX_FILTERS).cycle().take(1000));
        assert_eq!(again, Ok(most));
        let error = of(&mut (1..=MAX_FILTERS + 1)).unwrap_err();
        assert_eq!(
            error,
            "metadata: a search may have at most 100 filters here"
        );
    }

    proptest! {
        #[test]
        fn any_query_is_a_search_or_names_what_is_wrong(text in any::<String>()) {
            if let Err(error) = parse(&text) {
                prop_assert!(error.starts_with("metadata"));
            }
        }

        #[test]
        fn filters_survive_the_round_trip(
            pairs in proptest::collection::vec((any::<String>(), proptest::option::of(any::<String>())), 0..5)
        ) {
            let mut text = form_urlencoded::Serializer::new(String::new());
            for (at, (key, value)) in pairs.iter().enumerate() {
                text.append_pair(&format!("metadata.{}.key", at + 1), key);
                if let Some(value) = value {
                    text.append_pair(&format!("metadata.{}.value", at + 1), value);
                }
            }
            let expected: Vec<Filter> =
                pairs.iter().map(|(key, value)| filter(key, value.as_deref())).collect();
            prop_assert_eq!(parse(&text.finish()).unwrap().query.filters, expected);
        }
    }
}

//! Extracts the query string of a search among boxes.

use axum::extract::FromRequestParts;
use axum::http::request::Parts;

use super::box_path::BoxApi;
use super::whole_number;
use crate::domain::{BoxFilter, BoxOrder, BoxQuery, BoxSort};
use crate::http::error::ApiError;
use crate::http::state::AppState;

/// The number of boxes on a page unless the client tells another.
const LIMIT: usize = 10;

/// The greatest number of boxes on a page; more that are asked for count as so many.
const MAX_LIMIT: usize = 100;

/// The query `?q=…&provider=…&architecture=…&sort=…&order=…&limit=…&page=…`. Empty parameters and those of other
/// names are ignored; the last value of a repeated parameter counts.
#[derive(Debug)]
pub(crate) struct BoxSearch(pub(crate) BoxQuery);

impl FromRequestParts<AppState> for BoxSearch {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, state: &AppState) -> Result<Self, ApiError> {
        let Ok(api) = BoxApi::from_request_parts(parts, state).await;
        parse(parts.uri.query().unwrap_or_default(), api)
            .map(Self)
            .map_err(ApiError::Invalid)
    }
}

// Contract: boxes.search-pages, boxes.search-order
fn parse(query: &str, api: BoxApi) -> Result<BoxQuery, String> {
    let mut parsed = BoxQuery {
        filter: BoxFilter::default(),
        sort: BoxSort::Downloads,
        order: BoxOrder::Descending,
        limit: LIMIT,
        page: 1,
    };
    for (name, value) in form_urlencoded::parse(query.as_bytes()) {
        if value.is_empty() {
            continue;
        }
        match (name.as_ref(), api) {
            ("q", _) => parsed.filter.text = value.into_owned(),
            ("provider", _) => parsed.filter.providers = vec![value.into_owned()],
            ("architecture", BoxApi::V2) => parsed.filter.architectures = vec![value.into_owned()],
            ("sort", _) => parsed.sort = sort(&value)?,
            ("order", _) => parsed.order = order(&value)?,
            ("limit", _) => parsed.limit = counted("limit", &value)?.min(MAX_LIMIT),
            ("page", _) => parsed.page = counted("page", &value)?,
            _ => {}
        }
    }
    Ok(parsed)
}

fn sort(text: &str) -> Result<BoxSort, String> {
    match text {
        "downloads" => Ok(BoxSort::Downloads),
        "created" => Ok(BoxSort::Created),
        "updated" => Ok(BoxSort::Updated),
        _ => Err("sort must be downloads, created or updated".to_owned()),
    }
}

fn order(text: &str) -> Result<BoxOrder, String> {
    match text {
        "asc" => Ok(BoxOrder::Ascending),
        "desc" => Ok(BoxOrder::Descending),
        _ => Err("order must be asc or desc".to_owned()),
    }
}

fn counted(name: &str, text: &str) -> Result<usize, String> {
    let number = whole_number(text).and_then(|number| usize::try_from(number).ok());
    number
        .filter(|number| *number > 0)
        .ok_or_else(|| format!("{name} must be a whole number that counts from 1"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_told_has_its_default_and_empty_is_not_told() {
        for query in [
            "",
            "q=&provider=&limit=&page=&sort=&order=",
            "access_token=x",
        ] {
            let parsed = parse(query, BoxApi::V2).unwrap();
            assert_eq!((parsed.limit, parsed.page), (10, 1));
            assert_eq!(parsed.sort, BoxSort::Downloads);
            assert_eq!(parsed.order, BoxOrder::Descending);
            assert_eq!(parsed.filter, BoxFilter::default());
        }
    }

    #[test]
    fn every_parameter_is_read_and_the_first_version_knows_no_architectures() {
        let query = "q=a+b&provider=p&architecture=amd64&sort=updated&order=asc&limit=1000&page=3";
        let parsed = parse(query, BoxApi::V2).unwrap();
        let expected = BoxQuery {
            filter: BoxFilter {
                text: "a b".to_owned(),
                providers: vec!["p".to_owned()],
                architectures: vec!["amd64".to_owned()],
            },
            sort: BoxSort::Updated,
            order: BoxOrder::Ascending,
            limit: 100,
            page: 3,
        };
        assert_eq!(parsed, expected);
        let first = parse(query, BoxApi::V1).unwrap();
        assert_eq!(first.filter.architectures, Vec::<String>::new());
    }

    #[test]
    fn what_has_no_meaning_is_an_error_that_names_it() {
        for query in ["sort=name", "order=up", "limit=0", "limit=x", "page=-1"] {
            let error = parse(query, BoxApi::V2).unwrap_err();
            let name = query.split('=').next().unwrap();
            assert!(error.starts_with(name), "{query}: {error}");
        }
    }
}

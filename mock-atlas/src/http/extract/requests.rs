//! Extracts the query string that filters requests of the journal.

use axum::extract::FromRequestParts;
use axum::http::request::Parts;

use super::whole_number;
use crate::http::error::ApiError;
use crate::observe::Filter;

/// The query `?method=PUT&route=/_binstore/{upload}&status=200&since=7`. A parameter of another name is an
/// error: an ignored filter would find too much.
#[derive(Debug)]
pub(crate) struct RequestsQuery(pub(crate) Filter);

impl<S: Sync> FromRequestParts<S> for RequestsQuery {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, ApiError> {
        let query = parts.uri.query().unwrap_or_default();
        parse(query).map(Self).map_err(ApiError::Invalid)
    }
}

fn parse(query: &str) -> Result<Filter, String> {
    let mut filter = Filter::default();
    for (name, value) in form_urlencoded::parse(query.as_bytes()) {
        let number = || {
            let number = whole_number(&value).filter(|_| !value.is_empty());
            number.ok_or_else(|| format!("{name} must be a whole number"))
        };
        match name.as_ref() {
            "method" => filter.method = Some(value.to_ascii_uppercase()),
            "route" => filter.route = Some(value.parse().map_err(|e| format!("route: {e}"))?),
            "status" => {
                let status = u16::try_from(number()?);
                filter.status =
                    Some(status.map_err(|_| "status must be an HTTP status".to_owned())?);
            }
            "since" => filter.since = number()?,
            "access_token" => {}
            other => {
                return Err(format!(
                    "unknown filter {other:?}: the filters are method, route, status and since"
                ));
            }
        }
    }
    Ok(filter)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_filter_has_a_parameter_for_each_part() {
        let query = "method=put&route=/_binstore/%7Bupload%7D&status=200&since=7&access_token=x";
        let expected = Filter {
            method: Some("PUT".to_owned()),
            route: "/_binstore/{upload}".parse().ok(),
            status: Some(200),
            since: 7,
        };
        assert_eq!(parse(query), Ok(expected));
        assert_eq!(parse(""), Ok(Filter::default()));
    }

    #[test]
    fn what_would_be_overlooked_is_an_error() {
        for query in [
            "path=/a",
            "status=ok",
            "status=70000",
            "since=",
            "since=-1",
            "route=a",
        ] {
            let error = parse(query).unwrap_err();
            let name = query.split('=').next().unwrap();
            assert!(error.contains(name), "{query}: {error}");
        }
    }
}

//! Extracts the query string that chooses entries of the audit.

use axum::extract::FromRequestParts;
use axum::http::request::Parts;

use super::whole_number;
use crate::domain::{AuditQuery, parse_timestamp};
use crate::http::error::ApiError;

/// The query `?since=T&until=T&user=U&after=NUMBER&limit=N`. A parameter of another name is an error: an
/// ignored one would find too much.
#[derive(Debug)]
pub(crate) struct AuditPage(pub(crate) AuditQuery);

impl<S: Sync> FromRequestParts<S> for AuditPage {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, ApiError> {
        let query = parts.uri.query().unwrap_or_default();
        Self::parse(query).map_err(ApiError::Invalid)
    }
}

impl AuditPage {
    /// Reads a query string; an error says what is wrong with it.
    pub(crate) fn parse(query: &str) -> Result<Self, String> {
        parse(query).map(Self)
    }
}

fn parse(query: &str) -> Result<AuditQuery, String> {
    let mut chosen = AuditQuery::default();
    for (name, value) in form_urlencoded::parse(query.as_bytes()) {
        let time = || {
            let time = parse_timestamp(&value);
            time.ok_or_else(|| format!("{name} must be a time such as 2027-01-31T12:00:00Z"))
        };
        let number = || {
            let number = whole_number(&value).filter(|_| !value.is_empty());
            number.ok_or_else(|| format!("{name} must be a whole number"))
        };
        match name.as_ref() {
            "since" => chosen.since = Some(time()?),
            "until" => chosen.until = Some(time()?),
            "user" => {
                let user = value.parse().map_err(|error| format!("user: {error}"));
                chosen.username = Some(user?);
            }
            "after" => chosen.after = number()?,
            "limit" => {
                let limit = usize::try_from(number()?).ok();
                let limit = limit.filter(|limit| (1..=AuditQuery::MOST).contains(limit));
                let bound = || format!("limit must be between 1 and {}", AuditQuery::MOST);
                chosen.limit = limit.ok_or_else(bound)?;
            }
            "access_token" => {}
            other => {
                return Err(format!(
                    "unknown parameter {other:?}: there are since, until, user, after and limit"
                ));
            }
        }
    }
    Ok(chosen)
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, UNIX_EPOCH};

    use super::*;

    #[test]
    fn a_query_has_a_parameter_for_each_part() {
        let query =
            "since=1970-01-01T00:00:01Z&until=1970-01-01T00:00:02Z&user=amy&after=7&limit=3";
        let at = |seconds| Some(UNIX_EPOCH + Duration::from_secs(seconds));
        let expected = AuditQuery {
            after: 7,
            since: at(1),
            until: at(2),
            username: "amy".parse().ok(),
            limit: 3,
        };
        assert_eq!(parse(query), Ok(expected));
        assert_eq!(parse("access_token=x"), Ok(AuditQuery::default()));
    }

    #[test]
    fn a_part_that_cannot_be_is_named() {
        for query in [
            "since=1h",
            "until=",
            "user=a/b",
            "after=-1",
            "limit=0",
            "limit=1001",
            "to=x",
        ] {
            let error = parse(query).unwrap_err();
            let name = query.split('=').next().unwrap();
            assert!(error.contains(name), "{query}: {error}");
        }
    }
}

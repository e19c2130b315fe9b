//! Extracts the query string that chooses deliveries to webhooks.

use axum::extract::FromRequestParts;
use axum::http::request::Parts;

use super::whole_number;
use crate::domain::DeliveryQuery;
use crate::http::error::ApiError;

/// The query `?webhook=ID&failed=true&limit=N`. A parameter of another name is an error: an ignored one would find
/// too much.
#[derive(Debug)]
pub(crate) struct DeliveriesPage(pub(crate) DeliveryQuery);

impl<S: Sync> FromRequestParts<S> for DeliveriesPage {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, ApiError> {
        let query = parts.uri.query().unwrap_or_default();
        parse(query).map(Self).map_err(ApiError::Invalid)
    }
}

fn parse(query: &str) -> Result<DeliveryQuery, String> {
    let mut chosen = DeliveryQuery::default();
    for (name, value) in form_urlencoded::parse(query.as_bytes()) {
        match name.as_ref() {
            "webhook" => {
                let id = value.parse();
                let id = id.map_err(|_| "webhook must be the id of a webhook".to_owned());
                chosen.webhook = Some(id?);
            }
            "failed" => {
                chosen.failed = match value.as_ref() {
                    "true" => true,
                    "false" => false,
                    _ => return Err("failed must be true or false".to_owned()),
                };
            }
            "limit" => {
                let limit = whole_number(&value).and_then(|limit| usize::try_from(limit).ok());
                let limit = limit.filter(|limit| (1..=DeliveryQuery::MOST).contains(limit));
                let bound = || format!("limit must be between 1 and {}", DeliveryQuery::MOST);
                chosen.limit = limit.ok_or_else(bound)?;
            }
            "access_token" => {}
            other => {
                return Err(format!(
                    "unknown parameter {other:?}: there are webhook, failed and limit"
                ));
            }
        }
    }
    Ok(chosen)
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;

    #[test]
    fn a_query_has_a_parameter_for_each_part_and_others_are_named() {
        let id = Uuid::from_u128(7);
        let expected = DeliveryQuery {
            webhook: Some(id),
            failed: true,
            limit: 3,
        };
        let query = format!("webhook={id}&failed=true&limit=3&access_token=x");
        assert_eq!(parse(&query), Ok(expected));
        assert_eq!(parse(""), Ok(DeliveryQuery::default()));
        for query in [
            "webhook=7",
            "failed=1",
            "limit=0",
            "limit=1001",
            "limit=",
            "to=x",
        ] {
            let error = parse(query).unwrap_err();
            let name = query.split('=').next().unwrap();
            assert!(error.contains(name), "{query}: {error}");
        }
    }
}

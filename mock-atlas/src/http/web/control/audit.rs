//! The audit: who changed what, and who tried.

use askama::Template;
use axum::response::Response;

use crate::domain::{AuditQuery, NumberedEntry, timestamp};
use crate::http::error::ApiError;
use crate::http::extract::AuditPage as Chosen;
use crate::http::web::form::Fields;
use crate::http::web::page::{Frame, PageError, render};
use crate::http::web::shown::Shown;
use crate::http::web::visitor::RootVisitor;
use crate::service::{Dataset, audit};

/// The greatest number of entries on a page.
const ROWS: usize = 100;

#[derive(Template)]
#[template(path = "control/audit.html")]
struct AuditPage {
    frame: Frame,
    user: String,
    since: String,
    rows: Vec<Row>,
    next: Option<String>,
}

struct Row {
    time: String,
    user: String,
    address: String,
    method: String,
    path: Shown,
    version: String,
    status: String,
}

/// Handles `GET /_mock/control/audit`, with the query of the API. A field that was left empty is none.
pub(crate) async fn show(
    dataset: Dataset,
    RootVisitor(visitor): RootVisitor,
    query: Fields,
) -> Result<Response, PageError> {
    let (user, since) = (query.get("user"), query.get("since"));
    let given = [
        ("user", user),
        ("since", since),
        ("after", query.get("after")),
    ];
    let chosen = Chosen::parse(&query_of(&given)).map_err(ApiError::Invalid);
    let Chosen(chosen) = chosen.map_err(visitor.failed())?;
    let limit = ROWS;
    let found = visitor.page(audit::find(&dataset, AuditQuery { limit, ..chosen }).await)?;
    let last = found
        .last()
        .filter(|_| found.len() == ROWS)
        .map(|of| of.number);
    let next = last.map(|after| {
        let query = query_of(&[
            ("user", user),
            ("since", since),
            ("after", &after.to_string()),
        ]);
        format!("/_mock/control/audit?{query}")
    });
    Ok(render(&AuditPage {
        frame: Frame::new("Audit", &visitor),
        user: user.to_owned(),
        since: since.to_owned(),
        rows: found.into_iter().map(row).collect(),
        next,
    }))
}

/// Returns a query string with the parameters that are given.
fn query_of(parameters: &[(&str, &str)]) -> String {
    let mut query = form_urlencoded::Serializer::new(String::new());
    let given = parameters.iter().map(|(name, value)| (name, value.trim()));
    query.extend_pairs(given.filter(|(_, value)| !value.is_empty()));
    query.finish()
}

fn row(NumberedEntry { entry, .. }: NumberedEntry) -> Row {
    Row {
        time: timestamp(entry.time),
        user: entry
            .username
            .map_or_else(String::new, |name| name.as_str().to_owned()),
        address: entry
            .address
            .map_or_else(String::new, |address| address.to_string()),
        method: entry.method,
        path: Shown::new(&entry.path),
        version: entry.version.unwrap_or_default(),
        status: entry
            .status
            .map_or_else(|| "broke off".to_owned(), |of| of.to_string()),
    }
}

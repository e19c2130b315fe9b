//! One request of the journal in full.

use askama::Template;
use axum::extract::rejection::PathRejection;
use axum::extract::{Path, State};
use axum::response::Response;

use crate::domain::timestamp;
use crate::http::error::ApiError;
use crate::http::state::AppState;
use crate::http::web::page::{Frame, PageError, render};
use crate::http::web::shown::Shown;
use crate::http::web::visitor::RootVisitor;
use crate::observe::{Request, TokenPlace};

/// A request in a list, also in one that grows as requests come in. Its link begins at the page with the list, so
/// that a row needs no frame.
#[derive(Template)]
#[template(path = "control/row.html")]
pub(super) struct RequestRow {
    number: u64,
    time: String,
    method: String,
    path: Shown,
    status: String,
    /// The first digit of the status, or 5 for a request that broke off.
    class: char,
    milliseconds: u128,
    user: String,
    fault: Shown,
}

impl RequestRow {
    pub(super) fn new(request: &Request) -> Self {
        let status = request
            .status
            .map_or_else(|| "broke off".to_owned(), |of| of.to_string());
        Self {
            number: request.number,
            time: timestamp(request.time),
            method: request.method.clone(),
            path: Shown::beginning(&request.path),
            class: match request.status {
                Some(_) => status.chars().next().unwrap_or('5'),
                None => '5',
            },
            status,
            milliseconds: request.duration.as_millis(),
            user: request.username.clone().unwrap_or_default(),
            fault: Shown::new(request.fault.as_deref().unwrap_or_default()),
        }
    }
}

#[derive(Template)]
#[template(path = "control/request.html")]
struct RequestPage {
    frame: Frame,
    facts: Vec<(&'static str, Shown)>,
    fields: Vec<Shown>,
    lints: Vec<(Shown, &'static str)>,
}

/// Handles `GET /_mock/control/requests/:number`.
pub(crate) async fn show(
    State(state): State<AppState>,
    RootVisitor(visitor): RootVisitor,
    number: Result<Path<u64>, PathRejection>,
) -> Result<Response, PageError> {
    let missing = || visitor.failed()(ApiError::NotFound);
    let Path(number) = number.map_err(|_| missing())?;
    let read = tokio::task::spawn_blocking(move || {
        let page = state.observer().journal().page();
        (page.requests, state.observer().lints())
    });
    let (requests, lints) = read.await.map_err(visitor.failed())?;
    let request = requests.iter().find(|one| one.number == number);
    let request = request.ok_or_else(missing)?;
    let met = lints
        .iter()
        .filter(|lint| lint.requests.contains(&request.id));
    Ok(render(&RequestPage {
        frame: Frame::new(format!("Request {number}"), &visitor),
        facts: facts(request),
        fields: request
            .fields
            .iter()
            .map(|field| Shown::new(field))
            .collect(),
        lints: met
            .map(|lint| (Shown::new(&lint.message), lint.advice))
            .collect(),
    }))
}

/// Returns what is known of a request, without what is not.
fn facts(request: &Request) -> Vec<(&'static str, Shown)> {
    let token = request.token.map(|place| match place {
        TokenPlace::Header => "X-Atlas-Token: {hidden}",
        TokenPlace::Bearer => "Authorization: Bearer {hidden}",
        TokenPlace::Query => "?access_token={hidden}",
    });
    let text = |text: &Option<String>| text.clone();
    let yes = |is: bool, text: &str| is.then(|| text.to_owned());
    let status = request
        .status
        .map_or_else(|| "broke off".to_owned(), |of| of.to_string());
    let facts = [
        ("Time", Some(timestamp(request.time))),
        ("Id", Some(request.id.clone())),
        ("Method", Some(request.method.clone())),
        ("Path", Some(request.path.clone())),
        ("Query", text(&request.query)),
        ("Route", text(&request.route)),
        ("User", text(&request.username)),
        ("Token", token.map(str::to_owned)),
        ("Content-Type", text(&request.content_type)),
        (
            "Content-Length",
            request.content_length.map(|of| of.to_string()),
        ),
        ("Transfer-Encoding", yes(request.chunked, "chunked")),
        ("Bytes received", Some(request.received.to_string())),
        ("Digest of the body", text(&request.digest)),
        ("Version", text(&request.version)),
        ("Then", yes(request.announces_file, "a file is to follow")),
        ("Stored", yes(request.stored, "the version has these bytes")),
        ("Fault", text(&request.fault)),
        ("Status", Some(status)),
        (
            "Duration",
            Some(format!("{} ms", request.duration.as_millis())),
        ),
    ];
    let known = facts
        .into_iter()
        .filter_map(|(name, value)| Some((name, Shown::new(&value?))));
    known.collect()
}

//! The journal: the last requests, chosen by a filter, with lints, and with expectations to compare.

use askama::Template;
use axum::extract::State;
use axum::response::Response;
use tokio::task::spawn_blocking;

use super::request::RequestRow;
use crate::http::error::ApiError;
use crate::http::state::AppState;
use crate::http::web::form::Fields;
use crate::http::web::page::{Frame, PageError, render};
use crate::http::web::shown::Shown;
use crate::http::web::visitor::RootVisitor;
use crate::observe::{Expectations, Request};

/// The greatest number of requests on the page.
const ROWS: usize = 200;

#[derive(Template)]
#[template(path = "control/requests.html")]
struct RequestsPage {
    frame: Frame,
    is_on: bool,
    wanted: Wanted,
    rows: Vec<RequestRow>,
    /// The number of requests that the filter finds.
    found: usize,
    forgotten: u64,
    live: String,
    lints: Vec<LintView>,
    expectations: String,
    verdict: Option<String>,
}

struct LintView {
    message: Shown,
    advice: &'static str,
    requests: usize,
}

/// A filter of requests. Each part that is given must match.
#[derive(Clone, Debug, Default)]
pub(super) struct Wanted {
    pub(super) method: String,
    /// A part of the path, of its template, or of the version.
    pub(super) path: String,
    /// A status, or its first digit.
    pub(super) status: String,
    /// The user whose token the request had.
    pub(super) user: String,
}

impl Wanted {
    pub(super) fn of(query: &Fields) -> Self {
        let text = |name| query.get(name).trim().to_owned();
        Self {
            method: text("method").to_ascii_uppercase(),
            path: text("path"),
            status: text("status").trim_end_matches(['x', 'X']).to_owned(),
            user: text("user"),
        }
    }

    pub(super) fn accepts(&self, request: &Request) -> bool {
        let texts = [
            Some(&request.path),
            request.route.as_ref(),
            request.version.as_ref(),
        ];
        let mut texts = texts.into_iter().flatten();
        let status = request
            .status
            .map_or_else(|| "broke off".to_owned(), |of| of.to_string());
        let user = request.username.as_deref().unwrap_or_default();
        (self.method.is_empty() || self.method == request.method)
            && (self.path.is_empty() || texts.any(|text| text.contains(&self.path)))
            && status.starts_with(&self.status)
            && (self.user.is_empty() || self.user == user)
    }

    /// Returns the query string of the filter.
    fn query(&self) -> String {
        let mut query = form_urlencoded::Serializer::new(String::new());
        query.append_pair("method", &self.method);
        query.append_pair("path", &self.path);
        query.append_pair("status", &self.status);
        query.append_pair("user", &self.user);
        query.finish()
    }
}

/// Handles `GET /_mock/`. The query filters requests, and `expectations` has lines to compare the journal with.
pub(crate) async fn show(
    State(state): State<AppState>,
    RootVisitor(visitor): RootVisitor,
    query: Fields,
) -> Result<Response, PageError> {
    let frame = Frame::new("Requests", &visitor);
    // A full journal takes a while to decode, which must not block the runtime.
    let page = spawn_blocking(move || page(&state, frame, &query)).await;
    Ok(render(&page.map_err(visitor.failed())?))
}

fn page(state: &AppState, frame: Frame, query: &Fields) -> RequestsPage {
    let journal = state.observer().journal();
    let recorded = journal.page();
    let seen = recorded.forgotten + recorded.requests.len() as u64;
    let wanted = Wanted::of(query);
    let found: Vec<&Request> = recorded
        .requests
        .iter()
        .filter(|one| wanted.accepts(one))
        .collect();
    let lints = state.observer().lints().into_iter().map(|lint| LintView {
        message: Shown::new(&lint.message),
        advice: lint.advice,
        requests: lint.requests.len(),
    });
    let expectations = query.get("expectations").to_owned();
    RequestsPage {
        frame,
        is_on: journal.is_on(),
        rows: found
            .iter()
            .rev()
            .take(ROWS)
            .map(|one| RequestRow::new(one))
            .collect(),
        found: found.len(),
        forgotten: recorded.forgotten,
        live: format!("/_mock/control/live?seen={seen}&{}", wanted.query()),
        wanted,
        lints: lints.collect(),
        verdict: query
            .given("expectations")
            .map(|lines| verdict(state, lines)),
        expectations,
    }
}

/// Returns the verdict of a comparison of the journal with expectations, or the mistake in them.
fn verdict(state: &AppState, lines: &str) -> String {
    let lines = lines.lines().filter(|line| !line.trim().is_empty());
    let read = lines
        .into_iter()
        .try_fold(Expectations::new(), Expectations::expect);
    match read {
        Ok(expectations) => state.observer().verify(&expectations).to_string(),
        Err(error) => ApiError::from(error).to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_filter_wants_all_that_it_names() {
        let mut one = Request::example(1, "PUT", "/api/v1/artifacts/acme/web");
        one.username = Some("amy".to_owned());
        let wants = |method: &str, path: &str, status: &str, user: &str| {
            let text = str::to_owned;
            let (method, path, status, user) = (text(method), text(path), text(status), text(user));
            Wanted {
                method,
                path,
                status,
                user,
            }
            .accepts(&one)
        };
        assert!(wants("", "", "", "") && wants("PUT", "acme/web", "2", "amy"));
        assert!(!wants("GET", "", "", "") && !wants("", "acme/db", "", ""));
        assert!(!wants("", "", "4", "") && !wants("", "", "", "bob"));
    }
}

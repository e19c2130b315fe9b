//! Faults and chaos: what is there, what can be added, and what it has met.

use askama::Template;
use axum::extract::State;
use axum::response::Response;

use super::note::{Note, status, unknown};
use crate::endpoint::Api;
use crate::faults::Fault;
use crate::http::admin::faults;
use crate::http::error::ApiError;
use crate::http::extract::RequireRoot;
use crate::http::state::AppState;
use crate::http::web::form::{Fields, RootForm};
use crate::http::web::page::{Frame, PageError, render_with};
use crate::http::web::visitor::{RootVisitor, Visitor};

const PAGE: &str = "/_mock/control/faults";

#[derive(Template)]
#[template(path = "control/faults.html")]
struct FaultsPage {
    frame: Frame,
    note: Option<Note>,
    rows: Vec<FaultRow>,
    chaos: Option<ChaosView>,
    /// The text of the fault that was refused.
    rule: String,
    routes: Vec<&'static str>,
    effects: &'static str,
}

struct FaultRow {
    id: u64,
    text: String,
    seen: u64,
    fired: u64,
}

struct ChaosView {
    probability: f64,
    seed: u64,
    fired: u64,
}

/// Handles `GET /_mock/control/faults`.
pub(crate) async fn show(
    State(state): State<AppState>,
    RootVisitor(visitor): RootVisitor,
) -> Response {
    page(&state, &visitor, None, "")
}

fn page(state: &AppState, visitor: &Visitor, note: Option<Note>, rule: &str) -> Response {
    let rows = state.faults().reports().into_iter().map(|report| FaultRow {
        id: report.id,
        text: report.fault.to_string(),
        seen: report.seen,
        fired: report.fired,
    });
    let chaos = state.faults().chaos().map(|(chaos, fired)| ChaosView {
        probability: chaos.probability,
        seed: chaos.seed,
        fired,
    });
    let mut routes: Vec<&str> = Vec::new();
    for name in Api::all().map(Api::name) {
        if !routes.contains(&name) {
            routes.push(name);
        }
    }
    render_with(
        status(note.as_ref()),
        &FaultsPage {
            frame: Frame::new("Faults", visitor),
            note,
            rows: rows.collect(),
            chaos,
            rule: rule.to_owned(),
            routes,
            effects: Fault::EFFECTS,
        },
    )
}

/// Handles `POST /_mock/control/faults`: adds a fault, removes one, or removes all.
pub(crate) async fn change(
    State(state): State<AppState>,
    RootForm(RootVisitor(visitor), fields): RootForm,
) -> Result<Response, PageError> {
    match act(&state, &fields).await {
        Ok(()) => Ok(visitor.redirect(PAGE)),
        Err(error) => {
            let rule = fields.get("fault[rule]");
            Ok(page(&state, &visitor, Some(Note::wrong(&error)), rule))
        }
    }
}

async fn act(state: &AppState, fields: &Fields) -> Result<(), ApiError> {
    match fields.get("action") {
        "add" => {
            let params = fields.params()?;
            faults::create(State(state.clone()), RequireRoot, params)
                .await
                .map(drop)
        }
        "remove" => {
            let id = fields.get("id").parse().ok();
            let is_gone = id.is_some_and(|id| state.faults().remove(id));
            is_gone.then_some(()).ok_or(ApiError::NotFound)
        }
        "clear" => {
            state.faults().clear();
            Ok(())
        }
        other => Err(unknown(other)),
    }
}

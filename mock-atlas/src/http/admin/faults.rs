//! Adds, lists and removes faults (`/_mock/faults`).

use axum::Json;
use axum::extract::rejection::PathRejection;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};

use crate::faults::Fault;
use crate::http::error::ApiError;
use crate::http::extract::{Params, RequireRoot};
use crate::http::json::{ChaosElement, FaultElement, FaultsReply};
use crate::http::state::AppState;

/// Handles `POST /_mock/faults`.
pub(crate) async fn create(
    State(state): State<AppState>,
    _: RequireRoot,
    params: Params,
) -> Result<Response, ApiError> {
    let rule = params.section("fault")?.required_text("rule")?;
    let fault: Fault = rule
        .parse()
        .map_err(|error| ApiError::Invalid(format!("fault[rule]: {error}")))?;
    let report = state.faults().add(fault);
    Ok(Json(FaultElement::from(&report)).into_response())
}

/// Handles `GET /_mock/faults`.
pub(crate) async fn list(State(state): State<AppState>, _: RequireRoot) -> Response {
    Json(FaultsReply {
        faults: state
            .faults()
            .reports()
            .iter()
            .map(FaultElement::from)
            .collect(),
        chaos: state.faults().chaos().map(ChaosElement::from),
    })
    .into_response()
}

/// Handles `DELETE /_mock/faults`.
pub(crate) async fn clear(State(state): State<AppState>, _: RequireRoot) -> StatusCode {
    state.faults().clear();
    StatusCode::NO_CONTENT
}

/// Handles `DELETE /_mock/faults/:id`.
pub(crate) async fn remove(
    State(state): State<AppState>,
    _: RequireRoot,
    id: Result<Path<u64>, PathRejection>,
) -> Result<StatusCode, ApiError> {
    let is_gone = id.is_ok_and(|Path(id)| state.faults().remove(id));
    is_gone
        .then_some(StatusCode::NO_CONTENT)
        .ok_or(ApiError::NotFound)
}

//! Faults: what the emulator is to do wrong, and how often it did.

use axum::Json;
use axum::extract::rejection::PathRejection;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};

use crate::atlas::Atlas;
use crate::error::ApiError;
use crate::extract::{Params, Root};
use crate::faults::Fault;
use crate::wire::{ChaosElement, FaultElement, FaultsReply};

/// `POST /_mock/faults`.
pub(crate) async fn create(
    State(atlas): State<Atlas>,
    _: Root,
    params: Params,
) -> Result<Response, ApiError> {
    let rule = params.section("fault")?.required_text("rule")?;
    let fault: Fault = rule
        .parse()
        .map_err(|error| ApiError::Invalid(format!("fault[rule]: {error}")))?;
    let report = atlas.faults().add(fault);
    Ok(Json(FaultElement::from(&report)).into_response())
}

/// `GET /_mock/faults`.
pub(crate) async fn list(State(atlas): State<Atlas>, _: Root) -> Response {
    Json(FaultsReply {
        faults: atlas
            .faults()
            .reports()
            .iter()
            .map(FaultElement::from)
            .collect(),
        chaos: atlas.faults().chaos().map(ChaosElement::from),
    })
    .into_response()
}

/// `DELETE /_mock/faults`.
pub(crate) async fn clear(State(atlas): State<Atlas>, _: Root) -> StatusCode {
    atlas.faults().clear();
    StatusCode::NO_CONTENT
}

/// `DELETE /_mock/faults/:id`.
pub(crate) async fn remove(
    State(atlas): State<Atlas>,
    _: Root,
    id: Result<Path<u64>, PathRejection>,
) -> Result<StatusCode, ApiError> {
    let is_gone = id.is_ok_and(|Path(id)| atlas.faults().remove(id));
    is_gone
        .then_some(StatusCode::NO_CONTENT)
        .ok_or(ApiError::NotFound)
}

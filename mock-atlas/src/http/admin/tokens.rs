//! `/_mock/tokens` makes, lists and revokes tokens.

use axum::Json;
use axum::extract::Path;
use axum::extract::rejection::PathRejection;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use uuid::Uuid;

use crate::domain::Name;
use crate::http::error::ApiError;
use crate::http::extract::{Params, Root};
use crate::http::json::{NewTokenReply, TokenElement, TokensReply};
use crate::service::Dataset;
use crate::storage::AccountError;

/// `POST /_mock/tokens`.
pub(crate) async fn create(
    dataset: Dataset,
    _: Root,
    params: Params,
) -> Result<Response, ApiError> {
    let section = params.section("token")?;
    let username: Name = section
        .required_text("username")?
        .parse()
        .map_err(|error| ApiError::bad_name("token[username]", &error))?;
    let description = section.text("description")?.unwrap_or_default();
    let made = dataset.accounts().make_token(&username, description);
    let (token, value) = made.map_err(|refusal| match refusal {
        AccountError::UnknownUser => ApiError::Invalid(format!("token[username]: {refusal}")),
        other => other.into(),
    })?;
    let reply = NewTokenReply {
        token: value,
        about: TokenElement::from(&token),
    };
    Ok(Json(reply).into_response())
}

/// `GET /_mock/tokens`.
pub(crate) async fn list(dataset: Dataset, _: Root) -> Response {
    let tokens = dataset.accounts().tokens();
    Json(TokensReply {
        tokens: tokens.iter().map(TokenElement::from).collect(),
    })
    .into_response()
}

/// `DELETE /_mock/tokens/:id`.
pub(crate) async fn revoke(
    dataset: Dataset,
    _: Root,
    id: Result<Path<String>, PathRejection>,
) -> Result<StatusCode, ApiError> {
    let id = id.ok().and_then(|Path(id)| id.parse().ok());
    let id: Uuid = id.ok_or(ApiError::NotFound)?;
    dataset.accounts().revoke(id)?;
    Ok(StatusCode::NO_CONTENT)
}

//! Creates, lists and revokes tokens (`/_mock/tokens`).

use std::fmt::Display;

use axum::Json;
use axum::extract::Path;
use axum::extract::rejection::PathRejection;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use uuid::Uuid;

use crate::domain::{Name, ScopeError, required_timestamp};
use crate::http::error::ApiError;
use crate::http::extract::{Params, RequireRoot, Section};
use crate::http::json::{NewTokenReply, TokenElement, TokensReply};
use crate::service::{Dataset, ServiceError, accounts};
use crate::storage::{AccountError, StorageError, Token, TokenLimits};

/// Handles `POST /_mock/tokens`.
pub(crate) async fn create(
    dataset: Dataset,
    _: RequireRoot,
    params: Params,
) -> Result<Response, ApiError> {
    let (token, value) = make(&dataset, &params).await?;
    let reply = NewTokenReply {
        token: value,
        about: TokenElement::from(&token),
    };
    Ok(Json(reply).into_response())
}

/// Makes the token that parameters describe, and returns it with its value.
pub(crate) async fn make(dataset: &Dataset, params: &Params) -> Result<(Token, String), ApiError> {
    let section = params.section("token")?;
    let username: Name = section
        .required_text("username")?
        .parse()
        .map_err(|error| ApiError::bad_name("token[username]", &error))?;
    let description = section.text("description")?.unwrap_or_default();
    let limits = limits(&section)?;
    let created = accounts::create_token(dataset, &username, description, limits).await;
    created.map_err(|error| match error {
        ServiceError::Storage(StorageError::Account(unknown @ AccountError::UnknownUser)) => {
            ApiError::Invalid(format!("token[username]: {unknown}"))
        }
        ServiceError::Storage(StorageError::Account(past @ AccountError::EndIsPast)) => {
            ApiError::Invalid(format!("token[expires_at]: {past}"))
        }
        other => other.into(),
    })
}

/// Reads the limits of a token.
fn limits(section: &Section<'_>) -> Result<TokenLimits, ApiError> {
    let invalid = |key: &str, reason: &dyn Display| {
        ApiError::Invalid(format!("{}: {reason}", section.label(key)))
    };
    let scope = section.text("scope")?.map(str::parse).transpose();
    let scope = scope.map_err(|error: ScopeError| invalid("scope", &error))?;
    let expires = section.text("expires_at")?.map(required_timestamp);
    let expires = expires.transpose();
    Ok(TokenLimits {
        scope: scope.unwrap_or_default(),
        expires: expires.map_err(|error| invalid("expires_at", &error))?,
    })
}

/// Handles `GET /_mock/tokens`.
pub(crate) async fn list(dataset: Dataset, _: RequireRoot) -> Result<Response, ApiError> {
    let tokens = accounts::tokens(&dataset).await?;
    Ok(Json(TokensReply {
        tokens: tokens.iter().map(TokenElement::from).collect(),
    })
    .into_response())
}

/// Handles `DELETE /_mock/tokens/:id`.
pub(crate) async fn revoke(
    dataset: Dataset,
    _: RequireRoot,
    id: Result<Path<String>, PathRejection>,
) -> Result<StatusCode, ApiError> {
    let id = id.ok().and_then(|Path(id)| id.parse().ok());
    let id: Uuid = id.ok_or(ApiError::NotFound)?;
    accounts::revoke_token(&dataset, id).await?;
    Ok(StatusCode::NO_CONTENT)
}

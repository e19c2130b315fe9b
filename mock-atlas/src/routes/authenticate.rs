//! Tokens: whether one is good, and a new one for a login.

use axum::Json;
use axum::extract::State;
use axum::response::{IntoResponse, Response};

use crate::atlas::Atlas;
use crate::error::ApiError;
use crate::extract::{Member, Params};
use crate::wire::{TokenReply, User, UserReply};

/// `GET /authenticate` and `GET /token`: who the token belongs to.
pub(crate) async fn whoami(Member(account): Member) -> Response {
    Json(UserReply {
        user: User {
            username: &account.username,
        },
    })
    .into_response()
}

/// `POST /authenticate`: a new token for a login and its password.
pub(crate) async fn log_in(
    State(atlas): State<Atlas>,
    params: Params,
) -> Result<Json<TokenReply>, ApiError> {
    let user = params.section("user")?;
    let (login, password) = (
        user.required_text("login")?,
        user.required_text("password")?,
    );
    let token = atlas
        .access()
        .log_in(login, password)
        .ok_or(ApiError::WRONG_PASSWORD)?;
    Ok(Json(TokenReply { token }))
}

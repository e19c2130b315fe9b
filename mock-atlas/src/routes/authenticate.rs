//! Tokens: whether one is good, and a new one for a login.

use axum::Json;
use axum::response::{IntoResponse, Response};

use crate::access::Refusal;
use crate::error::ApiError;
use crate::extract::{Member, Params};
use crate::wire::{TokenReply, User, UserReply};
use crate::world::World;

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
pub(crate) async fn log_in(world: World, params: Params) -> Result<Json<TokenReply>, ApiError> {
    let user = params.section("user")?;
    let (login, password) = (
        user.required_text("login")?,
        user.required_text("password")?,
    );
    let description = user.text("description")?.unwrap_or_default();
    let token = world
        .access()
        .log_in(login, password, description)
        .map_err(|refusal| match refusal {
            Refusal::UnknownUser => ApiError::WRONG_PASSWORD,
            other => other.into(),
        })?;
    Ok(Json(TokenReply { token }))
}

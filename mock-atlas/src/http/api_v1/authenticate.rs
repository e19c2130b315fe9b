//! Shows whose token a request has, and creates a token for a login.

use axum::Json;
use axum::response::{IntoResponse, Response};

use crate::http::error::ApiError;
use crate::http::extract::{Authenticated, Params};
use crate::http::json::{TokenReply, User, UserReply};
use crate::service::{Dataset, accounts};

/// Handles `GET /authenticate` and `GET /token`: returns the user to whom the token belongs.
// Contract: auth.authenticate, auth.token-check, silent.token-body
pub(crate) async fn whoami(Authenticated(account): Authenticated) -> Response {
    Json(UserReply {
        user: User {
            username: &account.username,
        },
    })
    .into_response()
}

/// Handles `POST /authenticate`: returns a new token for a login and its password.
// Contract: auth.login
pub(crate) async fn log_in(dataset: Dataset, params: Params) -> Result<Json<TokenReply>, ApiError> {
    let user = params.section("user")?;
    let (login, password) = (
        user.required_text("login")?,
        user.required_text("password")?,
    );
    let description = user.text("description")?.unwrap_or_default();
    let token = accounts::log_in(&dataset, login, password, description).await?;
    Ok(Json(TokenReply { token }))
}

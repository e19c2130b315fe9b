//! Shows whose token a request has, creates a token for a login, and revokes a token.

use axum::Json;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};

use crate::http::context::RequestContext;
use crate::http::error::ApiError;
use crate::http::extract::{Authenticated, Params};
use crate::http::json::{CodeSentReply, LoginReply, User, UserReply};
use crate::service::{Dataset, accounts};
use crate::storage::{Login, TokenLimits};

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

/// Handles `POST /authenticate`: returns a new token for a login and its password. The description is beside the
/// login in the form of HashiCorp's Go client, and in an object of its own in the JSON of Vagrant.
// Contract: auth.login, boxes.login
pub(crate) async fn log_in(
    dataset: Dataset,
    context: RequestContext,
    params: Params,
) -> Result<Json<LoginReply>, ApiError> {
    let user = params.section("user")?;
    let text = |object, key| {
        let section = params.optional_section(object)?;
        section.map_or(Ok(None), |section| section.text(key))
    };
    let login = Login {
        name: user.required_text("login")?,
        password: user.required_text("password")?,
        code: text("two_factor", "code")?.filter(|code| !code.is_empty()),
    };
    let description = match user.text("description")? {
        Some(description) => Some(description),
        None => text("token", "description")?,
    };
    let made = accounts::log_in(
        &dataset,
        &login,
        description.unwrap_or_default(),
        TokenLimits::default(),
    )
    .await?;
    context.set_account(&made.0.account);
    Ok(Json(made.into()))
}

/// Handles `DELETE /authenticate`: revokes the token of the request.
// Contract: boxes.logout
pub(crate) async fn log_out(
    dataset: Dataset,
    context: RequestContext,
    _: Authenticated,
) -> Result<StatusCode, ApiError> {
    let token = context.token().ok_or(ApiError::UNKNOWN_TOKEN)?;
    accounts::log_out(&dataset, token).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Handles `POST /two-factor/request-code`. The code of a user stays the same, so none is sent.
pub(crate) async fn request_code(
    dataset: Dataset,
    params: Params,
) -> Result<Json<CodeSentReply>, ApiError> {
    let user = params.section("user")?;
    let login = user.required_text("login")?;
    let password = user.required_text("password")?;
    if !accounts::has_second_factor(&dataset, login, password).await? {
        let message = "The user has no second factor, so there is no code to send.";
        return Err(ApiError::Invalid(message.to_owned()));
    }
    Ok(Json(CodeSentReply::SENT))
}

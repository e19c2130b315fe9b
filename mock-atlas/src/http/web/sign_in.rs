//! Begins and ends sessions.

use std::sync::Arc;

use askama::Template;
use axum::extract::State;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::Response;

use super::form::{Fields, Form, OpenForm};
use super::page::{Frame, PageError, render_with};
use super::place::Place;
use super::visitor::Visitor;
use crate::domain::{Account, Caller};
use crate::http::context::RequestContext;
use crate::http::error::ApiError;
use crate::http::state::AppState;
use crate::service::{Dataset, ServiceError, accounts};
use crate::storage::Login;

#[derive(Template)]
#[template(path = "sign_in.html")]
struct SignInPage {
    frame: Frame,
    /// The reason for which a sign-in failed.
    message: Option<String>,
    /// The address to which the sign-in leads.
    then: String,
}

/// Handles `GET /_mock/pages/sign-in`.
pub(crate) async fn show(visitor: Visitor, query: Fields) -> Response {
    page(&visitor, query.get("then"), None)
}

fn page(visitor: &Visitor, then: &str, failure: Option<(StatusCode, String)>) -> Response {
    let mut frame = Frame::new("Sign in", visitor);
    frame.here = local(then).to_owned();
    let (status, message) = match failure {
        Some((status, message)) => (status, Some(message)),
        None => (StatusCode::OK, None),
    };
    let then = local(then).to_owned();
    render_with(
        status,
        &SignInPage {
            frame,
            message,
            then,
        },
    )
}

/// Returns an address of this server; that of the first page for any other.
fn local(then: &str) -> &str {
    let is_plain = |c: char| c.is_ascii_graphic() && c != '\\';
    let is_local = then.starts_with('/') && !then.starts_with("//") && then.chars().all(is_plain);
    match is_local && !then.starts_with("/_mock/pages/sign-in") {
        true => then,
        false => "/",
    }
}

/// Handles `POST /_mock/pages/sign-in`: begins a session for a token, or for a user and a password.
pub(crate) async fn sign_in(
    State(state): State<AppState>,
    dataset: Dataset,
    context: RequestContext,
    OpenForm(visitor, fields): OpenForm,
) -> Result<Response, PageError> {
    let then = fields.get("then").to_owned();
    match begin(&state, &dataset, &fields).await {
        Ok((account, session)) => {
            context.set_account(&account);
            let cookie = cookie(&state, &visitor, &session, accounts::SESSION.as_secs());
            Ok(leave(&visitor, local(&then), &cookie))
        }
        Err(
            error @ (ServiceError::UnknownToken
            | ServiceError::WrongPassword
            | ServiceError::CodeNeeded),
        ) => {
            let error = ApiError::from(error);
            let failure = (error.status(), error.to_string());
            Ok(page(&visitor, &then, Some(failure)))
        }
        Err(error) => Err(visitor.failed()(error)),
    }
}

async fn begin(
    state: &AppState,
    dataset: &Dataset,
    fields: &Fields,
) -> Result<(Arc<Account>, String), ServiceError> {
    if let Some(token) = fields.given("token") {
        return accounts::begin_session(dataset, token).await;
    }
    let login = Login {
        name: fields.get("user").trim(),
        password: fields.get("password"),
        code: fields.given("code"),
    };
    accounts::log_in_to_session(dataset, &login, state.clock().now()).await
}

/// Handles `POST /_mock/pages/sign-out`.
pub(crate) async fn sign_out(
    State(state): State<AppState>,
    dataset: Dataset,
    Form(visitor, _): Form,
) -> Result<Response, PageError> {
    if let Caller::Known(account) = &visitor.caller {
        visitor.page(accounts::end_session(&dataset, account).await)?;
    }
    Ok(leave(&visitor, "/", &cookie(&state, &visitor, "", 0)))
}

/// Returns the cookie of a session. No script reads it, and no other site sends it along.
fn cookie(state: &AppState, visitor: &Visitor, session: &str, seconds: u64) -> String {
    let url = state.public_url().unwrap_or_default();
    let is_secure = state.listener_info().tls || url.starts_with("https:");
    let secure = if is_secure { "; Secure" } else { "" };
    let Place { base, cookie } = &visitor.place;
    format!(
        "{cookie}={session}; Path={base}/; Max-Age={seconds}; HttpOnly; SameSite=Strict{secure}"
    )
}

fn leave(visitor: &Visitor, then: &str, cookie: &str) -> Response {
    let mut response = visitor.redirect(then);
    if let Ok(mut cookie) = HeaderValue::try_from(cookie) {
        cookie.set_sensitive(true);
        response.headers_mut().insert(header::SET_COOKIE, cookie);
    }
    response
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sign_in_leads_to_this_server_only() {
        for own in ["/", "/acme/web?type=a.b", "/_mock/"] {
            assert_eq!(local(own), own);
        }
        for other in [
            "",
            "//evil.example",
            "/\\evil.example",
            "https://evil.example",
            "/a\r\nb",
            "/\tx",
            "x",
            "/_mock/pages/sign-in?then=/",
        ] {
            assert_eq!(local(other), "/", "{other:?}");
        }
    }
}

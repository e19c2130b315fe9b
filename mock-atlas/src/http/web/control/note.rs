//! A note on a page of the control room: what became of a form.

use axum::http::StatusCode;
use axum::response::{IntoResponse, Redirect, Response};

use crate::http::error::ApiError;
use crate::http::web::page::protect;

/// A note tells what became of a form.
#[derive(Debug)]
pub(super) struct Note {
    pub(super) text: String,
    pub(super) is_wrong: bool,
    /// A text that is shown once, such as the value of a new token.
    pub(super) secret: Option<String>,
    pub(super) status: StatusCode,
}

impl Note {
    /// Says that a form was refused.
    pub(super) fn wrong(error: &ApiError) -> Self {
        Self {
            text: error.to_string(),
            is_wrong: true,
            secret: None,
            status: error.status(),
        }
    }

    /// Says what was made, whose secret is shown once.
    pub(super) fn made(text: String, secret: Option<String>) -> Self {
        Self {
            text,
            is_wrong: false,
            secret,
            status: StatusCode::OK,
        }
    }
}

/// Returns the status of a page with a note, or without one.
pub(super) fn status(note: Option<&Note>) -> StatusCode {
    note.map_or(StatusCode::OK, |note| note.status)
}

/// Returns the error for an action that no form of the page has.
pub(super) fn unknown(action: &str) -> ApiError {
    ApiError::Invalid(format!("action: {action:?} is none of this page"))
}

/// Leads back to a page after a form has done its work, so that a reload of the page does not do it again.
pub(super) fn done(page: &str) -> Response {
    protect(Redirect::to(page).into_response())
}

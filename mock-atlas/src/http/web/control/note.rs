//! A note on a page of the control room: what became of a form.

use axum::http::StatusCode;

use crate::http::error::ApiError;

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
    /// Says what became of a form; `None` if it has done its work and made nothing that is shown.
    pub(super) fn of(done: Result<Option<Self>, ApiError>) -> Option<Self> {
        done.unwrap_or_else(|error| Some(Self::wrong(&error)))
    }

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

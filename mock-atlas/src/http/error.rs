//! `ApiError` makes a reply of every error; nothing else knows their status codes and bodies.

use std::borrow::Cow;
use std::error::Error;
use std::io;
use std::iter::successors;
use std::time::Duration;

use axum::Json;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use tokio::task::JoinError;

use super::middleware::body_timeout::TimedOut;
use crate::domain::{NameError, OverLimit};
use crate::faults;
use crate::observe::ExpectError;
use crate::service::ServiceError;
use crate::service::seed::SeedError;
use crate::service::snapshot::SnapshotError;
use crate::storage::{AccountError, MemoryFull, StorageError};

/// What a client is told when a request fails.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ApiError {
    /// No token, an unknown one, or a wrong password.
    #[error("{0}")]
    Unauthorized(&'static str),
    /// Nothing is there, or nothing this caller may see: the words of the real Atlas, for both.
    // Contract: errors.not-found
    #[error("Resource not found!")]
    NotFound,
    /// The path is known, the method is not one of those it takes.
    // Contract: silent.methods-and-paths
    #[error("This path does not take this method; see the header Allow.")]
    MethodNotAllowed,
    /// Atlas had it, and this emulator does not.
    #[error("This emulator does not serve {0}: nothing is known here of what there is.")]
    NotServed(&'static str),
    /// The request cannot be read.
    #[error("{0}")]
    Malformed(String),
    /// The request was read and asks for what cannot be.
    #[error("{0}")]
    Invalid(String),
    /// The request contradicts what is stored.
    #[error("{0}")]
    Conflict(String),
    /// More bytes than this emulator takes.
    #[error("The body is larger than the {limit} bytes that are allowed here.")]
    TooLarge { limit: u64 },
    /// A version that is larger.
    #[error(transparent)]
    OverLimit(#[from] OverLimit),
    /// A body that did not go on.
    #[error("Nothing of the body came for {0:?}.")]
    TimedOut(Duration),
    /// As many uploads at a time as this emulator takes.
    #[error("There are as many uploads under way as are allowed here: try again.")]
    Busy,
    /// More files than this emulator holds.
    #[error(transparent)]
    MemoryFull(#[from] MemoryFull),
    /// A file that there was memory for no more, and that the disk does not take.
    #[error("There is no memory for these bytes, and they cannot be kept on disk: {0}.")]
    DiskFull(io::Error),
    /// A body in a form this API does not speak.
    #[error(
        "Content-Type {0:?} is not understood: send application/json, \
         application/x-www-form-urlencoded, or JSON without a Content-Type."
    )]
    UnsupportedMediaType(String),
    /// Nothing the client did: the emulator cannot go on.
    #[error("{0}")]
    Internal(String),
    /// A range that begins beyond the end of the file.
    #[error("The file has {len} bytes, and the range asked for begins beyond them.")]
    RangeNotSatisfiable { len: u64 },
    /// Nothing is wrong: a fault wants it.
    #[error("This emulator was told to answer so: see /_mock/faults.")]
    Fault(faults::ErrorReply),
}

impl ApiError {
    pub(crate) const UNKNOWN_TOKEN: Self =
        Self::Unauthorized("The token is missing or unknown to this Atlas.");
    // Contract: auth.login-refuses
    pub(crate) const WRONG_PASSWORD: Self =
        Self::Unauthorized("The login or the password is wrong.");
    pub(crate) const NOT_ROOT: Self = Self::Unauthorized(
        "This is for the token that may do everything, with which the emulator was started.",
    );

    /// A parameter that is a name, and is none.
    pub(crate) fn bad_name(parameter: &str, error: &NameError) -> Self {
        Self::Invalid(format!("{parameter} {error}"))
    }

    /// A body that broke off, or did not go on, after what is told of it.
    pub(crate) fn broken_body(error: &(dyn Error + 'static), after: &str) -> Self {
        Self::timed_out(error)
            .unwrap_or_else(|| Self::Malformed(format!("The body broke off{after}: {error}.")))
    }

    /// What came of a body that did not go on, if that is what is behind an error.
    fn timed_out(error: &(dyn Error + 'static)) -> Option<Self> {
        let mut causes = successors(Some(error), |&error| error.source());
        let timed_out = causes.find_map(|cause| cause.downcast_ref::<TimedOut>());
        timed_out.map(|TimedOut(timeout)| Self::TimedOut(*timeout))
    }

    // Contract: errors.go-statuses, silent.refusals
    fn status(&self) -> StatusCode {
        match self {
            Self::Unauthorized(_) => StatusCode::UNAUTHORIZED,
            Self::NotFound => StatusCode::NOT_FOUND,
            Self::MethodNotAllowed => StatusCode::METHOD_NOT_ALLOWED,
            Self::NotServed(_) => StatusCode::NOT_IMPLEMENTED,
            Self::Malformed(_) => StatusCode::BAD_REQUEST,
            Self::Invalid(_) => StatusCode::UNPROCESSABLE_ENTITY,
            Self::Conflict(_) => StatusCode::CONFLICT,
            Self::TooLarge { .. } | Self::OverLimit(OverLimit::File(_)) => {
                StatusCode::PAYLOAD_TOO_LARGE
            }
            Self::OverLimit(OverLimit::Id(_) | OverLimit::Keys) => StatusCode::UNPROCESSABLE_ENTITY,
            Self::TimedOut(_) => StatusCode::REQUEST_TIMEOUT,
            Self::Busy => StatusCode::SERVICE_UNAVAILABLE,
            Self::MemoryFull(_) | Self::DiskFull(_) => StatusCode::INSUFFICIENT_STORAGE,
            Self::UnsupportedMediaType(_) => StatusCode::UNSUPPORTED_MEDIA_TYPE,
            Self::Internal(_) => StatusCode::INTERNAL_SERVER_ERROR,
            Self::RangeNotSatisfiable { .. } => StatusCode::RANGE_NOT_SATISFIABLE,
            Self::Fault(refusal) => {
                StatusCode::from_u16(refusal.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR)
            }
        }
    }
}

impl From<ServiceError> for ApiError {
    fn from(error: ServiceError) -> Self {
        match error {
            ServiceError::UnknownToken => Self::UNKNOWN_TOKEN,
            ServiceError::WrongPassword => Self::WRONG_PASSWORD,
            ServiceError::Storage(error) => error.into(),
            ServiceError::OverLimit(over) => over.into(),
            ServiceError::TooManyUploads => Self::Busy,
            ServiceError::PartialUpload => {
                let message = "An upload is sent whole: a Content-Range is not taken.";
                Self::Malformed(message.to_owned())
            }
            ServiceError::BrokenBody { after, error } => {
                Self::broken_body(&*error, &format!(" after {after} bytes"))
            }
            ServiceError::MemoryFull(full) => full.into(),
            ServiceError::DiskFull(error) => Self::DiskFull(error),
        }
    }
}

impl From<StorageError> for ApiError {
    fn from(error: StorageError) -> Self {
        match error {
            StorageError::NotFound => Self::NotFound,
            StorageError::NameTaken => {
                Self::Invalid("artifact[name] has already been taken".into())
            }
            StorageError::NoFileExpected | StorageError::NoNumber | StorageError::NoProvider(_) => {
                Self::Invalid(error.to_string())
            }
            StorageError::OtherBytes => Self::Conflict(error.to_string()),
            StorageError::Account(error) => error.into(),
            StorageError::Backend(error) => Self::Internal(error.to_string()),
        }
    }
}

impl From<AccountError> for ApiError {
    fn from(error: AccountError) -> Self {
        match error {
            AccountError::UnknownToken => Self::NotFound,
            AccountError::Randomness => Self::Internal(error.to_string()),
            other => Self::Invalid(other.to_string()),
        }
    }
}

/// Work on another thread that did not come to its end.
impl From<JoinError> for ApiError {
    fn from(error: JoinError) -> Self {
        Self::Internal(error.to_string())
    }
}

impl From<ExpectError> for ApiError {
    fn from(error: ExpectError) -> Self {
        Self::Invalid(error.to_string())
    }
}

impl From<SeedError> for ApiError {
    fn from(error: SeedError) -> Self {
        Self::Invalid(error.to_string())
    }
}

impl From<SnapshotError> for ApiError {
    fn from(error: SnapshotError) -> Self {
        match error {
            SnapshotError::Read(ref cause) => {
                Self::timed_out(cause).unwrap_or_else(|| Self::Malformed(error.to_string()))
            }
            SnapshotError::Service(error) => error.into(),
            _ => Self::Invalid(error.to_string()),
        }
    }
}

/// The body of every error: an array of texts, which is all that HashiCorp's Go client can decode
/// (contract: Base URL and authentication).
// Contract: errors.envelope, errors.readable, errors.go-decodable
#[derive(Serialize)]
struct ErrorBody {
    errors: [Cow<'static, str>; 1],
    success: bool,
}

impl IntoResponse for ApiError {
    fn into_response(self) -> Response {
        let status = self.status();
        let message = self.to_string();
        let body = ErrorBody {
            errors: [message.into()],
            success: false,
        };
        let mut response = (status, Json(body)).into_response();
        let headers = response.headers_mut();
        match self {
            Self::RangeNotSatisfiable { len } => {
                if let Ok(range) = HeaderValue::try_from(format!("bytes */{len}")) {
                    headers.insert(header::CONTENT_RANGE, range);
                }
            }
            Self::Fault(refusal) => {
                if let Some(seconds) = refusal.retry_after {
                    headers.insert(header::RETRY_AFTER, seconds.into());
                }
            }
            Self::Busy => {
                headers.insert(header::RETRY_AFTER, HeaderValue::from_static("1"));
            }
            // The rest of the body may still come, and is no request (RFC 9110, 15.5.9).
            Self::TimedOut(_) => {
                headers.insert(header::CONNECTION, HeaderValue::from_static("close"));
            }
            _ => {}
        }
        response
    }
}

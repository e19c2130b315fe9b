//! Defines `ApiError`, which turns every error into its reply: the only place with status codes and error
//! bodies.

use std::error::Error;
use std::io;
use std::iter::successors;
use std::time::Duration;

use axum::Json;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use tokio::task::JoinError;

use super::error_format::ErrorMessage;
use super::json::CodeNeededReply;
use super::middleware::body_timeout::TimedOut;
use crate::domain::{BoxError, ChannelError, NameError, OverLimit, OverQuota};
use crate::faults;
use crate::observe::ExpectError;
use crate::service::ServiceError;
use crate::service::seed::SeedError;
use crate::service::snapshot::SnapshotError;
use crate::storage::{
    AccountError, BackendError, BackendErrorKind, ImportError, MemoryFull, StorageError,
};

/// An `ApiError` is the error with which a failed request is answered.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ApiError {
    /// The token is missing or unknown, or the password is wrong.
    #[error("{0}")]
    Unauthorized(&'static str),
    /// The login needs the code of the second factor.
    #[error("The login needs the code of the second factor.")]
    CodeNeeded,
    /// The resource does not exist, or the caller may not see it. Atlas used these words for both.
    // Contract: errors.not-found
    #[error("Resource not found!")]
    NotFound,
    /// The path is known and does not take the method.
    // Contract: silent.methods-and-paths
    #[error("This path does not take this method; see the header Allow.")]
    MethodNotAllowed,
    /// Atlas had this part of the API, and the emulator does not serve it.
    #[error("This emulator does not serve {0}: nothing is known here of what there is.")]
    NotServed(&'static str),
    /// The request cannot be parsed.
    #[error("{0}")]
    Malformed(String),
    /// The request was parsed and is invalid.
    #[error("{0}")]
    Invalid(String),
    /// The request creates something that exists already.
    #[error("{0}")]
    Taken(String),
    /// The request contradicts what is stored.
    #[error("{0}")]
    Conflict(String),
    /// The body is larger than the limit of parameters.
    #[error("The body is larger than the {limit} bytes that are allowed here.")]
    TooLarge { limit: u64 },
    /// The version exceeds a configured limit.
    #[error(transparent)]
    OverLimit(#[from] OverLimit),
    /// The file does not fit into what is left of its owner's quota.
    #[error("{0}")]
    OverQuota(OverQuota),
    /// The next part of the body did not arrive within the body timeout.
    #[error("Nothing of the body came for {0:?}.")]
    TimedOut(Duration),
    /// The greatest number of concurrent uploads is reached.
    #[error("There are as many uploads under way as are allowed here: try again.")]
    Busy,
    /// The memory budget for files is used up.
    #[error(transparent)]
    MemoryFull(#[from] MemoryFull),
    /// The memory budget is used up, and the file could not be written to disk.
    #[error("There is no memory for these bytes, and they cannot be kept on disk: {0}.")]
    DiskFull(io::Error),
    /// The body has a Content-Type that the API does not accept.
    #[error(
        "Content-Type {0:?} is not understood: send application/json, \
         application/x-www-form-urlencoded, or JSON without a Content-Type."
    )]
    UnsupportedMediaType(String),
    /// The emulator failed, for no reason in the request.
    #[error("{0}")]
    Internal(String),
    /// The database or the store of files cannot be reached, or does not answer in time.
    #[error("{0}")]
    Unavailable(String),
    /// The disk of an emulator that keeps its data is full, or nearly full.
    #[error("{0}")]
    StorageFull(String),
    /// The range begins beyond the end of the file.
    #[error("The file has {len} bytes, and the range asked for begins beyond them.")]
    RangeNotSatisfiable { len: u64 },
    /// The request names a host that this emulator is not known by.
    #[error(
        "This server is not known by the host that the request names. Use its address or localhost, or start it with \
         --allow-host NAME."
    )]
    Misdirected,
    /// A form was not sent by a page of this emulator.
    #[error("{0}")]
    Forbidden(&'static str),
    /// A fault rule asks for this error.
    #[error("This emulator was told to answer so: see /_mock/faults.")]
    Fault(faults::ErrorReply),
}

impl ApiError {
    pub(crate) const UNKNOWN_TOKEN: Self =
        Self::Unauthorized("The token is missing or unknown to this Atlas.");
    // Contract: auth.login-refuses
    pub(crate) const WRONG_PASSWORD: Self =
        Self::Unauthorized("The login or the password is wrong.");
    pub(crate) const WRONG_CLIENT: Self = Self::Unauthorized(
        "No token of this client has this value: the id is a username or the id of a token, and the secret the \
         token itself.",
    );
    pub(crate) const NOT_ROOT: Self = Self::Unauthorized(
        "This is for the token that may do everything, with which the emulator was started.",
    );

    /// Returns the error for a parameter that is no valid name.
    pub(crate) fn bad_name(parameter: &str, error: &NameError) -> Self {
        Self::Invalid(format!("{parameter} {error}"))
    }

    /// Returns the error for a body that broke off or timed out; `after` says how much of it arrived.
    pub(crate) fn broken_body(error: &(dyn Error + 'static), after: &str) -> Self {
        Self::timed_out(error)
            .unwrap_or_else(|| Self::Malformed(format!("The body broke off{after}: {error}.")))
    }

    /// Returns [`ApiError::TimedOut`] if a body timeout is among the causes of `error`.
    fn timed_out(error: &(dyn Error + 'static)) -> Option<Self> {
        let mut causes = successors(Some(error), |&error| error.source());
        let timed_out = causes.find_map(|cause| cause.downcast_ref::<TimedOut>());
        timed_out.map(|TimedOut(timeout)| Self::TimedOut(*timeout))
    }

    // Contract: errors.go-statuses, silent.refusals
    pub(super) fn status(&self) -> StatusCode {
        match self {
            Self::Unauthorized(_) => StatusCode::UNAUTHORIZED,
            Self::CodeNeeded => StatusCode::NOT_ACCEPTABLE,
            Self::NotFound => StatusCode::NOT_FOUND,
            Self::MethodNotAllowed => StatusCode::METHOD_NOT_ALLOWED,
            Self::NotServed(_) => StatusCode::NOT_IMPLEMENTED,
            Self::Malformed(_) => StatusCode::BAD_REQUEST,
            Self::Invalid(_) | Self::Taken(_) => StatusCode::UNPROCESSABLE_ENTITY,
            Self::Conflict(_) => StatusCode::CONFLICT,
            Self::TooLarge { .. } | Self::OverLimit(OverLimit::File(_)) | Self::OverQuota(_) => {
                StatusCode::PAYLOAD_TOO_LARGE
            }
            Self::OverLimit(OverLimit::Id(_) | OverLimit::Nul | OverLimit::Keys) => {
                StatusCode::UNPROCESSABLE_ENTITY
            }
            Self::TimedOut(_) => StatusCode::REQUEST_TIMEOUT,
            Self::Busy | Self::Unavailable(_) => StatusCode::SERVICE_UNAVAILABLE,
            Self::MemoryFull(_) | Self::DiskFull(_) | Self::StorageFull(_) => {
                StatusCode::INSUFFICIENT_STORAGE
            }
            Self::UnsupportedMediaType(_) => StatusCode::UNSUPPORTED_MEDIA_TYPE,
            Self::Internal(_) => StatusCode::INTERNAL_SERVER_ERROR,
            Self::RangeNotSatisfiable { .. } => StatusCode::RANGE_NOT_SATISFIABLE,
            Self::Misdirected => StatusCode::MISDIRECTED_REQUEST,
            Self::Forbidden(_) => StatusCode::FORBIDDEN,
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
            ServiceError::CodeNeeded => Self::CodeNeeded,
            ServiceError::WrongClient => Self::WRONG_CLIENT,
            ServiceError::Storage(error) => error.into(),
            ServiceError::ResetNotAllowed => Self::Conflict(error.to_string()),
            ServiceError::Reset(ImportError::Backend(error)) => error.into(),
            ServiceError::Reset(_) => Self::Internal(error.to_string()),
            ServiceError::OverLimit(over) => over.into(),
            ServiceError::TooManyUploads => Self::Busy,
            ServiceError::PartialUpload => {
                let message = "An upload is sent whole: a Content-Range is not taken.";
                Self::Malformed(message.to_owned())
            }
            ServiceError::BrokenBody { after, error } => {
                Self::broken_body(&*error, &format!(" after {after} bytes"))
            }
            ServiceError::Import(reason) | ServiceError::Webhook(reason) => Self::Invalid(reason),
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
            StorageError::Box(
                BoxError::BoxTaken | BoxError::VersionTaken | BoxError::ProviderTaken,
            ) => Self::Taken(error.to_string()),
            StorageError::NoFileExpected
            | StorageError::NoNumber
            | StorageError::PushedBox(_)
            | StorageError::TooManyWebhooks
            | StorageError::Box(_) => Self::Invalid(error.to_string()),
            StorageError::OtherBytes => Self::Conflict(error.to_string()),
            StorageError::Channel(ChannelError::InUse(_) | ChannelError::NothingEarlier) => {
                Self::Conflict(format!("{error}."))
            }
            StorageError::Channel(_) => Self::Invalid(error.to_string()),
            StorageError::OverQuota(over) => Self::OverQuota(over),
            StorageError::Account(error) => error.into(),
            StorageError::Backend(error) => error.into(),
        }
    }
}

impl From<BackendError> for ApiError {
    fn from(error: BackendError) -> Self {
        let text = error.to_string();
        match error.kind() {
            BackendErrorKind::Failed => Self::Internal(text),
            BackendErrorKind::Unavailable => Self::Unavailable(text),
            BackendErrorKind::Full => Self::StorageFull(text),
        }
    }
}

impl From<AccountError> for ApiError {
    fn from(error: AccountError) -> Self {
        match error {
            AccountError::UnknownToken | AccountError::UnknownRegistry => Self::NotFound,
            AccountError::NameTaken => Self::Taken(error.to_string()),
            AccountError::Randomness => Self::Internal(error.to_string()),
            other => Self::Invalid(other.to_string()),
        }
    }
}

/// Converts the error of a blocking task that panicked or was cancelled.
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
        match error.failure() {
            Some(failure) => failure.clone().into(),
            None => Self::Invalid(error.to_string()),
        }
    }
}

impl From<SnapshotError> for ApiError {
    fn from(error: SnapshotError) -> Self {
        match error {
            SnapshotError::Read(ref cause) => {
                Self::timed_out(cause).unwrap_or_else(|| Self::Malformed(error.to_string()))
            }
            SnapshotError::Service(error) => error.into(),
            SnapshotError::Import(ImportError::Backend(error)) => error.into(),
            SnapshotError::Save(_) => Self::Internal(error.to_string()),
            _ => Self::Invalid(error.to_string()),
        }
    }
}

/// The body of every error. `errors` is an array of texts, the only form that HashiCorp's Go client can decode
/// (contract: Base URL and authentication).
// Contract: errors.envelope, errors.readable, errors.go-decodable, boxes.errors
#[derive(Serialize)]
struct ErrorBody<'a> {
    errors: [&'a str; 1],
    success: bool,
}

impl IntoResponse for ApiError {
    fn into_response(self) -> Response {
        let status = self.status();
        if let Self::CodeNeeded = self {
            return (status, Json(CodeNeededReply::METHODS)).into_response();
        }
        let text = self.to_string();
        let body = ErrorBody {
            errors: [&text],
            success: false,
        };
        let mut response = (status, Json(body)).into_response();
        let is_taken = matches!(self, Self::Taken(_));
        let message = ErrorMessage { text, is_taken };
        response.extensions_mut().insert(message);
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
            Self::Busy | Self::Unavailable(_) => {
                headers.insert(header::RETRY_AFTER, HeaderValue::from_static("1"));
            }
            // The rest of the body may still arrive, and must not be parsed as a request (RFC 9110, 15.5.9).
            Self::TimedOut(_) => {
                headers.insert(header::CONNECTION, HeaderValue::from_static("close"));
            }
            _ => {}
        }
        response
    }
}

//! The forms of error replies. Atlas's is the one that [`ApiError`](super::error::ApiError) gives; the paths of HCP
//! have others, also where no endpoint is there and where a fault answers.

use axum::Json;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::Serialize;

use super::json::OAuthError;
use crate::endpoint::{HCP_OPERATIONS, HCP_REGISTRY, HCP_TOKEN};

/// The form of the errors of a path.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ErrorFormat {
    /// `{"errors": ["…"], "success": false}`.
    Atlas,
    /// `{"code": 5, "message": "…", "details": []}`, a status of gRPC.
    Grpc,
    /// `{"error": "invalid_client", "error_description": "…"}` (RFC 6749, 5.2).
    OAuth,
}

/// The message of an error reply, which has Atlas's form as long as this is among its extensions.
#[derive(Clone, Debug)]
pub(crate) struct ErrorMessage {
    pub(crate) text: String,
    /// Whether what was to be created exists already, for which HCP has a status of its own.
    pub(crate) is_taken: bool,
}

/// An error of HCP.
#[derive(Serialize)]
struct GrpcError {
    code: u8,
    message: String,
    details: [(); 0],
}

impl ErrorFormat {
    /// Returns the form of the errors of a path.
    // Contract: boxes-hcp.errors
    pub(crate) fn of(path: &str) -> Self {
        let is_below = |prefix| {
            let rest = path.strip_prefix(prefix);
            rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
        };
        if is_below(HCP_REGISTRY) || is_below(HCP_OPERATIONS) {
            Self::Grpc
        } else if path == HCP_TOKEN {
            Self::OAuth
        } else {
            Self::Atlas
        }
    }

    /// Gives an error reply this form. Another reply stays as it is.
    pub(crate) fn apply(self, mut response: Response) -> Response {
        if self == Self::Atlas {
            return response;
        }
        let Some(message) = response.extensions_mut().remove::<ErrorMessage>() else {
            return response;
        };
        let (mut parts, _) = response.into_parts();
        parts.headers.remove(header::CONTENT_LENGTH);
        match self {
            Self::OAuth => {
                parts.status = oauth_status(parts.status);
                if parts.status == StatusCode::UNAUTHORIZED {
                    let scheme = HeaderValue::from_static("Basic realm=\"mock-atlas\"");
                    parts.headers.insert(header::WWW_AUTHENTICATE, scheme);
                }
                let body = OAuthError {
                    error: oauth_error(parts.status),
                    error_description: message.text,
                };
                (parts, Json(body)).into_response()
            }
            Self::Grpc | Self::Atlas => {
                if message.is_taken {
                    parts.status = StatusCode::CONFLICT;
                }
                let body = GrpcError {
                    code: grpc_code(parts.status),
                    message: message.text,
                    details: [],
                };
                (parts, Json(body)).into_response()
            }
        }
    }
}

/// Returns gRPC's code for a status, the inverse of the mapping of its HTTP gateway.
fn grpc_code(status: StatusCode) -> u8 {
    match status.as_u16() {
        401 => 16,
        403 => 7,
        404 => 5,
        405 | 501 => 12,
        408 | 504 => 4,
        409 => 6,
        413 | 429 | 507 => 8,
        416 => 11,
        503 => 14,
        400..=499 => 3,
        _ => 13,
    }
}

/// Returns the status of the endpoint that issues tokens: it knows no status for a well-formed request that is
/// invalid.
fn oauth_status(status: StatusCode) -> StatusCode {
    match status {
        StatusCode::UNPROCESSABLE_ENTITY => StatusCode::BAD_REQUEST,
        other => other,
    }
}

fn oauth_error(status: StatusCode) -> &'static str {
    match status.as_u16() {
        401 => "invalid_client",
        503 => "temporarily_unavailable",
        500.. => "server_error",
        _ => "invalid_request",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_paths_of_hcp_and_no_others_have_its_forms() {
        for (path, format) in [
            ("/vagrant/2022-09-30", ErrorFormat::Grpc),
            ("/vagrant/2022-09-30/registry/acme", ErrorFormat::Grpc),
            ("/vagrant/2022-09-300", ErrorFormat::Atlas),
            ("/operation/2020-05-05/x", ErrorFormat::Grpc),
            ("/oauth2/token", ErrorFormat::OAuth),
            ("/oauth2/token/x", ErrorFormat::Atlas),
            ("/api/v2/vagrant/acme/web", ErrorFormat::Atlas),
            ("/acme/web", ErrorFormat::Atlas),
        ] {
            assert_eq!(ErrorFormat::of(path), format, "{path}");
        }
    }

    #[test]
    fn each_status_of_an_error_has_a_code() {
        for (status, code) in [
            (400, 3),
            (401, 16),
            (404, 5),
            (409, 6),
            (422, 3),
            (500, 13),
            (503, 14),
        ] {
            let status = StatusCode::from_u16(status).unwrap();
            assert_eq!(grpc_code(status), code, "{status}");
        }
    }
}

//! Extracts the addresses at which a client reaches this Atlas: the beginning of every `upload_path`, and of
//! the URLs in the replies about boxes.

use axum::extract::FromRequestParts;
use axum::http::header::HOST;
use axum::http::request::Parts;
use axum::http::uri::Authority;
use axum::http::{HeaderMap, Uri};

use crate::http::error::ApiError;
use crate::http::state::{AppState, ListenerInfo};

/// The URL at which the client of a request can upload, without a slash at its end: the configured public
/// URL, or the address of the listener for uploads, or the host that the request names. The latter lets an
/// emulator in a container answer each client with an address that works for it.
// Contract: uploads.path-absolute, silent.no-host
#[derive(Debug)]
pub(crate) struct Origin(String);

impl FromRequestParts<AppState> for Origin {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, state: &AppState) -> Result<Self, ApiError> {
        if let Some(url) = state.public_url() {
            return Ok(Self(url.to_owned()));
        }
        let ListenerInfo { tls, binstore } = state.listener_info();
        let scheme = if tls { "https" } else { "http" };
        if let Some(address) = binstore.filter(|address| !address.ip().is_unspecified()) {
            return Ok(Self(format!("{scheme}://{address}")));
        }
        let host = host(parts)?;
        Ok(Self(match binstore {
            // The listener for uploads is bound to all addresses, so also to the one that the client used.
            Some(address) => format!("{scheme}://{}:{}", host.host(), address.port()),
            None => [scheme, "://", host.as_str()].concat(),
        }))
    }
}

/// The URL at which the client of a request reaches this Atlas, without a slash at its end.
#[derive(Debug)]
pub(crate) struct Site(String);

impl FromRequestParts<AppState> for Site {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, state: &AppState) -> Result<Self, ApiError> {
        if let Some(url) = state.public_url() {
            return Ok(Self(url.to_owned()));
        }
        let scheme = if state.listener_info().tls {
            "https"
        } else {
            "http"
        };
        let host = host(parts)?;
        Ok(Self([scheme, "://", host.as_str()].concat()))
    }
}

impl Site {
    /// Returns the URL of a path.
    pub(crate) fn at(&self, path: &str) -> String {
        [&self.0, path].concat()
    }
}

/// Returns the host that a request names, with its port.
pub(crate) fn named_host(uri: &Uri, headers: &HeaderMap) -> Option<Authority> {
    let of_header = || Authority::try_from(headers.get(HOST)?.as_bytes()).ok();
    uri.authority().cloned().or_else(of_header)
}

fn host(parts: &Parts) -> Result<Authority, ApiError> {
    named_host(&parts.uri, &parts.headers).ok_or_else(|| {
        ApiError::Malformed(
            "The request names no Host, so there is no address to upload to.".to_owned(),
        )
    })
}

impl Origin {
    /// Returns the URL of a path.
    pub(crate) fn at(&self, path: &str) -> String {
        [&self.0, path].concat()
    }
}

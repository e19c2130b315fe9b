//! Extracts what a request for the bytes of a file says about how to send them.

use std::convert::Infallible;

use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use axum::http::{HeaderMap, Method};

use crate::http::state::AppState;

/// A `GET` or `HEAD` of the bytes of a file.
#[derive(Debug)]
pub(crate) struct FileRequest {
    pub(crate) method: Method,
    pub(crate) headers: HeaderMap,
    /// Whether the reply may be a redirect to the bytes: this server redirects, and the request is a GET whose
    /// query does not say `redirect=false`.
    pub(crate) may_redirect: bool,
}

impl FromRequestParts<AppState> for FileRequest {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, state: &AppState) -> Result<Self, Infallible> {
        let may_redirect = state.redirects_downloads()
            && parts.method == Method::GET
            && !refuses_redirects(parts.uri.query().unwrap_or_default());
        Ok(Self {
            method: parts.method.clone(),
            headers: parts.headers.clone(),
            may_redirect,
        })
    }
}

fn refuses_redirects(query: &str) -> bool {
    let mut pairs = form_urlencoded::parse(query.as_bytes());
    pairs.any(|(name, value)| name == "redirect" && value == "false")
}

//! Who makes a request: the token, wherever it stands.

use std::sync::Arc;

use axum::extract::FromRequestParts;
use axum::http::header::AUTHORIZATION;
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderName, HeaderValue, Uri};

use super::text;
use super::world::of_request;
use crate::access::{Account, Caller};
use crate::atlas::Atlas;
use crate::error::ApiError;
use crate::witness::{Notes, TokenPlace};

impl FromRequestParts<Atlas> for Caller {
    type Rejection = ApiError;

    /// No token is an anonymous caller; an unknown token is an error for every call.
    async fn from_request_parts(parts: &mut Parts, atlas: &Atlas) -> Result<Self, ApiError> {
        let notes = Notes::of(&parts.extensions);
        let Some(token) = notes.token() else {
            return Ok(Self::Anonymous);
        };
        let account = of_request(parts, atlas)
            .access()
            .by_token(token)
            .ok_or(ApiError::UNKNOWN_TOKEN)?;
        notes.is_by(&account.username);
        Ok(Self::Known(account))
    }
}

/// A caller who must have a token: for every write, and for `authenticate`.
#[derive(Debug)]
pub(crate) struct Member(pub(crate) Arc<Account>);

impl FromRequestParts<Atlas> for Member {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, atlas: &Atlas) -> Result<Self, ApiError> {
        match Caller::from_request_parts(parts, atlas).await? {
            Caller::Known(account) => Ok(Self(account)),
            Caller::Anonymous => Err(ApiError::UNKNOWN_TOKEN),
        }
    }
}

/// A caller with the root token: for all that the emulator can do and Atlas could not.
#[derive(Debug)]
pub(crate) struct Root;

impl FromRequestParts<Atlas> for Root {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, atlas: &Atlas) -> Result<Self, ApiError> {
        let Member(account) = Member::from_request_parts(parts, atlas).await?;
        if account.is_root() {
            Ok(Self)
        } else {
            Err(ApiError::NOT_ROOT)
        }
    }
}

const TOKEN: HeaderName = HeaderName::from_static("x-atlas-token");

/// The token of a request and where it stands: in `X-Atlas-Token`, as `Authorization: Bearer`, or in the query
/// parameter `access_token`, in this order (contract: Base URL and authentication). An empty one
/// is none.
pub(crate) fn presented_token(headers: &HeaderMap, uri: &Uri) -> Option<(TokenPlace, String)> {
    let header = |name: HeaderName| headers.get(name).map(HeaderValue::as_bytes);
    let own_text = |bytes| text(bytes).into_owned();
    let own = header(TOKEN).map(own_text);
    let bearer = || header(AUTHORIZATION).and_then(bearer).map(own_text);
    let parameter = || {
        form_urlencoded::parse(uri.query()?.as_bytes())
            .find(|(key, _)| key == "access_token")
            .map(|(_, value)| value.into_owned())
    };
    let present = |token: &String| !token.is_empty();
    let at = |place| move |token| (place, token);
    let own = own.filter(present).map(at(TokenPlace::Header));
    own.or_else(|| bearer().filter(present).map(at(TokenPlace::Bearer)))
        .or_else(|| parameter().filter(present).map(at(TokenPlace::Query)))
}

fn bearer(value: &[u8]) -> Option<&[u8]> {
    let (scheme, token) = value.split_at_checked(b"Bearer ".len())?;
    scheme
        .eq_ignore_ascii_case(b"Bearer ")
        .then(|| token.trim_ascii())
}

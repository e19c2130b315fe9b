//! Checks the token of a request and extracts the caller.

use std::sync::Arc;

use axum::extract::FromRequestParts;
use axum::http::header::AUTHORIZATION;
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderName, HeaderValue, Uri};

use super::dataset::dataset_of;
use super::text;
use crate::domain::{Account, Caller};
use crate::http::context::RequestContext;
use crate::http::error::ApiError;
use crate::http::state::AppState;
use crate::observe::TokenPlace;
use crate::service::accounts;

// Contract: auth.unknown-token, auth.unknown-token-public
impl FromRequestParts<AppState> for Caller {
    type Rejection = ApiError;

    /// Returns an anonymous caller for a request without a token. An unknown token is an error for every
    /// endpoint.
    async fn from_request_parts(parts: &mut Parts, state: &AppState) -> Result<Self, ApiError> {
        let context = RequestContext::of(&parts.extensions);
        let Some(token) = context.token() else {
            return Ok(Self::Anonymous);
        };
        let dataset = dataset_of(parts, state);
        let account = accounts::authenticate(&dataset, token).await?;
        context.set_account(&account);
        Ok(Self::Known(account))
    }
}

/// A caller with a valid token, which every write and `authenticate` require.
// Contract: auth.authenticate-refuses, auth.no-token-writes
#[derive(Debug)]
pub(crate) struct Authenticated(pub(crate) Arc<Account>);

impl FromRequestParts<AppState> for Authenticated {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, state: &AppState) -> Result<Self, ApiError> {
        match Caller::from_request_parts(parts, state).await? {
            Caller::Known(account) => Ok(Self(account)),
            Caller::Anonymous => Err(ApiError::UNKNOWN_TOKEN),
        }
    }
}

/// The parameter with the signature of a path.
pub(crate) const SIGNATURE: &str = "signature";

/// A caller who may read what is public, whatever token the request presents: an old token must not keep
/// anybody from a public box. A request with the signature of its path may also read what is not.
// Contract: boxes-add.bad-token
#[derive(Debug)]
pub(crate) struct PublicReader(pub(crate) Caller);

impl FromRequestParts<AppState> for PublicReader {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, state: &AppState) -> Result<Self, ApiError> {
        if let Some(account) = signer(parts, state).await? {
            return Ok(Self(Caller::Known(account)));
        }
        match Caller::from_request_parts(parts, state).await {
            Err(ApiError::Unauthorized(_)) => Ok(Self(Caller::Anonymous)),
            caller => Ok(Self(caller?)),
        }
    }
}

/// Returns the account that signed the path of a request; `None` if none did.
async fn signer(parts: &mut Parts, state: &AppState) -> Result<Option<Arc<Account>>, ApiError> {
    let mut parameters = form_urlencoded::parse(parts.uri.query().unwrap_or_default().as_bytes());
    let Some((_, signature)) = parameters.find(|(name, _)| name == SIGNATURE) else {
        return Ok(None);
    };
    let signature = signature.into_owned();
    let dataset = dataset_of(parts, state);
    Ok(accounts::by_signature(&dataset, parts.uri.path(), &signature).await?)
}

/// Proof that the caller has the root token, which the emulator's own API requires
/// (`Admin::requires_root`).
#[derive(Debug)]
pub(crate) struct RequireRoot;

impl FromRequestParts<AppState> for RequireRoot {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, state: &AppState) -> Result<Self, ApiError> {
        let Authenticated(account) = Authenticated::from_request_parts(parts, state).await?;
        if account.is_root() {
            Ok(Self)
        } else {
            Err(ApiError::NOT_ROOT)
        }
    }
}

const TOKEN: HeaderName = HeaderName::from_static("x-atlas-token");

/// Returns the token of a request and its place: the header `X-Atlas-Token`, `Authorization: Bearer`, or the
/// query parameter `access_token`, in this order (contract: Base URL and authentication). An empty token counts
/// as absent.
// Contract: auth.token-places, silent.several-tokens
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

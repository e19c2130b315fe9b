//! Extracts the caller of a call for boxes, together with the body, since the token may be a parameter in it.

use std::sync::Arc;

use axum::extract::{FromRequest, FromRequestParts, Request};
use hyper::body::Body;

use super::dataset::dataset_of;
use super::params::Params;
use crate::domain::{Account, Caller};
use crate::http::context::RequestContext;
use crate::http::error::ApiError;
use crate::http::state::AppState;
use crate::service::accounts;

/// The caller of a call that reads.
#[derive(Debug)]
pub(crate) struct Asked(pub(crate) Caller);

/// The caller of a call that writes, who has a valid token, and the parameters.
#[derive(Debug)]
pub(crate) struct Told {
    pub(crate) account: Arc<Account>,
    pub(crate) params: Params,
}

impl FromRequest<AppState> for Asked {
    type Rejection = ApiError;

    async fn from_request(request: Request, state: &AppState) -> Result<Self, ApiError> {
        let (caller, _) = caller_and_params(request, state).await?;
        Ok(Self(caller))
    }
}

impl FromRequest<AppState> for Told {
    type Rejection = ApiError;

    async fn from_request(request: Request, state: &AppState) -> Result<Self, ApiError> {
        match caller_and_params(request, state).await? {
            (Caller::Known(account), params) => Ok(Self { account, params }),
            (Caller::Anonymous, _) => Err(ApiError::UNKNOWN_TOKEN),
        }
    }
}

/// Returns the caller and the parameters. A token in the head counts before one in the body. A request without
/// a body has no parameters, whatever its Content-Type is.
// Contract: boxes.token-places, boxes.encodings, boxes.unknown-token
async fn caller_and_params(
    request: Request,
    state: &AppState,
) -> Result<(Caller, Params), ApiError> {
    let (mut parts, body) = request.into_parts();
    let caller = Caller::from_request_parts(&mut parts, state).await?;
    if body.is_end_stream() {
        return Ok((caller, Params::none()));
    }
    let dataset = dataset_of(&mut parts, state);
    let context = RequestContext::of(&parts.extensions);
    let params = Params::from_request(Request::from_parts(parts, body), state).await?;
    match (&caller, params.token()) {
        (Caller::Anonymous, Some(token)) => {
            let account = accounts::authenticate(&dataset, token).await?;
            context.set_account(&account);
            Ok((Caller::Known(account), params))
        }
        _ => Ok((caller, params)),
    }
}

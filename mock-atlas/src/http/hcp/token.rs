//! Issues access tokens to clients (RFC 6749, 4.4).

use axum::Json;
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use headers::authorization::Basic;
use headers::{Authorization, HeaderMapExt};

use crate::http::context::RequestContext;
use crate::http::error::ApiError;
use crate::http::extract::{Params, Section};
use crate::http::json::{AccessTokenReply, OAuthError};
use crate::service::accounts::IssuedToken;
use crate::service::{Dataset, ServiceError, accounts};

/// The only grant that is known here.
const GRANT: &str = "client_credentials";

/// Handles `POST /oauth2/token`. The client's id and secret are Basic credentials, or fields of the body. The
/// audience is ignored.
// Contract: boxes-hcp.token, boxes-hcp.token-form
pub(crate) async fn issue(
    dataset: Dataset,
    headers: HeaderMap,
    context: RequestContext,
    params: Params,
) -> Result<Response, ApiError> {
    let fields = params.fields();
    if fields.required_text("grant_type")? != GRANT {
        return Ok(unsupported_grant());
    }
    let IssuedToken {
        account,
        value,
        lifetime,
    } = match headers.typed_get::<Authorization<Basic>>() {
        Some(Authorization(basic)) => by_header(&dataset, &basic).await?,
        None if headers.contains_key(header::AUTHORIZATION) => return Err(ApiError::WRONG_CLIENT),
        None => by_body(&dataset, &fields).await?,
    };
    context.set_account(&account);
    let reply = AccessTokenReply {
        access_token: value,
        token_type: "bearer",
        expires_in: lifetime.as_secs(),
    };
    Ok((NO_STORE, Json(reply)).into_response())
}

/// Forbids caches to keep a reply.
const NO_STORE: [(header::HeaderName, &str); 1] = [(header::CACHE_CONTROL, "no-store")];

/// Issues a token for Basic credentials. Clients encode them as in a form (RFC 6749, 2.3.1), or send them as they
/// are.
async fn by_header(dataset: &Dataset, basic: &Basic) -> Result<IssuedToken, ServiceError> {
    let issued = accounts::issue_access_token(dataset, basic.username(), basic.password()).await;
    match issued {
        Err(ServiceError::WrongClient) => {
            let (id, secret) = (decoded(basic.username()), decoded(basic.password()));
            accounts::issue_access_token(dataset, &id, &secret).await
        }
        issued => issued,
    }
}

async fn by_body(dataset: &Dataset, fields: &Section<'_>) -> Result<IssuedToken, ApiError> {
    let text = |key| Ok::<_, ApiError>(fields.text(key)?.unwrap_or_default());
    let (id, secret) = (text("client_id")?, text("client_secret")?);
    Ok(accounts::issue_access_token(dataset, id, secret).await?)
}

/// Decodes a text that is encoded as in a form.
fn decoded(text: &str) -> String {
    let mut pairs = form_urlencoded::parse(text.as_bytes());
    let only = pairs.next().map(|(name, _)| name.into_owned());
    only.unwrap_or_default()
}

fn unsupported_grant() -> Response {
    let body = OAuthError {
        error: "unsupported_grant_type",
        error_description: format!("The grant_type must be {GRANT}."),
    };
    (StatusCode::BAD_REQUEST, NO_STORE, Json(body)).into_response()
}

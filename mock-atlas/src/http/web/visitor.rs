//! Finds out who looks at a page: the cookie of a session holds an access token, which is valid for a while and ends
//! with the token that it was issued for. It is signed with a key that all replicas of a server have.

use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use axum::http::{HeaderMap, header};

use super::page::PageError;
use super::place::Place;
use crate::domain::Caller;
use crate::http::context::RequestContext;
use crate::http::error::ApiError;
use crate::http::extract::text;
use crate::http::state::AppState;
use crate::service::{Dataset, ServiceError, accounts};

/// The context of the key with which the proofs in forms are made.
const FORMS: &str = "mock-atlas 2026 forms of pages";

/// A visitor looks at a page: anybody, or somebody who is signed in.
#[derive(Clone, Debug)]
pub(crate) struct Visitor {
    pub(super) caller: Caller,
    /// The value of the cookie, if it is valid.
    session: Option<String>,
    /// The address of the page, without a host and the path of the public URL.
    pub(super) here: String,
    pub(super) place: Place,
}

impl FromRequestParts<AppState> for Visitor {
    type Rejection = PageError;

    async fn from_request_parts(parts: &mut Parts, state: &AppState) -> Result<Self, PageError> {
        let visitor = Self::find(parts, state).await?;
        if let Caller::Known(account) = &visitor.caller {
            RequestContext::of(&parts.extensions).set_account(account);
        }
        Ok(visitor)
    }
}

impl Visitor {
    /// Finds out who looks at a page, without telling the audit.
    pub(super) async fn find(parts: &mut Parts, state: &AppState) -> Result<Self, PageError> {
        let here = parts.uri.path_and_query();
        let mut visitor = Self {
            caller: Caller::Anonymous,
            session: None,
            here: here.map_or_else(String::new, ToString::to_string),
            place: Place::of(&parts.uri, &parts.headers, state.public_url()),
        };
        let Some(session) = session(&parts.headers, &visitor.place.cookie) else {
            return Ok(visitor);
        };
        let Ok(dataset) = Dataset::from_request_parts(parts, state).await;
        match accounts::authenticate(&dataset, &session).await {
            Ok(account) => {
                visitor.caller = Caller::Known(account);
                visitor.session = Some(session);
                Ok(visitor)
            }
            // The session is over.
            Err(ServiceError::UnknownToken) => Ok(visitor),
            Err(error) => Err(visitor.failed()(error)),
        }
    }
}

/// Returns the value of the session's cookie, which has this name.
fn session(headers: &HeaderMap, cookie: &str) -> Option<String> {
    let values = headers.get_all(header::COOKIE).iter();
    let values: Vec<_> = values.map(|value| text(value.as_bytes())).collect();
    let mut pairs = values.iter().flat_map(|value| value.split(';'));
    pairs.find_map(|pair| {
        let (name, value) = pair.trim().split_once('=')?;
        (name == cookie && !value.is_empty()).then(|| value.to_owned())
    })
}

impl Visitor {
    pub(super) fn username(&self) -> Option<String> {
        match &self.caller {
            Caller::Anonymous => None,
            Caller::Known(account) => Some(account.username.as_str().to_owned()),
        }
    }

    pub(super) fn is_root(&self) -> bool {
        matches!(&self.caller, Caller::Known(account) if account.is_root())
    }

    pub(super) fn has_session(&self) -> bool {
        self.session.is_some()
    }

    /// Returns the proof that a form was made for the session; an empty text without one.
    pub(super) fn form_token(&self) -> String {
        self.session
            .as_deref()
            .map_or_else(String::new, |session| proof(session).to_hex().to_string())
    }

    /// Returns whether a form was made for the session. The comparison takes constant time.
    pub(super) fn has_made(&self, form_token: &str) -> bool {
        let told = blake3::Hash::from_hex(form_token);
        let own = self.session.as_deref().map(proof);
        own.is_some_and(|own| told.is_ok_and(|told| own == told))
    }
}

fn proof(session: &str) -> blake3::Hash {
    blake3::Hash::from_bytes(blake3::derive_key(FORMS, session.as_bytes()))
}

/// A visitor whose token may do everything, as the control room needs.
#[derive(Clone, Debug)]
pub(crate) struct RootVisitor(pub(super) Visitor);

impl FromRequestParts<AppState> for RootVisitor {
    type Rejection = PageError;

    async fn from_request_parts(parts: &mut Parts, state: &AppState) -> Result<Self, PageError> {
        let visitor = Visitor::from_request_parts(parts, state).await?;
        visitor.check_root()?;
        Ok(Self(visitor))
    }
}

impl Visitor {
    /// Checks that the visitor's token may do everything.
    pub(super) fn check_root(&self) -> Result<(), PageError> {
        match self.caller {
            Caller::Anonymous => Err(self.must_sign_in(&self.here)),
            Caller::Known(_) if self.is_root() => Ok(()),
            Caller::Known(_) => Err(self.failed()(ApiError::NOT_ROOT)),
        }
    }
}

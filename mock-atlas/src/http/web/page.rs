//! The frame of all pages, the headers that protect them, and the pages of errors.

use askama::Template;
use axum::http::{HeaderName, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Redirect, Response};

use super::visitor::Visitor;
use crate::http::error::ApiError;
use crate::service::ServiceError;

/// Allows nothing from elsewhere, and no script and no style within the page.
const POLICY: &str = "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self'; connect-src 'self'; \
    form-action 'self'; frame-ancestors 'none'; base-uri 'none'";

/// The headers of every page. With a stricter referrer policy, browsers would not tell the origin of a form.
const HEADERS: [(HeaderName, HeaderValue); 7] = [
    (
        header::CONTENT_SECURITY_POLICY,
        HeaderValue::from_static(POLICY),
    ),
    (
        header::X_CONTENT_TYPE_OPTIONS,
        HeaderValue::from_static("nosniff"),
    ),
    (header::X_FRAME_OPTIONS, HeaderValue::from_static("DENY")),
    (
        header::REFERRER_POLICY,
        HeaderValue::from_static("same-origin"),
    ),
    (header::CACHE_CONTROL, HeaderValue::from_static("no-store")),
    (
        HeaderName::from_static("cross-origin-opener-policy"),
        HeaderValue::from_static("same-origin"),
    ),
    (
        HeaderName::from_static("cross-origin-resource-policy"),
        HeaderValue::from_static("same-origin"),
    ),
];

/// Adds the headers of every page to a reply.
pub(super) fn protect(mut response: Response) -> Response {
    for (name, value) in HEADERS {
        response.headers_mut().insert(name, value);
    }
    response
}

/// A frame is everything around the content of a page.
#[derive(Clone, Debug, Default)]
pub(super) struct Frame {
    pub(super) title: String,
    /// The user who is signed in.
    pub(super) user: Option<String>,
    pub(super) is_root: bool,
    /// The proof that a form was made for the session.
    pub(super) form_token: String,
    /// The address of the page, to which a sign-in returns.
    pub(super) here: String,
    /// The path of the public URL, with which each address begins.
    pub(super) base: String,
    pub(super) version: &'static str,
}

impl Frame {
    pub(super) fn new(title: impl Into<String>, visitor: &Visitor) -> Self {
        Self {
            title: title.into(),
            user: visitor.username(),
            is_root: visitor.is_root(),
            form_token: visitor.form_token(),
            here: visitor.here.clone(),
            base: visitor.place.base.clone(),
            version: env!("CARGO_PKG_VERSION"),
        }
    }
}

/// Renders a page.
pub(super) fn render(page: &impl Template) -> Response {
    render_with(StatusCode::OK, page)
}

/// Renders a page with a status.
pub(super) fn render_with(status: StatusCode, page: &impl Template) -> Response {
    let text = match page.render() {
        Ok(text) => text,
        // A template fails only if a value of it does, and none does.
        Err(error) => return ApiError::Internal(error.to_string()).into_response(),
    };
    let kind = HeaderValue::from_static("text/html; charset=utf-8");
    protect((status, [(header::CONTENT_TYPE, kind)], text).into_response())
}

/// The reason for which there is no page.
#[derive(Debug)]
pub(crate) enum PageError {
    /// The visitor has to sign in first, at this address.
    SignIn(String),
    /// The request failed, for this visitor.
    Failed(ApiError, Box<Visitor>),
}

impl Visitor {
    /// Leads the visitor to an address of this server.
    pub(super) fn redirect(&self, address: &str) -> Response {
        protect(Redirect::to(&format!("{}{address}", self.place.base)).into_response())
    }

    /// Returns the error for a visitor who has to sign in first, and returns to `here`.
    pub(super) fn must_sign_in(&self, here: &str) -> PageError {
        let then: String = form_urlencoded::byte_serialize(here.as_bytes()).collect();
        let base = &self.place.base;
        PageError::SignIn(format!("{base}/_mock/pages/sign-in?then={then}"))
    }

    /// Returns the function that makes an error into a page for this visitor.
    pub(super) fn failed<E: Into<ApiError>>(&self) -> impl Fn(E) -> PageError + use<E> {
        let visitor = self.clone();
        move |error| PageError::Failed(error.into(), Box::new(visitor.clone()))
    }

    /// Returns the result of a service for this visitor.
    pub(super) fn page<T>(&self, result: Result<T, ServiceError>) -> Result<T, PageError> {
        result.map_err(|error| PageError::Failed(error.into(), Box::new(self.clone())))
    }
}

#[derive(Template)]
#[template(path = "error.html")]
struct ErrorPage {
    frame: Frame,
    message: String,
    may_be_private: bool,
}

impl IntoResponse for PageError {
    fn into_response(self) -> Response {
        let (error, visitor) = match self {
            Self::SignIn(address) => return protect(Redirect::to(&address).into_response()),
            Self::Failed(error, visitor) => (error, visitor),
        };
        let status = error.status();
        let is_missing = status == StatusCode::NOT_FOUND;
        let title = match status.canonical_reason() {
            Some(_) if is_missing => "There is nothing here",
            Some(reason) => reason,
            None => "Error",
        };
        let message = match is_missing {
            true => "No such thing exists, or it is not for you.".to_owned(),
            false => error.to_string(),
        };
        let may_be_private = is_missing && visitor.username().is_none();
        render_with(
            status,
            &ErrorPage {
                frame: Frame::new(title, &visitor),
                message,
                may_be_private,
            },
        )
    }
}

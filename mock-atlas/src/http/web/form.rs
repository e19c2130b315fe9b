//! Takes what the forms of pages send. No other site can send it: the browser tells the origin of a form, and the form
//! proves that it was made for the session.

use std::convert::Infallible;

use axum::body::Body;
use axum::extract::{FromRequest, FromRequestParts, Request};
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderName, Uri, header};

use super::page::PageError;
use super::visitor::{RootVisitor, Visitor};
use crate::http::context::RequestContext;
use crate::http::error::ApiError;
use crate::http::extract::{Params, named_host, read_body, text};
use crate::http::state::AppState;

/// The largest form in bytes that anybody may send, and that root may send: a seed is the largest.
const MOST: usize = 64 * 1024;
const MOST_OF_ROOT: usize = 16 * 1024 * 1024;

/// The greatest number of fields that are read. No form of a page has more.
const MOST_FIELDS: usize = 100;

/// The fields that say what a form was about. None of them is a secret.
const TOLD: [&str; 7] = [
    "action", "artifact", "type", "version", "channel", "id", "owner",
];

/// The name of the field with the proof.
pub(super) const FORM_TOKEN: &str = "form_token";

const SEC_FETCH_SITE: HeaderName = HeaderName::from_static("sec-fetch-site");

const NOT_FROM_HERE: ApiError =
    ApiError::Forbidden("The form was not sent by a page of this server, so nothing was done.");

const NOT_OF_SESSION: ApiError = ApiError::Forbidden(
    "The form was made for another session, so nothing was done. Go back, load the page again, and send it once more.",
);

/// The fields of a form, or the parameters of a query string.
#[derive(Debug)]
pub(crate) struct Fields(Vec<(String, String)>);

impl Fields {
    fn parse(body: &[u8]) -> Self {
        let fields = form_urlencoded::parse(body).into_owned();
        Self(fields.take(MOST_FIELDS).collect())
    }

    /// Returns what a form was about, for the audit.
    fn told(&self) -> String {
        let mut told = form_urlencoded::Serializer::new(String::new());
        told.extend_pairs(
            self.0
                .iter()
                .filter(|(name, value)| TOLD.contains(&name.as_str()) && !value.is_empty()),
        );
        told.finish()
    }

    /// Returns the value of a field; an empty text if there is none.
    pub(super) fn get(&self, name: &str) -> &str {
        let found = self.0.iter().find(|(of, _)| of == name);
        found.map_or("", |(_, value)| value)
    }

    /// Returns the value of a field without the space around it; `None` if nothing is left.
    pub(super) fn given(&self, name: &str) -> Option<&str> {
        Some(self.get(name).trim()).filter(|value| !value.is_empty())
    }

    /// Returns the fields as the parameters of the same request to the API. A field that was left empty is none.
    pub(super) fn params(&self) -> Result<Params, ApiError> {
        let mut form = form_urlencoded::Serializer::new(String::new());
        form.extend_pairs(self.0.iter().filter(|(_, value)| !value.is_empty()));
        Params::of_form(form.finish().as_bytes())
    }
}

impl<S: Sync> FromRequestParts<S> for Fields {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Infallible> {
        Ok(Self::parse(
            parts.uri.query().unwrap_or_default().as_bytes(),
        ))
    }
}

/// A form for which nobody needs to be signed in. Whoever sends it is known to see a page of this server.
#[derive(Debug)]
pub(crate) struct OpenForm(pub(super) Visitor, pub(super) Fields);

impl FromRequest<AppState> for OpenForm {
    type Rejection = PageError;

    async fn from_request(request: Request, state: &AppState) -> Result<Self, PageError> {
        let (mut parts, body) = request.into_parts();
        // What the form does is not done by whoever has been signed in before.
        let visitor = Visitor::find(&mut parts, state).await?;
        check_origin(&visitor, (&parts.headers, &parts.uri), state.public_url())?;
        let fields = read(&visitor, &parts, body, MOST).await?;
        Ok(Self(visitor, fields))
    }
}

/// Reads a form of at most so many bytes, and has the audit tell what it was about.
async fn read(
    visitor: &Visitor,
    parts: &Parts,
    body: Body,
    most: usize,
) -> Result<Fields, PageError> {
    let body = read_body(body, most).await.map_err(visitor.failed())?;
    let fields = Fields::parse(&body);
    RequestContext::of(&parts.extensions).set_form(fields.told());
    Ok(fields)
}

/// Reads a form of at most `most` bytes that was made for the session of a visitor. `check` says, before any byte is
/// read, whether the visitor may send it.
async fn read_of_session(
    request: Request,
    state: &AppState,
    most: usize,
    check: impl FnOnce(&Visitor) -> Result<(), PageError>,
) -> Result<(Visitor, Fields), PageError> {
    let (mut parts, body) = request.into_parts();
    let visitor = Visitor::from_request_parts(&mut parts, state).await?;
    check_origin(&visitor, (&parts.headers, &parts.uri), state.public_url())?;
    check_session(&visitor)?;
    check(&visitor)?;
    let fields = read(&visitor, &parts, body, most).await?;
    check_form_token(&visitor, fields.get(FORM_TOKEN))?;
    Ok((visitor, fields))
}

/// A form of somebody who is signed in.
#[derive(Debug)]
pub(crate) struct Form(pub(super) Visitor, pub(super) Fields);

impl FromRequest<AppState> for Form {
    type Rejection = PageError;

    async fn from_request(request: Request, state: &AppState) -> Result<Self, PageError> {
        let (visitor, fields) = read_of_session(request, state, MOST, |_| Ok(())).await?;
        Ok(Self(visitor, fields))
    }
}

/// A form of somebody whose token may do everything.
#[derive(Debug)]
pub(crate) struct RootForm(pub(super) RootVisitor, pub(super) Fields);

impl FromRequest<AppState> for RootForm {
    type Rejection = PageError;

    async fn from_request(request: Request, state: &AppState) -> Result<Self, PageError> {
        let (visitor, fields) =
            read_of_session(request, state, MOST_OF_ROOT, Visitor::check_root).await?;
        Ok(Self(RootVisitor(visitor), fields))
    }
}

/// Checks that somebody is signed in.
fn check_session(visitor: &Visitor) -> Result<(), PageError> {
    match visitor.has_session() {
        true => Ok(()),
        false => Err(visitor.failed()(NOT_OF_SESSION)),
    }
}

/// Checks the proof in a form.
pub(super) fn check_form_token(visitor: &Visitor, told: &str) -> Result<(), PageError> {
    match visitor.has_made(told) {
        true => Ok(()),
        false => Err(visitor.failed()(NOT_OF_SESSION)),
    }
}

/// Checks that a form was sent by a page of this server.
pub(super) fn check_origin(
    visitor: &Visitor,
    (headers, uri): (&HeaderMap, &Uri),
    public_url: Option<&str>,
) -> Result<(), PageError> {
    match is_from_here(headers, uri, public_url) {
        true => Ok(()),
        false => Err(visitor.failed()(NOT_FROM_HERE)),
    }
}

/// Returns whether a page of this server sent a form. Browsers tell the relation of the page to the server where they
/// trust the connection, and else the page's origin.
fn is_from_here(headers: &HeaderMap, uri: &Uri, public_url: Option<&str>) -> bool {
    if let Some(site) = headers.get(SEC_FETCH_SITE) {
        return site.as_bytes() == b"same-origin";
    }
    let Some(origin) = headers.get(header::ORIGIN) else {
        return false;
    };
    let origin = text(origin.as_bytes());
    let is_own = named_host(uri, headers).is_some_and(|host| {
        let of_origin = origin.split_once("://").map(|(_, authority)| authority);
        of_origin.is_some_and(|of_origin| of_origin.eq_ignore_ascii_case(host.as_str()))
    });
    is_own || public_url.is_some_and(|url| is_origin_of(url, &origin))
}

fn is_origin_of(url: &str, origin: &str) -> bool {
    url.parse::<Uri>().is_ok_and(|url| {
        let parts = url.scheme_str().zip(url.authority());
        parts.is_some_and(|(scheme, authority)| {
            origin.eq_ignore_ascii_case(&format!("{scheme}://{authority}"))
        })
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn is_taken(headers: &[(HeaderName, &str)], public_url: Option<&str>) -> bool {
        let mut all = HeaderMap::new();
        all.insert(header::HOST, "atlas.example.com:8080".parse().unwrap());
        for (name, value) in headers {
            all.insert(name, value.parse().unwrap());
        }
        is_from_here(&all, &Uri::from_static("/"), public_url)
    }

    #[test]
    fn a_form_is_taken_from_a_page_of_this_server_only() {
        let origin = |origin| [(header::ORIGIN, origin)];
        assert!(is_taken(&origin("http://atlas.example.com:8080"), None));
        for other in [
            "http://atlas.example.com",
            "http://atlas.example.com:8081",
            "http://evil.example",
            "http://evil.example/atlas.example.com:8080",
            "null",
            "",
        ] {
            assert!(!is_taken(&origin(other), None), "{other}");
        }
        assert!(!is_taken(&[], None), "no browser");
        let public = Some("https://boxes.example.com/atlas");
        assert!(is_taken(&origin("https://boxes.example.com"), public));
        assert!(!is_taken(&origin("http://boxes.example.com"), public));
    }

    #[test]
    fn what_the_browser_says_of_the_site_counts_first() {
        let own = (header::ORIGIN, "http://atlas.example.com:8080");
        for site in ["cross-site", "same-site", "none"] {
            assert!(!is_taken(&[own.clone(), (SEC_FETCH_SITE, site)], None));
        }
        assert!(is_taken(&[(SEC_FETCH_SITE, "same-origin")], None));
    }
}

//! A request on its way into the journal: its head at first, and the rest when it has ended.

use axum::extract::{MatchedPath, Request as HttpRequest};
use axum::http::{HeaderName, header};

use super::hide::Hide;
use super::metrics::Ended;
use super::observe::known_method;
use super::{Journal, Notes, Request, TokenPlace};

/// What the emulator's own API is below. The journal is about Atlas.
const OWN: &str = "/_mock/";

/// Whose bodies have no digest: a password can be guessed from one.
const LOGIN: &str = "/api/v1/authenticate";

/// A request that has begun.
#[derive(Debug)]
pub(super) struct Entry {
    request: Request,
    hide: Hide,
}

impl Entry {
    /// None of what the journal does not keep.
    pub(super) fn begin(
        journal: &Journal,
        request: &HttpRequest,
        id: &str,
        token: Option<TokenPlace>,
        hide: Hide,
    ) -> Option<Box<Self>> {
        let path = request.uri().path();
        if !journal.is_on() || path.starts_with(OWN) {
            return None;
        }
        let route = request.extensions().get::<MatchedPath>();
        let header = |name: HeaderName| {
            let value = request.headers().get(name)?;
            Some(hide.text(&String::from_utf8_lossy(value.as_bytes())))
        };
        let method = known_method(request.method()).to_owned();
        let (number, time) = journal.begin();
        let request = Request {
            id: id.to_owned(),
            route: route.map(|route| route.as_str().to_owned()),
            query: request.uri().query().map(|query| hide.query(query)),
            token,
            content_type: header(header::CONTENT_TYPE),
            content_length: header(header::CONTENT_LENGTH).and_then(|text| text.parse().ok()),
            chunked: request.headers().contains_key(header::TRANSFER_ENCODING),
            ..Request::new(number, time, method, hide.path(path))
        };
        Some(Box::new(Self { request, hide }))
    }

    /// The whole of it.
    pub(super) fn end(self, notes: &Notes, ended: &Ended) -> Request {
        let digest = notes.digest().map(|digest| digest.to_string());
        let is_login = self.request.route.as_deref() == Some(LOGIN);
        let fields = notes.fields().iter().map(|name| self.hide.field(name));
        let version = notes.version();
        Request {
            username: notes.username().map(|name| name.as_str().to_owned()),
            fields: fields.collect(),
            received: ended.received,
            sha256: digest.filter(|_| !is_login),
            version: version.map(|version| version.slug.clone()),
            announces_file: version.is_some_and(|version| version.announces_file),
            stored: notes.stored(),
            status: ended.status,
            duration: ended.duration,
            ..self.request
        }
    }
}

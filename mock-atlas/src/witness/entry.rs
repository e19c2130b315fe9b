//! A request on its way into the journal: its head at first, and the rest when it has ended. Nothing
//! is copied before that.

use std::time::SystemTime;

use axum::extract::Request as HttpRequest;
use axum::http::{HeaderName, HeaderValue, Uri, header};

use super::hide::Hide;
use super::metrics::Ended;
use super::record::{Facts, Named, Record};
use super::request_id::RequestId;
use super::texts::Texts;
use super::{Journal, Notes};

/// What the emulator's own API is below. The journal is about Atlas.
const OWN: &str = "/_mock/";

/// Whose bodies have no digest: a password can be guessed from one.
const LOGIN: &str = "/api/v1/authenticate";

/// A request that has begun.
pub(super) struct Entry {
    number: u64,
    time: SystemTime,
    uri: Uri,
    content_type: Option<HeaderValue>,
    content_length: Option<u64>,
    chunked: bool,
}

/// What else is known of it by its end.
pub(super) struct Rest<'a> {
    pub(super) id: &'a RequestId,
    pub(super) method: &'static str,
    pub(super) route: Option<&'a str>,
    pub(super) notes: &'a Notes,
    pub(super) ended: &'a Ended,
}

impl Entry {
    /// None of what the journal does not keep.
    pub(super) fn begin(journal: &Journal, request: &HttpRequest) -> Option<Self> {
        let path = request.uri().path();
        if !journal.is_on() || path.starts_with(OWN) {
            return None;
        }
        let header = |name: HeaderName| request.headers().get(name);
        let (number, time) = journal.begin();
        Some(Self {
            number,
            time,
            uri: request.uri().clone(),
            content_type: header(header::CONTENT_TYPE).cloned(),
            content_length: header(header::CONTENT_LENGTH)
                .and_then(|length| length.to_str().ok()?.parse().ok()),
            chunked: header(header::TRANSFER_ENCODING).is_some(),
        })
    }

    /// The number of the request.
    pub(super) fn number(&self) -> u64 {
        self.number
    }

    /// The whole of it, in the memory of an old record.
    pub(super) fn end(self, texts: Texts, rest: &Rest<'_>) -> Record {
        let Rest {
            id,
            method,
            route,
            notes,
            ended,
        } = *rest;
        let hide = Hide::new(notes.token());
        let version = notes.version();
        let facts = Facts {
            number: self.number,
            time: self.time,
            method,
            token: notes.token_place(),
            content_length: self.content_length,
            chunked: self.chunked,
            received: ended.received,
            sha256: notes.digest().filter(|_| route != Some(LOGIN)),
            announces_file: version.is_some_and(|version| version.announces_file),
            stored: notes.stored(),
            status: ended.status,
            duration: ended.duration,
        };
        let query = self.uri.query().map(|query| hide.query(query));
        let content_type = self.content_type.as_ref();
        let content_type = content_type.map(|value| String::from_utf8_lossy(value.as_bytes()));
        let content_type = content_type.as_deref().map(|text| hide.text(text));
        let named = Named {
            id: id.as_str(),
            route,
            path: &hide.path(self.uri.path()),
            query: query.as_deref(),
            username: notes.username().map(|name| name.as_str()),
            content_type: content_type.as_deref(),
            version: version.map(|version| &*version.slug),
        };
        let mut record = Record::over(texts, facts, &named);
        for name in notes.fields() {
            record.has_field(&hide.field(name));
        }
        record
    }
}

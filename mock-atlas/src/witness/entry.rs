//! A request on its way into the journal: its head at first, and the rest when it has ended.

use std::time::SystemTime;

use axum::extract::Request as HttpRequest;
use axum::http::{HeaderName, header};

use super::hide::Hide;
use super::metrics::Ended;
use super::record::{Facts, Head, Tail};
use super::request_id::RequestId;
use super::texts::Texts;
use super::{Journal, Notes};
use crate::extract::text;

/// What the emulator's own API is below. The journal is about Atlas.
const OWN: &str = "/_mock/";

/// Whose bodies have no digest: a password can be guessed from one.
const LOGIN: &str = "/api/v1/authenticate";

/// A request that has begun.
pub(super) struct Entry {
    number: u64,
    time: SystemTime,
    content_length: Option<u64>,
    chunked: bool,
    texts: Texts,
}

/// What else is known of it by its end.
pub(super) struct Rest<'a> {
    pub(super) method: &'static str,
    pub(super) route: Option<&'a str>,
    pub(super) notes: &'a Notes,
    pub(super) ended: &'a Ended,
}

impl Entry {
    /// None of what the journal does not keep.
    pub(super) fn begin(
        journal: &Journal,
        request: &HttpRequest,
        route: Option<&str>,
        id: &RequestId,
        hide: Hide<'_>,
    ) -> Option<Self> {
        let path = request.uri().path();
        if !journal.is_on() || path.starts_with(OWN) {
            return None;
        }
        let header = |name: HeaderName| request.headers().get(name);
        let (number, time) = journal.begin();
        let query = request.uri().query().map(|query| hide.query(query));
        let content_type = header(header::CONTENT_TYPE).map(|value| text(value.as_bytes()));
        let content_type = content_type.as_deref().map(|text| hide.text(text));
        let head = Head {
            id: id.as_str(),
            route,
            path: &hide.path(path),
            query: query.as_deref(),
            content_type: content_type.as_deref(),
        };
        Some(Self {
            number,
            time,
            content_length: header(header::CONTENT_LENGTH)
                .and_then(|length| length.to_str().ok()?.parse().ok()),
            chunked: header(header::TRANSFER_ENCODING).is_some(),
            texts: head.texts(),
        })
    }

    /// Puts the whole of it into the journal.
    pub(super) fn end(mut self, journal: &Journal, rest: &Rest<'_>) {
        let Rest {
            method,
            route,
            notes,
            ended,
        } = *rest;
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
        let tail = Tail {
            username: notes.username().map(|name| name.as_str()),
            version: version.map(|version| &*version.slug),
            fields: notes.fields(),
        };
        tail.append_to(&mut self.texts);
        journal.keep(facts, &self.texts);
    }
}

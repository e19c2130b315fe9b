//! Collects the journal's entry of a request: its head when it begins, and its end when it has ended.

use std::time::SystemTime;

use axum::extract::Request as HttpRequest;
use axum::http::{HeaderName, header};

use super::request_id::RequestId;
use crate::endpoint::{ADMIN, Api, Endpoint, Secret};
use crate::http::context::RequestContext;
use crate::http::extract::text;
use crate::observe::{
    EndStrings, FixedFields, HeadStrings, Journal, Outcome, PackedStrings, Redactor,
};

/// The beginning of an entry, made from the head of a request.
pub(super) struct Entry {
    number: u64,
    time: SystemTime,
    endpoint: Endpoint,
    content_length: Option<u64>,
    chunked: bool,
    texts: PackedStrings,
}

/// The end of an entry, known when the request has ended.
pub(super) struct EntryEnd<'a> {
    pub(super) method: &'static str,
    pub(super) context: &'a RequestContext,
    pub(super) outcome: &'a Outcome,
}

impl Entry {
    /// Begins the entry of a request. Returns `None` for requests that the journal does not record.
    pub(super) fn begin(
        journal: &Journal,
        request: &HttpRequest,
        endpoint: Endpoint,
        id: &RequestId,
        redactor: Redactor<'_>,
    ) -> Option<Self> {
        let path = request.uri().path();
        if !journal.is_on() || !is_recorded(endpoint, path) {
            return None;
        }
        let header = |name: HeaderName| request.headers().get(name);
        let (number, time) = journal.begin();
        let query = request.uri().query().map(|query| redactor.query(query));
        let content_type = header(header::CONTENT_TYPE).map(|value| text(value.as_bytes()));
        let content_type = content_type.as_deref().map(|text| redactor.text(text));
        let head = HeadStrings {
            id: id.as_str(),
            path: &redactor.path(path),
            query: query.as_deref(),
            content_type: content_type.as_deref(),
        };
        Some(Self {
            number,
            time,
            endpoint,
            content_length: header(header::CONTENT_LENGTH)
                .and_then(|length| length.to_str().ok()?.parse().ok()),
            chunked: header(header::TRANSFER_ENCODING).is_some(),
            texts: head.packed(),
        })
    }

    /// Completes the entry and adds it to the journal.
    pub(super) fn end(mut self, journal: &Journal, end: &EntryEnd<'_>) {
        let EntryEnd {
            method,
            context,
            outcome,
        } = *end;
        let version = context.version();
        let fixed = FixedFields {
            number: self.number,
            time: self.time,
            method,
            endpoint: self.endpoint,
            token: context.token_place(),
            content_length: self.content_length,
            chunked: self.chunked,
            received: outcome.received,
            digest: context.digest().filter(|_| may_show_digest(self.endpoint)),
            announces_file: version.is_some_and(|version| version.announces_file),
            stored: context.stored(),
            status: outcome.status,
            duration: outcome.duration,
        };
        let end = EndStrings {
            username: context.account().map(|account| account.username.as_str()),
            version: version.map(|version| &*version.slug),
            fields: context.fields(),
            fault: context.fault(),
            findings: context.findings(),
        };
        end.append_to(&mut self.texts);
        journal.keep(fixed, &self.texts);
    }
}

/// Returns whether the journal records a request: it records all but those of the emulator's own API.
fn is_recorded(endpoint: Endpoint, path: &str) -> bool {
    match endpoint {
        Endpoint::Api(..) => true,
        Endpoint::Admin(_) | Endpoint::Page(_) => false,
        Endpoint::Unserved(..) | Endpoint::WrongMethod(_) | Endpoint::Unknown => {
            !path.starts_with(ADMIN)
        }
    }
}

/// Returns whether the digest of a body may be shown. A password could be guessed from it.
fn may_show_digest(endpoint: Endpoint) -> bool {
    match endpoint.api().and_then(Api::secret) {
        Some(Secret::Body) => false,
        Some(Secret::Path) | None => true,
    }
}

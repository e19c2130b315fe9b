//! Makes the audit's entry of a request that changes something.

use std::net::IpAddr;

use axum::extract::Request;
use axum::http::HeaderName;

use super::request_id::RequestId;
use crate::domain::{AuditEntry, Clock};
use crate::endpoint::Endpoint;
use crate::http::context::RequestContext;
use crate::http::extract::text;
use crate::net::Connection;
use crate::observe::Redactor;

const FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");

/// The greatest number of characters of a text that a client sent.
const LONGEST: usize = 500;

/// The beginning of an entry, made from the head of a request.
pub(super) struct AuditHead {
    path: String,
    address: Option<IpAddr>,
    forwarded_for: Option<String>,
}

impl AuditHead {
    /// Begins the entry of a request. Returns `None` for requests that are not audited.
    pub(super) fn begin(
        request: &Request,
        endpoint: Endpoint,
        connection: Option<&Connection>,
        redactor: Redactor<'_>,
    ) -> Option<Self> {
        if !endpoint.is_audited() {
            return None;
        }
        let forwarded_for = request.headers().get(FORWARDED_FOR);
        let forwarded_for = forwarded_for.map(|value| text(value.as_bytes()));
        Some(Self {
            path: shortened(&redactor.path(request.uri().path())),
            address: connection.and_then(Connection::peer),
            forwarded_for: forwarded_for.map(|text| shortened(&redactor.text(&text))),
        })
    }

    /// Completes the entry.
    pub(super) fn end(
        self,
        clock: &Clock,
        method: &str,
        context: &RequestContext,
        (id, status): (&RequestId, Option<u16>),
    ) -> AuditEntry {
        let account = context.account();
        AuditEntry {
            time: clock.now(),
            username: account.map(|account| account.username.clone()),
            token: account.and_then(|account| account.token()),
            address: self.address,
            forwarded_for: self.forwarded_for,
            method: method.to_owned(),
            path: self.path,
            version: context.version().map(|version| version.slug.clone()),
            status,
            request: id.as_str().to_owned(),
        }
    }
}

/// Shortens a text, and leaves out the character NUL, which not every database can hold.
fn shortened(text: &str) -> String {
    text.chars()
        .filter(|one| *one != '\0')
        .take(LONGEST)
        .collect()
}

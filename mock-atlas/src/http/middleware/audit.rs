//! Makes the audit's entry of a request that changes something.

use std::borrow::Cow;
use std::net::IpAddr;

use axum::extract::Request;
use axum::http::HeaderName;

use super::request_id::RequestId;
use crate::domain::{AuditEntry, Clock};
use crate::endpoint::{Admin, Endpoint};
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
        let path = request.uri().path();
        // The id of a token or a webhook, which authorises nothing, tells which one it was.
        let path = match endpoint {
            Endpoint::Admin(Admin::RevokeToken | Admin::RemoveWebhook | Admin::TestWebhook) => {
                redactor.text(path)
            }
            _ => redactor.path(path),
        };
        let forwarded_for = request.headers().get_all(FORWARDED_FOR).iter();
        let forwarded_for: Vec<_> = forwarded_for.map(|value| text(value.as_bytes())).collect();
        let forwarded_for = (!forwarded_for.is_empty()).then(|| forwarded_for.join(", "));
        Some(Self {
            path: beginning(path),
            address: connection.and_then(Connection::peer),
            forwarded_for: forwarded_for.map(|text| end(&redactor.text(&text))),
        })
    }

    /// Completes the entry. Returns `None` for a request that was refused and whose token or login is unknown:
    /// anybody could fill the audit with those.
    pub(super) fn end(
        self,
        clock: &Clock,
        method: &str,
        context: &RequestContext,
        (id, status): (&RequestId, Option<u16>),
    ) -> Option<AuditEntry> {
        let account = context.account();
        let is_refused = status.is_none_or(|status| status >= 400);
        if account.is_none() && is_refused {
            return None;
        }
        Some(AuditEntry {
            time: clock.now(),
            username: account.map(|account| account.username.clone()),
            token: account.and_then(|account| account.token()),
            address: self.address,
            forwarded_for: self.forwarded_for,
            method: method.to_owned(),
            path: match context.form().filter(|form| !form.is_empty()) {
                Some(form) => beginning(format!("{}?{form}", self.path).into()),
                None => self.path,
            },
            version: context.version().map(|version| version.slug.clone()),
            status,
            request: id.as_str().to_owned(),
        })
    }
}

/// Returns the beginning of a text.
fn beginning(text: Cow<'_, str>) -> String {
    match text.len() <= LONGEST {
        true => text.into_owned(),
        false => text.chars().take(LONGEST).collect(),
    }
}

/// Returns the end of a text: a proxy adds the address of its client to what the client has sent.
fn end(text: &str) -> String {
    let more = text.chars().count().saturating_sub(LONGEST);
    text.chars().skip(more).collect()
}

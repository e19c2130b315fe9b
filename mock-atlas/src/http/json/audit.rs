//! The audit as JSON.

use std::net::IpAddr;

use serde::Serialize;
use uuid::Uuid;

use crate::domain::{Name, NumberedEntry, exact_timestamp};

/// The reply `{"entries": [ … ]}`.
#[derive(Serialize)]
pub(crate) struct AuditReply<'a> {
    pub(crate) entries: Vec<AuditElement<'a>>,
}

/// An entry of the audit.
#[derive(Serialize)]
pub(crate) struct AuditElement<'a> {
    number: u64,
    time: String,
    username: Option<&'a Name>,
    token: Option<Uuid>,
    address: Option<IpAddr>,
    forwarded_for: Option<&'a str>,
    method: &'a str,
    path: &'a str,
    version: Option<&'a str>,
    status: Option<u16>,
    request: &'a str,
}

impl<'a> From<&'a NumberedEntry> for AuditElement<'a> {
    fn from(NumberedEntry { number, entry }: &'a NumberedEntry) -> Self {
        Self {
            number: *number,
            time: exact_timestamp(entry.time),
            username: entry.username.as_ref(),
            token: entry.token,
            address: entry.address,
            forwarded_for: entry.forwarded_for.as_deref(),
            method: &entry.method,
            path: &entry.path,
            version: entry.version.as_deref(),
            status: entry.status,
            request: &entry.request,
        }
    }
}

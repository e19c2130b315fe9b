//! The audit: a record of who changed what, and of who tried.

use std::net::IpAddr;
use std::time::SystemTime;

use uuid::Uuid;

use super::Name;

/// A request that changed something, or would have if it had not been refused. It holds no secret.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct AuditEntry {
    pub(crate) time: SystemTime,
    /// The user whose token or login the request had; `None` where it had none that is valid.
    pub(crate) username: Option<Name>,
    /// The id of the token.
    pub(crate) token: Option<Uuid>,
    /// The address of the client, or of the proxy before the server.
    pub(crate) address: Option<IpAddr>,
    /// The header `X-Forwarded-For`, with which a proxy tells its client. Any client can send it.
    pub(crate) forwarded_for: Option<String>,
    pub(crate) method: String,
    /// The path, without the secret of an upload path.
    pub(crate) path: String,
    /// The slug of the version that the request created, or whose file it brought.
    pub(crate) version: Option<String>,
    /// The status of the reply; `None` where the request broke off.
    pub(crate) status: Option<u16>,
    /// The id of the request, which the log shows, too.
    pub(crate) request: String,
}

/// An entry with its number, which counts up.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct NumberedEntry {
    pub(crate) number: u64,
    pub(crate) entry: AuditEntry,
}

/// A choice of entries, the oldest first.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct AuditQuery {
    /// The number after which the entries begin.
    pub(crate) after: u64,
    /// The time from which the entries are.
    pub(crate) since: Option<SystemTime>,
    /// The time before which the entries are.
    pub(crate) until: Option<SystemTime>,
    pub(crate) username: Option<Name>,
    /// The greatest number of entries.
    pub(crate) limit: usize,
}

impl AuditQuery {
    /// The greatest number of entries of one page.
    pub(crate) const MOST: usize = 1000;

    /// Returns whether the query chooses an entry, without regard to the limit.
    pub(crate) fn accepts(&self, numbered: &NumberedEntry) -> bool {
        let NumberedEntry { number, entry } = numbered;
        *number > self.after
            && self.since.is_none_or(|since| entry.time >= since)
            && self.until.is_none_or(|until| entry.time < until)
            && (self.username.is_none() || self.username == entry.username)
    }
}

impl Default for AuditQuery {
    fn default() -> Self {
        Self {
            after: 0,
            since: None,
            until: None,
            username: None,
            limit: Self::MOST,
        }
    }
}

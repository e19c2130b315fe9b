//! Defines the faults of the fake registry, and the rules where and how often they occur.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use super::Origin;

/// A fault of one reply.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Fault {
    /// The connection is reset after this number of bytes of the body.
    Reset(u64),
    /// The connection is closed after this number of bytes of the body; the Content-Length was that of the
    /// whole body.
    Cut(u64),
    /// Only this number of bytes is sent, with a matching Content-Length.
    Shorter(u64),
    /// This number of bytes is appended, with a matching Content-Length.
    Longer(u64),
    /// The bytes differ, and the ETag is the same.
    OtherBytes,
    /// The bytes and the ETag differ: the file was replaced.
    Replaced,
    /// After this number of bytes nothing more is sent, while the connection stays open.
    Stall(u64),
    /// The registry sends no byte, and keeps the connection open.
    Silence,
    /// The registry sends no byte, and closes the connection.
    Hangup,
    /// This number of bytes is sent per second.
    Slow(u64),
    /// A `Range` is ignored: 200 and the whole file.
    NoRange,
    /// A `Range` is answered with 206 and another range, from the beginning on, as `Content-Range` says.
    OtherRange,
    /// This status, with a short text or the API's error.
    Status(u16),
    /// This status with an additional header.
    StatusWith(u16, String, String),
}

impl Fault {
    /// Returns a rule for this fault in every request. It applies to downloads from the store and the owner's
    /// own host, and not to HEAD.
    pub(crate) fn always(self) -> Rule {
        Rule {
            fault: self,
            text: String::new(),
            registry: false,
            skipped: 0,
            every: 1,
            times: u32::MAX,
            seen: Arc::default(),
        }
    }

    /// Returns a rule for the first `times` requests.
    pub(crate) fn times(self, times: u32) -> Rule {
        let always = self.always();
        Rule { times, ..always }
    }

    /// Returns a rule for every `every`-th request.
    pub(crate) fn every(self, every: u32) -> Rule {
        let always = self.always();
        Rule { every, ..always }
    }

    /// Returns the status that replaces the reply, and its additional header.
    pub(super) fn status(&self) -> Option<(u16, Option<(String, String)>)> {
        match self {
            Self::Status(status) => Some((*status, None)),
            Self::StatusWith(status, name, value) => {
                Some((*status, Some((name.clone(), value.clone()))))
            }
            _ => None,
        }
    }
}

/// A fault, with the places and the frequency of its occurrence.
#[derive(Debug, Clone)]
pub(crate) struct Rule {
    fault: Fault,
    text: String,
    registry: bool,
    skipped: u32,
    every: u32,
    times: u32,
    /// The number of requests so far to which the rule could apply.
    seen: Arc<AtomicU32>,
}

impl Rule {
    /// Limits the rule to targets that contain this text after percent-decoding:
    /// `acme/web/1.0.0/virtualbox/amd64` is part of an address in the store.
    pub(crate) fn at(self, text: &str) -> Self {
        let text = text.to_owned();
        Self { text, ..self }
    }

    /// Applies the rule to the replies of the registry, not to downloads.
    pub(crate) fn in_registry(self) -> Self {
        Self {
            registry: true,
            ..self
        }
    }

    /// Skips the first `skipped` requests.
    pub(crate) fn after(self, skipped: u32) -> Self {
        Self { skipped, ..self }
    }

    /// Counts a request. Returns the fault, if it occurs in this one.
    pub(super) fn strikes(&self, origin: Origin, target: &str) -> Option<&Fault> {
        let meant = (origin == Origin::Registry) == self.registry && target.contains(&self.text);
        if !meant {
            return None;
        }
        let seen = self.seen.fetch_add(1, Ordering::Relaxed);
        let turn = seen.checked_sub(self.skipped)?;
        let strikes = (turn + 1).is_multiple_of(self.every) && turn / self.every < self.times;
        strikes.then_some(&self.fault)
    }
}

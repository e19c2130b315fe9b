//! What goes wrong, where, and how often.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use super::Origin;

/// What goes wrong with one reply.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Fault {
    /// The connection is reset after so many bytes of the body.
    Reset(u64),
    /// The connection ends after so many bytes of the body; the Content-Length was of all.
    Cut(u64),
    /// There are so many bytes and no more, and the Content-Length is of those.
    Shorter(u64),
    /// There are so many bytes more at the end, and the Content-Length counts them.
    Longer(u64),
    /// The bytes are others, and the ETag is the same.
    OtherBytes,
    /// The bytes and the ETag are others: the file was replaced.
    Replaced,
    /// After so many bytes nothing comes any more, and the connection stays.
    Stall(u64),
    /// Nothing comes at all, and the connection stays.
    Silence,
    /// Nothing comes at all, and the connection ends.
    Hangup,
    /// So many bytes come in a second.
    Slow(u64),
    /// A `Range` is ignored: 200 and everything.
    NoRange,
    /// A `Range` is answered by 206 and another one, from the beginning on, as `Content-Range` says.
    OtherRange,
    /// This status, with a short text or the API's error.
    Status(u16),
    /// This status with one more header.
    StatusWith(u16, String, String),
}

impl Fault {
    /// The fault everywhere and always, until it is told otherwise. It strikes downloads from the
    /// store and the owner's own host, and no HEAD.
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

    /// The first so many times.
    pub(crate) fn times(self, times: u32) -> Rule {
        let always = self.always();
        Rule { times, ..always }
    }

    /// Every so manieth time.
    pub(crate) fn every(self, every: u32) -> Rule {
        let always = self.always();
        Rule { every, ..always }
    }

    /// The status that is answered instead of all else, and a header to go with it.
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

/// A fault with where and how often it strikes.
#[derive(Debug, Clone)]
pub(crate) struct Rule {
    fault: Fault,
    text: String,
    registry: bool,
    skipped: u32,
    every: u32,
    times: u32,
    /// How many requests there were that it is about.
    seen: Arc<AtomicU32>,
}

impl Rule {
    /// Only where the target, percent-decoded, contains this: `acme/web/1.0.0/virtualbox/amd64` is
    /// part of an address in the store.
    pub(crate) fn at(self, text: &str) -> Self {
        let text = text.to_owned();
        Self { text, ..self }
    }

    /// It strikes what the registry answers, not the downloads.
    pub(crate) fn in_registry(self) -> Self {
        Self {
            registry: true,
            ..self
        }
    }

    /// The first so many requests are spared.
    pub(crate) fn after(self, skipped: u32) -> Self {
        Self { skipped, ..self }
    }

    /// The fault, if it is this request's turn. Counts.
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

//! A bounded journal of requests.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, SystemTime};

use serde::{Serialize, Serializer};

use super::Finding;
use super::packed_strings::PackedStrings;
use super::pattern::Pattern;
use super::record::{FixedFields, request};
use crate::domain::{Clock, timestamp};
use crate::endpoint::Endpoint;

/// The default capacity of the journal in requests: more than a test makes, and a few megabytes.
pub(crate) const DEFAULT_CAPACITY: usize = 5000;

/// A request of a client to the emulated Atlas, and its outcome.
///
/// It holds no token, no upload path and no body; `{hidden}` stands in the place of secrets.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Request {
    /// The number of the request, counted from 1 in the order in which requests begin.
    pub number: u64,
    /// The id in the request's reply and logs: the client's `X-Request-Id`, or a new one.
    pub id: String,
    /// The time at which the request began.
    #[serde(serialize_with = "as_timestamp")]
    pub time: SystemTime,
    /// The method.
    pub method: String,
    /// The template of the path, such as `/api/v1/artifacts/{username}/{name}`; `None` for an
    /// unknown path.
    pub route: Option<String>,
    #[serde(skip)]
    pub(crate) endpoint: Endpoint,
    /// The path.
    pub path: String,
    /// The query string.
    pub query: Option<String>,
    /// The owner of the token, if the endpoint requires a valid one.
    pub username: Option<String>,
    /// The place of the token, valid or not.
    pub token: Option<TokenPlace>,
    /// The `Content-Type`.
    pub content_type: Option<String>,
    /// The `Content-Length`.
    pub content_length: Option<u64>,
    /// Whether the body came in chunks, without a length announced in advance.
    pub chunked: bool,
    /// The names of the fields in the body, JSON or a form, such as `artifact_version.metadata.os`.
    pub fields: Vec<String>,
    #[serde(skip)]
    pub(crate) findings: Vec<Finding>,
    /// The number of bytes that were read of the body.
    pub received: u64,
    /// The digest of the body, `blake3-` and 64 hexadecimal digits, if all of it was read. A login
    /// has none, since the password could be guessed from it.
    pub digest: Option<String>,
    /// The version that the request created or uploaded the file of, as
    /// `USERNAME/NAME/TYPE/VERSION`.
    pub version: Option<String>,
    /// Whether the request created a version whose file is to follow.
    pub announces_file: bool,
    /// Whether the version stores the bytes of this request, whatever the reply was.
    pub stored: bool,
    /// The text of the fault that the request met.
    pub fault: Option<String>,
    /// The status of the reply; `None` if the request broke off before.
    pub status: Option<u16>,
    /// The time from the head of the request to the end of the reply.
    #[serde(rename = "milliseconds", serialize_with = "as_milliseconds")]
    pub duration: Duration,
}

#[cfg(test)]
impl Request {
    /// Creates a request that was answered with 200.
    pub(crate) fn example(number: u64, method: &str, path: &str) -> Self {
        Self {
            id: format!("id-{number}"),
            method: method.to_owned(),
            path: path.to_owned(),
            ..request(&FixedFields::example(number), &[])
        }
    }
}

/// The place of a request's token.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum TokenPlace {
    /// The header `X-Atlas-Token`.
    Header,
    /// The header `Authorization`, as `Bearer`.
    Bearer,
    /// The query parameter `access_token`.
    Query,
}

fn as_timestamp<S: Serializer>(time: &SystemTime, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(&timestamp(*time))
}

fn as_milliseconds<S: Serializer>(duration: &Duration, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_u64(duration.as_millis() as u64)
}

/// A filter of requests, which must match all of its fields.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Filter {
    pub(crate) method: Option<String>,
    pub(crate) route: Option<Pattern>,
    pub(crate) status: Option<u16>,
    /// The number that the number of a request must exceed.
    pub(crate) since: u64,
}

impl Filter {
    pub(crate) fn accepts(&self, request: &Request) -> bool {
        let method = self.method.as_ref();
        let route = self.route.as_ref();
        method.is_none_or(|method| *method == request.method)
            && route.is_none_or(|route| route.matches(&request.path))
            && (self.status.is_none() || self.status == request.status)
            && request.number > self.since
    }
}

/// A journal of the last requests, up to a fixed capacity.
#[derive(Debug)]
pub(crate) struct Journal {
    capacity: usize,
    clock: Clock,
    begun: AtomicU64,
    buffer: Mutex<JournalBuffer>,
}

/// The recorded requests, in the order in which they ended. Two ring buffers hold them one behind
/// the other, and new requests overwrite the oldest: recording a request allocates and frees
/// nothing, and reads only the length of an old request, whose bytes have long left the cache.
#[derive(Debug, Default)]
struct JournalBuffer {
    records: VecDeque<(FixedFields, usize)>,
    /// The texts of the records, one after the other; each record has its number of bytes.
    texts: VecDeque<u8>,
    forgotten: u64,
    /// The number of the last request that had begun at the last clear. Requests up to it are not
    /// recorded even if they end later.
    cleared: u64,
}

impl JournalBuffer {
    fn add(&mut self, fixed: FixedFields, texts: &PackedStrings) {
        let texts = texts.as_bytes();
        self.records.push_back((fixed, texts.len()));
        self.texts.extend(texts);
    }

    fn forget_oldest(&mut self) {
        if let Some((_, length)) = self.records.pop_front() {
            self.texts.drain(..length);
            self.forgotten += 1;
        }
        // Shrinks the buffer after a few requests with long texts.
        let capacity = self.texts.capacity();
        if capacity > LARGE && self.texts.len() < capacity / 8 {
            self.texts.shrink_to(self.texts.len() * 2);
        }
    }

    /// Copies the buffers in large pieces, which keeps the time under the lock short.
    fn copy(&self) -> Copied {
        Copied {
            records: self.records.iter().copied().collect(),
            texts: <[&[u8]; 2]>::from(self.texts.as_slices()).concat(),
        }
    }

    /// Copies the records from the one at `first` on.
    fn copy_from(&self, first: usize) -> Copied {
        let records: Vec<_> = self.records.range(first..).copied().collect();
        let length: usize = records.iter().map(|(_, length)| length).sum();
        let texts = self.texts.range(self.texts.len() - length..);
        Copied {
            texts: texts.copied().collect(),
            records,
        }
    }
}

/// The capacity in bytes up to which the buffer is not shrunk.
const LARGE: usize = 64 * 1024;

/// A copy of the recorded requests at one moment.
struct Copied {
    records: Vec<(FixedFields, usize)>,
    texts: Vec<u8>,
}

impl Copied {
    /// Returns the requests in the order in which they ended.
    fn in_order_of_end(&self) -> impl Iterator<Item = Request> {
        let mut texts = &*self.texts;
        self.records.iter().map(move |(fixed, length)| {
            let (own, others) = texts.split_at(*length);
            texts = others;
            request(fixed, own)
        })
    }

    /// Returns the requests in the order in which they began.
    fn requests(&self) -> Vec<Request> {
        let mut requests: Vec<_> = self.in_order_of_end().collect();
        requests.sort_unstable_by_key(|request| request.number);
        requests
    }
}

/// The content of a journal at one moment.
#[derive(Clone, Debug, Default)]
pub(crate) struct Page {
    /// The requests, in the order in which they began.
    pub(crate) requests: Vec<Request>,
    /// The number of earlier requests that the journal had no room for.
    pub(crate) forgotten: u64,
    /// Whether the journal is switched off and records nothing.
    pub(crate) is_off: bool,
}

impl Journal {
    pub(crate) fn new(capacity: usize, clock: Clock) -> Self {
        Self {
            capacity,
            clock,
            begun: AtomicU64::new(0),
            buffer: Mutex::default(),
        }
    }

    pub(super) fn clock(&self) -> &Clock {
        &self.clock
    }

    /// Returns whether the journal records requests.
    pub(crate) fn is_on(&self) -> bool {
        self.capacity > 0
    }

    /// Returns the number of a beginning request, and the current time.
    pub(crate) fn begin(&self) -> (u64, SystemTime) {
        let number = self.begun.fetch_add(1, Ordering::Relaxed) + 1;
        (number, self.clock.now())
    }

    /// Records a request that has ended.
    pub(crate) fn keep(&self, fixed: FixedFields, texts: &PackedStrings) {
        let mut buffer = self.buffer();
        if fixed.number <= buffer.cleared || !self.is_on() {
            return;
        }
        if buffer.records.len() == self.capacity {
            buffer.forget_oldest();
        }
        buffer.add(fixed, texts);
    }

    /// Returns the requests that were recorded after the first `seen`, in the order in which they ended, as far as they
    /// are still there, and the number of all that were recorded so far. After a clear, the numbers begin again.
    pub(crate) fn since(&self, seen: u64) -> (Vec<Request>, u64) {
        let buffer = self.buffer();
        let recorded = buffer.forgotten + buffer.records.len() as u64;
        let new = recorded.checked_sub(seen).unwrap_or(recorded);
        let new = usize::try_from(new).unwrap_or(usize::MAX);
        let old = buffer.records.len().saturating_sub(new);
        if old == buffer.records.len() {
            return (Vec::new(), recorded);
        }
        let copy = buffer.copy_from(old);
        drop(buffer);
        (copy.in_order_of_end().collect(), recorded)
    }

    /// Returns the recorded requests. A request is recorded before its client has the whole reply.
    pub(crate) fn page(&self) -> Page {
        // The lock is held only for the copy, so that requests that end meanwhile do not wait
        // longer.
        let buffer = self.buffer();
        let (copy, forgotten) = (buffer.copy(), buffer.forgotten);
        drop(buffer);
        Page {
            requests: copy.requests(),
            forgotten,
            is_off: !self.is_on(),
        }
    }

    /// Removes all requests, those under way included.
    pub(crate) fn clear(&self) {
        let mut buffer = self.buffer();
        *buffer = JournalBuffer {
            cleared: self.begun.load(Ordering::Relaxed),
            ..JournalBuffer::default()
        };
    }

    fn buffer(&self) -> MutexGuard<'_, JournalBuffer> {
        self.buffer.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::observe::record::HeadStrings;

    fn numbers(journal: &Journal) -> Vec<u64> {
        let page = journal.page();
        page.requests.iter().map(|request| request.number).collect()
    }

    fn begin(journal: &Journal) -> FixedFields {
        FixedFields::example(journal.begin().0)
    }

    /// Records a request with this path.
    fn keep(journal: &Journal, fixed: FixedFields, path: &str) {
        let head = HeadStrings {
            path,
            ..HeadStrings::default()
        };
        journal.keep(fixed, &head.packed());
    }

    #[test]
    fn requests_are_in_the_order_in_which_they_began() {
        let journal = Journal::new(9, Clock::default());
        let all: Vec<FixedFields> = (0..3).map(|_| begin(&journal)).collect();
        all.into_iter()
            .rev()
            .for_each(|one| keep(&journal, one, "/"));
        assert_eq!(numbers(&journal), [1, 2, 3]);
    }

    #[test]
    fn the_first_to_end_make_room_and_are_counted() {
        let journal = Journal::new(2, Clock::default());
        for _ in 0..5 {
            keep(&journal, begin(&journal), "/");
        }
        assert_eq!(numbers(&journal), [4, 5]);
        assert_eq!(journal.page().forgotten, 3);
    }

    #[test]
    fn each_has_its_own_texts_whatever_was_forgotten() {
        let journal = Journal::new(3, Clock::default());
        let path = |number: u64| "x".repeat(usize::try_from(number * number % 401).unwrap());
        for _ in 0..200 {
            let fixed = begin(&journal);
            keep(&journal, fixed, &path(fixed.number));
            for request in journal.page().requests {
                assert_eq!(request.path, path(request.number));
            }
        }
    }

    #[test]
    fn what_was_large_gives_its_memory_back() {
        let journal = Journal::new(2, Clock::default());
        keep(&journal, begin(&journal), &"x".repeat(1_000_000));
        for _ in 0..2 {
            keep(&journal, begin(&journal), "/");
        }
        assert!(journal.buffer().texts.capacity() <= LARGE);
        assert_eq!(numbers(&journal), [2, 3]);
    }

    #[test]
    fn what_is_new_is_found_whatever_was_forgotten_or_cleared() {
        let journal = Journal::new(3, Clock::default());
        let since = |seen| {
            let (requests, recorded) = journal.since(seen);
            let paths = requests.into_iter().map(|request| request.path);
            (paths.collect::<Vec<_>>(), recorded)
        };
        assert_eq!(since(0), (vec![], 0));
        for path in ["/a", "/bb", "/ccc", "/dddd"] {
            keep(&journal, begin(&journal), path);
        }
        let texts = |all: &[&str]| {
            all.iter()
                .map(|text| (*text).to_owned())
                .collect::<Vec<_>>()
        };
        assert_eq!(since(0), (texts(&["/bb", "/ccc", "/dddd"]), 4));
        assert_eq!(since(3), (texts(&["/dddd"]), 4));
        assert_eq!(since(4), (vec![], 4));
        journal.clear();
        keep(&journal, begin(&journal), "/e");
        assert_eq!(since(4), (texts(&["/e"]), 1));
    }

    #[test]
    fn a_journal_without_room_keeps_nothing() {
        let journal = Journal::new(0, Clock::default());
        keep(&journal, begin(&journal), "/");
        assert!(!journal.is_on() && numbers(&journal).is_empty());
    }

    #[test]
    fn what_is_under_way_as_all_is_cleared_is_not_kept_later() {
        let journal = Journal::new(1, Clock::default());
        for _ in 0..2 {
            keep(&journal, begin(&journal), "/");
        }
        let under_way = begin(&journal);
        journal.clear();
        keep(&journal, under_way, "/");
        assert_eq!((numbers(&journal), journal.page().forgotten), (vec![], 0));
        keep(&journal, begin(&journal), "/");
        // It does not take the place of another request either.
        keep(&journal, under_way, "/");
        assert_eq!(numbers(&journal), [4]);
    }

    #[test]
    fn a_filter_wants_all_that_it_names() {
        let one = Request::example(3, "GET", "/a/b");
        let all = Filter {
            method: Some("GET".to_owned()),
            route: "/a/{x}".parse().ok(),
            status: Some(200),
            since: 2,
        };
        assert!(Filter::default().accepts(&one) && all.accepts(&one));
        for other in [
            Filter {
                method: Some("PUT".to_owned()),
                ..all.clone()
            },
            Filter {
                route: "/a".parse().ok(),
                ..all.clone()
            },
            Filter {
                status: Some(404),
                ..all.clone()
            },
            Filter { since: 3, ..all },
        ] {
            assert!(!other.accepts(&one), "{other:?}");
        }
    }
}

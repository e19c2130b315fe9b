//! A bounded journal of requests.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, SystemTime};

use serde::{Serialize, Serializer};

use super::pattern::Pattern;
use super::record::{Facts, request};
use super::texts::Texts;
use crate::domain::{Clock, timestamp};
use crate::endpoint::Endpoint;

/// How many requests are kept where nothing else is said: more than a test makes, and a few
/// megabytes.
pub(crate) const DEFAULT_CAPACITY: usize = 5000;

/// A request that a client made of the emulated Atlas, and how it ended.
///
/// It holds no token, no upload path and no body. What might be one of them reads `{hidden}`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Request {
    /// Counts up from 1 in the order in which requests begin.
    pub number: u64,
    /// The id that its reply and its log share: the client's own `X-Request-Id`, or a new one.
    pub id: String,
    /// When it began.
    #[serde(serialize_with = "as_timestamp")]
    pub time: SystemTime,
    /// Its method.
    pub method: String,
    /// The template of its path, such as `/api/v1/artifacts/{username}/{name}`; none for a path
    /// that this Atlas does not know.
    pub route: Option<String>,
    #[serde(skip)]
    pub(crate) endpoint: Endpoint,
    /// Its path.
    pub path: String,
    /// Its query string.
    pub query: Option<String>,
    /// Whose token it had, where a good one was asked for.
    pub username: Option<String>,
    /// Where it had a token, a good one or not.
    pub token: Option<TokenPlace>,
    /// Its `Content-Type`.
    pub content_type: Option<String>,
    /// Its `Content-Length`.
    pub content_length: Option<u64>,
    /// Whether its body came in chunks of lengths that were not said before.
    pub chunked: bool,
    /// The names of the fields in its body, JSON or a form, as in `artifact_version.metadata.os`.
    pub fields: Vec<String>,
    /// How many bytes of its body were read.
    pub received: u64,
    /// The SHA-256 of its body, where all of it was read. A login has none: what it is made of
    /// could be guessed from it.
    pub sha256: Option<String>,
    /// The version that it made or uploaded the file of, as `USERNAME/NAME/TYPE/VERSION`.
    pub version: Option<String>,
    /// Whether it made a version whose file is to follow.
    pub announces_file: bool,
    /// Whether the version has the bytes that it sent, whatever its client was told.
    pub stored: bool,
    /// The status of its reply; none where it broke off before.
    pub status: Option<u16>,
    /// From its head to the end of the reply.
    #[serde(rename = "milliseconds", serialize_with = "as_milliseconds")]
    pub duration: Duration,
}

#[cfg(test)]
impl Request {
    /// One that was answered with 200.
    pub(crate) fn example(number: u64, method: &str, path: &str) -> Self {
        Self {
            id: format!("id-{number}"),
            method: method.to_owned(),
            path: path.to_owned(),
            ..request(&Facts::example(number), &[])
        }
    }
}

/// Where the token of a request stood.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum TokenPlace {
    /// In the header `X-Atlas-Token`.
    Header,
    /// In the header `Authorization`, as `Bearer`.
    Bearer,
    /// In the query parameter `access_token`.
    Query,
}

fn as_timestamp<S: Serializer>(time: &SystemTime, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(&timestamp(*time))
}

fn as_milliseconds<S: Serializer>(duration: &Duration, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_u64(duration.as_millis() as u64)
}

/// Which requests are asked for: those that meet all of it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Filter {
    pub(crate) method: Option<String>,
    pub(crate) route: Option<Pattern>,
    pub(crate) status: Option<u16>,
    /// Those that began after the one of this number.
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

/// The last requests, as many as there is room for.
#[derive(Debug)]
pub(crate) struct Journal {
    capacity: usize,
    clock: Clock,
    begun: AtomicU64,
    kept: Mutex<Kept>,
}

/// The requests that are kept, in the order in which they ended. They stand in two rings, one behind
/// the other, which are written over from their beginning: nothing is asked for or given back for a
/// request, and nothing of an old one, which has long left the cache, is waited for but its length.
#[derive(Debug, Default)]
struct Kept {
    records: VecDeque<(Facts, usize)>,
    /// Of each as many bytes as stand beside its facts.
    texts: VecDeque<u8>,
    forgotten: u64,
    /// What began up to here was cleared, also when it ends later.
    cleared: u64,
}

impl Kept {
    fn add(&mut self, facts: Facts, texts: &Texts) {
        let texts = texts.as_bytes();
        self.records.push_back((facts, texts.len()));
        self.texts.extend(texts);
    }

    fn forget_oldest(&mut self) {
        if let Some((_, length)) = self.records.pop_front() {
            self.texts.drain(..length);
            self.forgotten += 1;
        }
        // After some requests with much to tell.
        let capacity = self.texts.capacity();
        if capacity > LARGE && self.texts.len() < capacity / 8 {
            self.texts.shrink_to(self.texts.len() * 2);
        }
    }

    /// A copy, made in as few pieces as there are.
    fn copy(&self) -> Copied {
        Copied {
            records: self.records.iter().copied().collect(),
            texts: <[&[u8]; 2]>::from(self.texts.as_slices()).concat(),
        }
    }
}

/// Less is not given back, in bytes.
const LARGE: usize = 64 * 1024;

/// The requests that were kept at one moment.
struct Copied {
    records: Vec<(Facts, usize)>,
    texts: Vec<u8>,
}

impl Copied {
    /// In the order in which they began.
    fn requests(&self) -> Vec<Request> {
        let mut texts = &*self.texts;
        let requests = self.records.iter().map(|(facts, length)| {
            let (own, others) = texts.split_at(*length);
            texts = others;
            request(facts, own)
        });
        let mut requests: Vec<_> = requests.collect();
        requests.sort_unstable_by_key(|request| request.number);
        requests
    }
}

/// What a journal holds at one moment.
#[derive(Clone, Debug, Default)]
pub(crate) struct Page {
    /// In the order in which they began.
    pub(crate) requests: Vec<Request>,
    /// How many more there were that the journal had no room for.
    pub(crate) forgotten: u64,
    /// Whether nothing is kept at all.
    pub(crate) is_off: bool,
}

impl Journal {
    pub(crate) fn new(capacity: usize, clock: Clock) -> Self {
        Self {
            capacity,
            clock,
            begun: AtomicU64::new(0),
            kept: Mutex::default(),
        }
    }

    /// Whether anything is kept at all.
    pub(crate) fn is_on(&self) -> bool {
        self.capacity > 0
    }

    /// The number of a request that begins, and when that is.
    pub(crate) fn begin(&self) -> (u64, SystemTime) {
        let number = self.begun.fetch_add(1, Ordering::Relaxed) + 1;
        (number, self.clock.now())
    }

    /// Keeps a request that has ended.
    pub(crate) fn keep(&self, facts: Facts, texts: &Texts) {
        let mut kept = self.kept();
        if facts.number <= kept.cleared || !self.is_on() {
            return;
        }
        if kept.records.len() == self.capacity {
            kept.forget_oldest();
        }
        kept.add(facts, texts);
    }

    /// What is kept. A request is here before its client has all of the reply.
    pub(crate) fn page(&self) -> Page {
        // Whoever ends meanwhile waits only until it is copied.
        let kept = self.kept();
        let (copy, forgotten) = (kept.copy(), kept.forgotten);
        drop(kept);
        Page {
            requests: copy.requests(),
            forgotten,
            is_off: !self.is_on(),
        }
    }

    /// Forgets all requests, those under way too.
    pub(crate) fn clear(&self) {
        let mut kept = self.kept();
        *kept = Kept {
            cleared: self.begun.load(Ordering::Relaxed),
            ..Kept::default()
        };
    }

    fn kept(&self) -> MutexGuard<'_, Kept> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::observe::record::Head;

    fn numbers(journal: &Journal) -> Vec<u64> {
        let page = journal.page();
        page.requests.iter().map(|request| request.number).collect()
    }

    fn begin(journal: &Journal) -> Facts {
        Facts::example(journal.begin().0)
    }

    /// Keeps one whose path is this.
    fn keep(journal: &Journal, facts: Facts, path: &str) {
        let head = Head {
            path,
            ..Head::default()
        };
        journal.keep(facts, &head.texts());
    }

    #[test]
    fn requests_are_in_the_order_in_which_they_began() {
        let journal = Journal::new(9, Clock::default());
        let all: Vec<Facts> = (0..3).map(|_| begin(&journal)).collect();
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
            let facts = begin(&journal);
            keep(&journal, facts, &path(facts.number));
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
        assert!(journal.kept().texts.capacity() <= LARGE);
        assert_eq!(numbers(&journal), [2, 3]);
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
        // It takes no other's place either.
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

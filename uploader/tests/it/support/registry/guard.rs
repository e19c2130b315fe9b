//! Keeps the registry's state of its callers: tokens, signatures, and the use of limits.

use std::collections::HashMap;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use super::options::{Counters, Limit, Options, Says, Signature};

/// The standing of a caller, by the token that it showed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Standing {
    Nobody,
    Good,
    Bad,
}

/// The tokens that `/oauth2/token` has issued.
#[derive(Debug, Default)]
pub(super) struct Tokens {
    issued: Vec<Used>,
}

#[derive(Debug)]
struct Used {
    text: String,
    since: Instant,
    uses: u32,
}

impl Used {
    fn new(text: String) -> Self {
        Self {
            text,
            since: Instant::now(),
            uses: 0,
        }
    }

    /// Counts one use. Returns whether the token is still valid.
    fn is_good(&mut self, uses: Option<u32>, lasts: Option<Duration>) -> bool {
        self.uses += 1;
        uses.is_none_or(|most| self.uses <= most)
            && lasts.is_none_or(|lasts| self.since.elapsed() < lasts)
    }
}

impl Tokens {
    pub(super) fn issue(&mut self) -> String {
        let text = format!("hcp.{:04}.Xk3vT9bQ", self.issued.len());
        self.issued.push(Used::new(text.clone()));
        text
    }

    pub(super) fn issued(&self) -> Vec<String> {
        self.issued.iter().map(|one| one.text.clone()).collect()
    }

    /// Returns the standing of a caller with this token. It may be composite, as Vagrant sends it: one valid
    /// part is enough.
    pub(super) fn standing(&mut self, shown: &str, options: &Options, cloud: bool) -> Standing {
        let mut parts = shown.split(';');
        let good = parts.any(|part| {
            let mut issued = self.issued.iter_mut();
            match issued.find(|one| one.text == part) {
                Some(one) => one.is_good(options.token_uses, options.token_lasts),
                None => cloud && part == options.cloud_token,
            }
        });
        if good { Standing::Good } else { Standing::Bad }
    }
}

/// The signatures of addresses in the store.
#[derive(Debug, Default)]
pub(super) struct Signatures {
    given: HashMap<String, Used>,
}

impl Signatures {
    /// Returns the query of a new address.
    pub(super) fn sign(&mut self, signature: Signature) -> String {
        if signature == Signature::None {
            return String::new();
        }
        let text = format!("s{:06}", self.given.len());
        self.given.insert(text.clone(), Used::new(text.clone()));
        format!("?X-Signature={text}%2F%3D")
    }

    pub(super) fn is_good(&mut self, query: &[(String, String)], signature: Signature) -> bool {
        let shown = query.iter().find(|(key, _)| key == "X-Signature");
        let shown = shown.and_then(|(_, value)| value.strip_suffix("/="));
        let given = shown.and_then(|text| self.given.get_mut(text));
        match signature {
            Signature::None => true,
            Signature::Changes => given.is_some(),
            Signature::Uses(uses) => given.is_some_and(|one| one.is_good(Some(uses), None)),
            Signature::Lasts(lasts) => given.is_some_and(|one| one.is_good(None, Some(lasts))),
        }
    }
}

/// The number of downloads and requests that were used up.
#[derive(Debug, Default)]
pub(super) struct Meter {
    downloads: Bucket,
    requests: Bucket,
}

#[derive(Debug, Default)]
struct Bucket {
    used: u32,
    /// The end of the refusals, in epoch seconds, and the time at which they began.
    refusing: Option<(u64, Instant)>,
}

/// The decision of a limit about one request.
#[derive(Debug, Default)]
pub(super) struct Verdict {
    pub(super) refused: bool,
    /// Whether the request came before the time that a refusal had named.
    pub(super) early: bool,
    pub(super) headers: Vec<(String, String)>,
}

impl Bucket {
    fn take(&mut self, most: u32, limit: &Limit, verdict: &mut Verdict) -> Option<u64> {
        let now = epoch();
        if self
            .refusing
            .is_some_and(|(until, _)| now >= Duration::from_secs(until))
        {
            *self = Self::default();
        }
        if let Some((until, since)) = self.refusing {
            let named = !matches!(limit.says, Says::Nothing | Says::Nonsense(_));
            verdict.early = named && since.elapsed() >= limit.on_the_way;
            return Some(until);
        }
        if self.used < most {
            self.used += 1;
            return None;
        }
        let until = (now + limit.wait).as_secs() + 1;
        self.refusing = Some((until, Instant::now()));
        Some(until)
    }
}

impl Meter {
    /// Counts a request, unless it is refused.
    pub(super) fn take(&mut self, limit: &Limit, download: bool) -> Verdict {
        let mut verdict = Verdict::default();
        let mut until = self.requests.take(limit.requests, limit, &mut verdict);
        if download && until.is_none() {
            until = self.downloads.take(limit.downloads, limit, &mut verdict);
        }
        verdict.refused = until.is_some();
        if let Some(until) = until {
            says(&limit.says, until, &mut verdict.headers);
        }
        self.counters(limit, &mut verdict.headers);
        verdict
    }

    fn counters(&self, limit: &Limit, headers: &mut Vec<(String, String)>) {
        let downloads = limit.downloads.saturating_sub(self.downloads.used);
        let requests = limit.requests.saturating_sub(self.requests.used);
        let mut add = |name: &str, value: String| headers.push((name.to_owned(), value));
        match limit.counters {
            Counters::None => {}
            Counters::Hcp => {
                let of = |remain: u32, most: u32| format!("{remain}/{most}");
                add(
                    "x-hcp-vagrant-limit-boxdownloads-remain",
                    of(downloads, limit.downloads),
                );
                add(
                    "x-hcp-vagrant-limit-global-remain",
                    of(requests, limit.requests),
                );
            }
            Counters::Old => {
                let refusing = self.downloads.refusing.map(|(until, _)| until);
                let reset = refusing.unwrap_or_else(|| (epoch() + limit.wait).as_secs() + 1);
                add("X-RateLimit-Limit", limit.downloads.to_string());
                add("X-RateLimit-Remaining", downloads.to_string());
                add("X-RateLimit-Reset", reset.to_string());
            }
        }
    }
}

fn says(says: &Says, until: u64, headers: &mut Vec<(String, String)>) {
    const EPOCH: &str = "x-hcp-vagrant-limit-retry-after";
    let mut add = |name: &str, value: String| headers.push((name.to_owned(), value));
    match says {
        Says::Nothing => {}
        Says::Epoch => add(EPOCH, until.to_string()),
        Says::Seconds => {
            let left = Duration::from_secs(until).saturating_sub(epoch());
            add("Retry-After", left.as_secs_f64().ceil().to_string());
        }
        Says::Date => {
            let date = UNIX_EPOCH + Duration::from_secs(until);
            add("Retry-After", httpdate::fmt_http_date(date));
        }
        Says::Nonsense(text) => {
            add(EPOCH, text.clone());
            add("Retry-After", text.clone());
        }
    }
}

/// Returns the time since 1970.
pub(super) fn epoch() -> Duration {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap()
}

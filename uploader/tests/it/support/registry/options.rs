//! How a stand-in behaves: each knob in one sentence.

use std::time::Duration;

use super::faults::Rule;

/// What can be asked of a registry.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Api {
    /// HCP's registry API under `/vagrant/2022-09-30`.
    Hcp,
    /// Vagrant Cloud's `/api/v1`, without architectures.
    V1,
    /// Vagrant Cloud's `/api/v2`.
    V2,
    /// The catalogs that Vagrant reads, `/api/v2/vagrant/U/N` and `/U/N`.
    Catalogs,
    /// A catalog that is a mere file, `/plain/N.json`, with its boxes beside it.
    Plain,
}

/// How much HCP brings of what is below a thing when it is asked for `expanded=true`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Expands {
    /// All, down to the addresses of files.
    Whole,
    /// The children, but not theirs.
    Children,
    /// Nothing, as if it had not been asked.
    Nothing,
}

#[derive(Debug, Clone)]
pub(crate) struct Options {
    /// What it speaks; all else is answered by a page in HTML, with 404.
    pub(crate) speaks: Vec<Api>,
    /// How many objects are in one page of HCP's lists at most, whatever was asked for.
    pub(crate) page_size: usize,
    /// Each page of HCP's lists says that there is another one, the first one again after the last.
    pub(crate) endless_pages: bool,
    /// What `expanded=true` brings.
    pub(crate) expands: Expands,
    /// Vagrant Cloud v1 gives checksums with a box too, not only with a provider that is asked for.
    pub(crate) v1_checksums: bool,
    /// Vagrant Cloud's downloads redirect once more, to `…/download/vagrant.box` or `…/fetch/vagrant.box`, on the way.
    pub(crate) two_redirects: bool,
    /// The id and the secret that `/oauth2/token` takes.
    pub(crate) credentials: (String, String),
    /// The audience that `/oauth2/token` insists on; without one, it takes any, and none.
    pub(crate) audience: Option<String>,
    /// A token of `/oauth2/token` is good for so many requests.
    pub(crate) token_uses: Option<u32>,
    /// A token of `/oauth2/token` is good for so long.
    pub(crate) token_lasts: Option<Duration>,
    /// What `/oauth2/token` says how many seconds a token lasts, true or not.
    pub(crate) token_says: u64,
    /// A token of Vagrant Cloud, which HCP's API does not take.
    pub(crate) cloud_token: String,
    /// How many downloads and requests there may be, and what is said when there were more.
    pub(crate) limit: Option<Limit>,
    /// What addresses in the store are signed with.
    pub(crate) signature: Signature,
    /// The store's ETags.
    pub(crate) etag: Etag,
    /// The store answers a `Range` with 206; else with 200 and everything.
    pub(crate) ranges: bool,
    /// What the store answers to a range that begins where the file ends.
    pub(crate) at_end: AtEnd,
    /// The store answers HEAD; else with 403, as to an address that was signed for GET.
    pub(crate) head: bool,
    /// What goes wrong; of several that apply, the first.
    pub(crate) faults: Vec<Rule>,
}

impl Default for Options {
    /// All is well: all APIs, pages of 100, no limits, signatures that change, strong ETags, ranges.
    fn default() -> Self {
        Self {
            speaks: vec![Api::Hcp, Api::V1, Api::V2, Api::Catalogs, Api::Plain],
            page_size: 100,
            endless_pages: false,
            expands: Expands::Whole,
            v1_checksums: false,
            two_redirects: false,
            credentials: ("client-id-7Q".to_owned(), "client-secret-9Z".to_owned()),
            audience: None,
            token_uses: None,
            token_lasts: None,
            token_says: 3600,
            cloud_token: "q1w2e3r4t5y6u7.atlasv1.cloud".to_owned(),
            limit: None,
            signature: Signature::Changes,
            etag: Etag::Strong,
            ranges: true,
            at_end: AtEnd::Refused,
            head: true,
            faults: Vec::new(),
        }
    }
}

/// Whether the address of a file in the store, as the registry hands it out, stays good.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Signature {
    /// The address has none, and is always the same.
    None,
    /// Each is another, and all stay good.
    Changes,
    /// Each is another, and good for so many requests; then 403.
    Uses(u32),
    /// Each is another, and good for so long; then 403.
    Lasts(Duration),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Etag {
    None,
    Strong,
    /// Never good for `If-Range`, which then brings everything.
    Weak,
    /// Another one with every reply.
    Changes,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum AtEnd {
    /// 416 with `Content-Range: bytes */N`.
    Refused,
    /// 416 without it.
    Bare,
    /// 200 with everything.
    Whole,
}

/// How many downloads, and how many requests of any kind, until the registry answers 429.
#[derive(Debug, Clone)]
pub(crate) struct Limit {
    pub(crate) downloads: u32,
    pub(crate) requests: u32,
    /// How long it refuses then, made longer to the next full second; after it, all are allowed again.
    pub(crate) wait: Duration,
    /// Who comes so soon after a refusal is not too early, but was on the way when it was sent.
    pub(crate) on_the_way: Duration,
    /// How a refusal says when to come again.
    pub(crate) says: Says,
    /// The counters on every reply.
    pub(crate) counters: Counters,
}

impl Limit {
    /// So many downloads and 2,000 requests, a wait of one to two seconds, and all of HCP's headers.
    pub(crate) fn downloads(count: u32) -> Self {
        Self {
            downloads: count,
            requests: 2000,
            wait: Duration::from_secs(1),
            on_the_way: Duration::from_millis(300),
            says: Says::Epoch,
            counters: Counters::Hcp,
        }
    }
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Says {
    /// `x-hcp-vagrant-limit-retry-after: EPOCH SECONDS`
    Epoch,
    /// `Retry-After: SECONDS`
    Seconds,
    /// `Retry-After: DATE`
    Date,
    /// Nothing; then nobody can come too early.
    Nothing,
    /// This, in both headers; then nobody can come too early either.
    Nonsense(String),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Counters {
    /// `x-hcp-vagrant-limit-boxdownloads-remain: n/20`, `x-hcp-vagrant-limit-global-remain: n/2000`
    Hcp,
    /// `X-RateLimit-Limit`, `X-RateLimit-Remaining`, `X-RateLimit-Reset`, for downloads.
    Old,
    None,
}

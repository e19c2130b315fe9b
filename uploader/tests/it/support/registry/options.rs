//! Defines the options of the fake registry.

use std::time::Duration;

use super::faults::Rule;

/// An API of a registry.
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
    /// A catalog that is a static file, `/plain/N.json`, with its boxes beside it.
    Plain,
}

/// The descendants that HCP includes for `expanded=true`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Expands {
    /// All descendants, down to the addresses of files.
    Whole,
    /// Only the children.
    Children,
    /// The reply holds no children, as without `expanded=true`.
    Nothing,
}

#[derive(Debug, Clone)]
pub(crate) struct Options {
    /// The APIs that it has; every other path is answered with 404 and an HTML page.
    pub(crate) speaks: Vec<Api>,
    /// The largest number of objects in one page of HCP's lists, whatever was asked for.
    pub(crate) page_size: usize,
    /// Whether each page of HCP's lists names a next one, after the last one the first again.
    pub(crate) endless_pages: bool,
    /// The effect of `expanded=true`.
    pub(crate) expands: Expands,
    /// Whether Vagrant Cloud v1 gives checksums also with a box, not only with a provider.
    pub(crate) v1_checksums: bool,
    /// Whether Vagrant Cloud's downloads take another redirect on the way, to `…/download/vagrant.box` or
    /// `…/fetch/vagrant.box`.
    pub(crate) two_redirects: bool,
    /// The id and the secret that `/oauth2/token` accepts.
    pub(crate) credentials: (String, String),
    /// The audience that `/oauth2/token` requires; without one, it accepts any, and none.
    pub(crate) audience: Option<String>,
    /// The number of requests for which a token of `/oauth2/token` is valid.
    pub(crate) token_uses: Option<u32>,
    /// The time for which a token of `/oauth2/token` is valid.
    pub(crate) token_lasts: Option<Duration>,
    /// The lifetime of a token, in seconds, that `/oauth2/token` announces, true or not.
    pub(crate) token_says: u64,
    /// A token of Vagrant Cloud, which HCP's API does not accept.
    pub(crate) cloud_token: String,
    /// The limit of downloads and requests, and its replies.
    pub(crate) limit: Option<Limit>,
    /// The signature of addresses in the store.
    pub(crate) signature: Signature,
    /// The store's ETags.
    pub(crate) etag: Etag,
    /// Whether the store answers a `Range` with 206, and not with 200 and the whole file.
    pub(crate) ranges: bool,
    /// The store's reply to a range that begins at the end of the file.
    pub(crate) at_end: AtEnd,
    /// Whether the store answers HEAD, and not with 403, as for an address that was signed for GET.
    pub(crate) head: bool,
    /// The faults; of several that apply, the first is used.
    pub(crate) faults: Vec<Rule>,
}

impl Default for Options {
    /// Returns options without faults: all APIs, pages of 100, no limits, signatures that change, strong
    /// ETags, ranges.
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

/// The validity of an address of a file in the store.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Signature {
    /// The address is unsigned, and always the same.
    None,
    /// Each address differs, and all stay valid.
    Changes,
    /// Each address differs, and is valid for this number of requests; then it is answered with 403.
    Uses(u32),
    /// Each address differs, and is valid for this time; then it is answered with 403.
    Lasts(Duration),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Etag {
    None,
    Strong,
    /// A weak one, which never matches `If-Range`, so that the whole file is sent.
    Weak,
    /// A different one with every reply.
    Changes,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum AtEnd {
    /// 416 with `Content-Range: bytes */N`.
    Refused,
    /// 416 without `Content-Range`.
    Bare,
    /// 200 with the whole file.
    Whole,
}

/// The numbers of downloads, and of requests of any kind, after which the registry answers 429.
#[derive(Debug, Clone)]
pub(crate) struct Limit {
    pub(crate) downloads: u32,
    pub(crate) requests: u32,
    /// The time for which it refuses then, rounded up to the next full second; afterwards all are allowed
    /// again.
    pub(crate) wait: Duration,
    /// The time after a refusal within which a request does not count as early, because it may have been
    /// under way.
    pub(crate) on_the_way: Duration,
    /// The header in which a refusal says when to come again.
    pub(crate) says: Says,
    /// The counters on every reply.
    pub(crate) counters: Counters,
}

impl Limit {
    /// Returns a limit of this number of downloads and 2,000 requests, a wait of one to two seconds, and all
    /// of HCP's headers.
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
    /// No header; then no request counts as early.
    Nothing,
    /// This text, in both headers; then no request counts as early either.
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

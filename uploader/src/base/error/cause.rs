//! Why something failed, and what follows from it: whether to try again, and what a write may have
//! done all the same.

use std::fmt;
use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::base::digest::Digest;

/// Why something failed. URLs are shown without credentials and queries, an upload URL without its
/// path.
#[derive(Debug, thiserror::Error)]
pub enum Cause {
    /// Wrong arguments or settings.
    #[error("{0}")]
    Usage(String),
    /// A local file.
    #[error("{}: {source}", path.display())]
    File {
        /// Which one.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// Files that cannot become one archive.
    #[error("{0}")]
    Unpackable(String),
    /// The server refused.
    #[error("{request}: {}", StatusText { status: *status, messages })]
    Status {
        /// The request that this is about.
        request: RequestLine,
        /// The HTTP status.
        status: u16,
        /// The server's own words.
        messages: Vec<String>,
        /// How long it asks to be left alone (`Retry-After`).
        retry_after: Option<Duration>,
    },
    /// A server at another origin refused, to which the Atlas redirects and where the token is not sent: it
    /// would be shown to whoever is there.
    #[error(
        "{request}: redirected to {to}, where the token is not sent: {}",
        StatusText { status: *status, messages }
    )]
    TokenNotSent {
        /// The request is the one to the Atlas.
        request: RequestLine,
        /// The HTTP status.
        status: u16,
        /// The words of the server that refused.
        messages: Vec<String>,
        /// The redirect leads to this address, as it may be shown.
        to: String,
        /// The address that the Atlas has there.
        address: String,
    },
    /// A page for people came in place of what an Atlas sends: that of something else, or one to log in.
    #[error("{request}: {}", PageText(to.as_deref()))]
    Page {
        /// The request that this is about.
        request: RequestLine,
        /// It was redirected to this address, as it may be shown.
        to: Option<String>,
    },
    /// A server with TLS leads to an address without it. Nothing was sent there.
    #[error(
        "{request}: not sent: this is plain http behind https, and anyone in between could read or change what is sent"
    )]
    Unencrypted {
        /// The request was not sent.
        request: RequestLine,
    },
    /// The server answered well, but what was asked for is not there.
    #[error("{0}")]
    Missing(String),
    /// A write was answered by a redirect, which is never followed: a repeated write could double,
    /// and a token must not go where it was not meant to.
    #[error("{request}: {status}: a write is not redirected; the server points to {location}")]
    Redirected {
        /// The request that this is about.
        request: RequestLine,
        /// The HTTP status.
        status: u16,
        /// Where it points, without query.
        location: String,
        /// The address that the Atlas has there, where the path tells it.
        address: Option<String>,
    },
    /// No connection, or a broken one.
    #[error("{request}: {detail}")]
    Network {
        /// The request that this is about.
        request: RequestLine,
        /// How far it got.
        reach: Reach,
        /// The chain of reasons.
        detail: String,
    },
    /// A server whose certificate is not believed. No request was sent, and none will be however
    /// often it is tried.
    #[error("{request}: {detail}")]
    Untrusted {
        /// The request that this is about.
        request: RequestLine,
        /// The chain of reasons.
        detail: String,
    },
    /// A proxy that does not accept the user and the password that its variable gives, or asks for some. No
    /// request was sent, and none will be however often it is tried.
    #[error("{request}: {detail}")]
    ProxyRefused {
        /// The request that this is about.
        request: RequestLine,
        /// The chain of reasons.
        detail: String,
    },
    /// A reply of success that makes no sense.
    #[error("{request}: {detail}")]
    Reply {
        /// The request that this is about.
        request: RequestLine,
        /// What is wrong with the reply.
        detail: String,
    },
    /// A success that does not say that the bytes have arrived.
    #[error("{request}: {detail}; that does not say that the bytes have arrived")]
    Unconfirmed {
        /// The request that this is about.
        request: RequestLine,
        /// Why it confirms nothing.
        detail: String,
    },
    /// The server holds, or sent, other bytes.
    #[error("{request}: digest mismatch: the server says {server}, the bytes here are {here}")]
    Digest {
        /// The request that this is about.
        request: RequestLine,
        /// What its `ETag` says, or the version's metadata.
        server: Digest,
        /// The digest of the bytes sent or received.
        here: Digest,
    },
    /// What was read back is not what was sent.
    #[error("{0}")]
    Differs(String),
    /// Other bytes than those that a push began with.
    #[error(
        "the files have changed: this push began with {began}, and they would now be sent as {here}"
    )]
    Changed {
        /// The digest in the receipt.
        began: String,
        /// The digest of the bytes that would be sent now.
        here: String,
    },
    /// A version that may have been made, or not, after which nothing was repeated.
    #[error("{0}; whether the version was made is not known, so it was not tried again")]
    InDoubt(Box<Cause>),
    /// A fault of this library or of the machine.
    #[error("{0}")]
    Internal(String),
}

impl Cause {
    /// A local file's failure.
    pub fn file(path: &Path, source: io::Error) -> Self {
        Self::File {
            path: path.to_owned(),
            source,
        }
    }

    /// Whether the same request may succeed a little later.
    pub fn is_transient(&self) -> bool {
        match self {
            Self::Network { .. } | Self::Unconfirmed { .. } => true,
            Self::Status { status, .. } => matches!(status, 408 | 425 | 429 | 500..=599),
            _ => false,
        }
    }

    /// Returns what was asked, if that failed; `None` where nothing was.
    pub fn request(&self) -> Option<&RequestLine> {
        match self {
            Self::Status { request, .. }
            | Self::TokenNotSent { request, .. }
            | Self::Page { request, .. }
            | Self::Unencrypted { request }
            | Self::Redirected { request, .. }
            | Self::Network { request, .. }
            | Self::Untrusted { request, .. }
            | Self::ProxyRefused { request, .. }
            | Self::Reply { request, .. }
            | Self::Unconfirmed { request, .. }
            | Self::Digest { request, .. } => Some(request),
            Self::InDoubt(cause) => cause.request(),
            Self::Usage(_)
            | Self::File { .. }
            | Self::Unpackable(_)
            | Self::Missing(_)
            | Self::Differs(_)
            | Self::Changed { .. }
            | Self::Internal(_) => None,
        }
    }

    /// How long the server asks to be left alone.
    pub fn retry_after(&self) -> Option<Duration> {
        match self {
            Self::Status { retry_after, .. } => *retry_after,
            _ => None,
        }
    }

    /// What a write that failed like this may have done.
    pub fn effect(&self) -> Effect {
        match self {
            Self::Network { reach, .. } => match reach {
                Reach::Nowhere => Effect::None,
                Reach::Broken => Effect::Unknown,
                Reach::Unanswered => Effect::Pending,
            },
            // A gateway that waits no longer: what is behind it may still work.
            Self::Status { status: 504, .. } => Effect::Pending,
            // Two that may also mean: done, and here it is.
            Self::Redirected {
                status: 302 | 303, ..
            } => Effect::Unknown,
            // A refusal, but for three that come from a gateway as well, which may have passed the
            // request on before; and what is neither success nor refusal says nothing.
            Self::Status { status, .. } => match status {
                408 | 425 | 429 => Effect::Unknown,
                400..=499 => Effect::None,
                _ => Effect::Unknown,
            },
            Self::Reply { .. } | Self::Page { .. } | Self::Unconfirmed { .. } => Effect::Unknown,
            _ => Effect::None,
        }
    }
}

/// How far a request got that has no reply.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reach {
    /// There was no connection: the server knows nothing of it.
    Nowhere,
    /// The connection broke.
    Broken,
    /// The time was up.
    Unanswered,
}

/// What a failed write may have done on the server.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Effect {
    /// Nothing: it did not get there, or was refused.
    None,
    /// Its work, or nothing.
    Unknown,
    /// The same, and what it has not done it may still do.
    Pending,
}

/// What was asked: the method, and the URL as it may be shown.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RequestLine {
    /// `GET`, `POST` or `PUT`.
    pub method: &'static str,
    /// Without credentials and query; one that authorises by itself also without its path.
    pub url: String,
}

impl fmt::Display for RequestLine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.method, self.url)
    }
}

struct StatusText<'a> {
    status: u16,
    messages: &'a [String],
}

impl fmt::Display for StatusText<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match reqwest::StatusCode::from_u16(self.status) {
            Ok(status) => write!(f, "{status}")?,
            Err(_) => write!(f, "{}", self.status)?,
        }
        if self.status == 401 {
            f.write_str(": authentication failed")?;
        }
        if self.messages.is_empty() {
            return Ok(());
        }
        write!(f, ": {}", self.messages.join(", "))
    }
}

struct PageText<'a>(Option<&'a str>);

impl fmt::Display for PageText<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            Some(to) => write!(
                f,
                "redirected to {to}, a page in HTML, as for somebody who must log in first"
            ),
            None => f.write_str("a page in HTML came: no Atlas answers there"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn request() -> RequestLine {
        RequestLine {
            method: "POST",
            url: String::new(),
        }
    }

    fn refused(status: u16) -> Cause {
        Cause::Status {
            request: request(),
            status,
            messages: Vec::new(),
            retry_after: None,
        }
    }

    #[test]
    fn a_redirect_after_a_write_may_mean_that_it_is_done() {
        for (status, effect) in [
            (301, Effect::None),
            (302, Effect::Unknown),
            (303, Effect::Unknown),
            (307, Effect::None),
        ] {
            let redirected = Cause::Redirected {
                request: request(),
                status,
                location: String::new(),
                address: None,
            };
            assert_eq!(redirected.effect(), effect, "{status}");
        }
    }

    #[test]
    fn only_trouble_that_may_pass_is_transient() {
        for (status, transient) in [
            (408, true),
            (425, true),
            (429, true),
            (500, true),
            (503, true),
            (404, false),
            (422, false),
        ] {
            assert_eq!(refused(status).is_transient(), transient, "{status}");
        }
    }

    #[test]
    fn only_a_write_that_may_have_done_its_work_is_in_doubt() {
        for (status, effect) in [
            (302, Effect::Unknown),
            (400, Effect::None),
            (401, Effect::None),
            (408, Effect::Unknown),
            (422, Effect::None),
            (425, Effect::Unknown),
            (429, Effect::Unknown),
            (500, Effect::Unknown),
            (503, Effect::Unknown),
            (504, Effect::Pending),
        ] {
            assert_eq!(refused(status).effect(), effect, "{status}");
        }
    }
}

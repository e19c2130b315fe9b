//! Defines the causes of failures, and what follows from each: whether to try again, and what effect a failed
//! write may have had.

use std::fmt;
use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::base::digest::Digest;

/// The cause of a failure. URLs are shown without credentials and queries, an upload URL also without its
/// path.
#[derive(Debug, thiserror::Error)]
pub enum Cause {
    /// The arguments or settings are wrong.
    #[error("{0}")]
    Usage(String),
    /// A local file cannot be read or written.
    #[error("{}: {source}", path.display())]
    File {
        /// The path of the file.
        path: PathBuf,
        /// The error of the operating system.
        source: io::Error,
    },
    /// The files cannot be packed, or an archive cannot be unpacked.
    #[error("{0}")]
    Unpackable(String),
    /// The server refused the request.
    #[error("{request}: {}", StatusText { status: *status, messages })]
    Status {
        /// The request that failed.
        request: RequestLine,
        /// The HTTP status.
        status: u16,
        /// The messages of the server.
        messages: Vec<String>,
        /// The time that the server asks to wait (`Retry-After`).
        retry_after: Option<Duration>,
    },
    /// A server at another origin, to which the Atlas redirects, refused. The token was not sent there,
    /// because that would disclose it to whoever operates that server.
    #[error(
        "{request}: redirected to {to}, where the token is not sent: {}",
        StatusText { status: *status, messages }
    )]
    TokenNotSent {
        /// The request that was sent to the Atlas.
        request: RequestLine,
        /// The HTTP status.
        status: u16,
        /// The messages of the server that refused.
        messages: Vec<String>,
        /// The target of the redirect, as it may be shown.
        to: String,
        /// The address of the Atlas at the target.
        address: String,
    },
    /// An HTML page came instead of a reply of an Atlas: the page of another server, or a login page.
    #[error("{request}: {}", PageText(to.as_deref()))]
    Page {
        /// The request that failed.
        request: RequestLine,
        /// The target of the redirect, as it may be shown.
        to: Option<String>,
    },
    /// A server with TLS named an address without TLS. Nothing was sent to that address.
    #[error(
        "{request}: not sent: an https server gave this plain http address, and anyone in between could read or change the data"
    )]
    Unencrypted {
        /// The request, which was not sent.
        request: RequestLine,
    },
    /// The server answered with success, but what was asked for does not exist.
    #[error("{0}")]
    Missing(String),
    /// A write was answered with a redirect, which is never followed: a repeated write could take effect
    /// twice, and the token must not reach another server.
    #[error(
        "{request}: {status}: a write does not follow redirects; the server points to {location}"
    )]
    Redirected {
        /// The request that failed.
        request: RequestLine,
        /// The HTTP status.
        status: u16,
        /// The target of the redirect, without query.
        location: String,
        /// The address of the Atlas at the target, if the path tells it.
        address: Option<String>,
    },
    /// The connection could not be made, or broke.
    #[error("{request}: {detail}")]
    Network {
        /// The request that failed.
        request: RequestLine,
        /// The way in which the request failed.
        failure: NetworkFailure,
        /// The error with the chain of its sources.
        detail: String,
    },
    /// The certificate of the server is not trusted. No request was sent, and a repetition cannot help.
    #[error("{request}: {detail}")]
    Untrusted {
        /// The request that failed.
        request: RequestLine,
        /// The error with the chain of its sources.
        detail: String,
    },
    /// The proxy does not accept the user and the password of its variable, or asks for some. No request was
    /// sent, and a repetition cannot help.
    #[error("{request}: {detail}")]
    ProxyRefused {
        /// The request that failed.
        request: RequestLine,
        /// The error with the chain of its sources.
        detail: String,
    },
    /// A reply with a status of success cannot be used.
    #[error("{request}: {detail}")]
    Reply {
        /// The request that failed.
        request: RequestLine,
        /// The defect of the reply.
        detail: String,
    },
    /// A reply with a status of success does not prove that the bytes have arrived.
    #[error("{request}: {detail}; this does not prove that the bytes have arrived")]
    Unconfirmed {
        /// The request that failed.
        request: RequestLine,
        /// The reason why the reply confirms nothing.
        detail: String,
    },
    /// The server has, or sent, bytes with another digest.
    #[error("{request}: digest mismatch: the server reports {server}, the local bytes have {here}")]
    Digest {
        /// The request that failed.
        request: RequestLine,
        /// The digest that the server's `ETag`, or the version's metadata, names.
        server: Digest,
        /// The digest of the bytes sent or received.
        here: Digest,
    },
    /// A version that was read back differs from what was sent.
    #[error("{0}")]
    Differs(String),
    /// The files differ from those that the push began with.
    #[error("the files have changed: this push began with {began}, and the files are now {here}")]
    Changed {
        /// The digest in the receipt.
        began: String,
        /// The digest of the bytes that would be sent now.
        here: String,
    },
    /// The version may or may not have been created, so the request was not repeated.
    #[error("{0}; it is unknown whether the version was created, so the request was not repeated")]
    InDoubt(Box<Cause>),
    /// An error of this library or of the machine.
    #[error("{0}")]
    Internal(String),
}

impl Cause {
    /// Returns the cause for a local file that cannot be read or written.
    pub fn file(path: &Path, source: io::Error) -> Self {
        Self::File {
            path: path.to_owned(),
            source,
        }
    }

    /// Returns whether the same request may succeed later.
    pub fn is_transient(&self) -> bool {
        match self {
            Self::Network { .. } | Self::Unconfirmed { .. } => true,
            Self::Status { status, .. } => matches!(status, 408 | 425 | 429 | 500..=599),
            _ => false,
        }
    }

    /// Returns the request that failed; `None` if the cause is not a request.
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

    /// Returns the time that the server asks to wait.
    pub fn retry_after(&self) -> Option<Duration> {
        match self {
            Self::Status { retry_after, .. } => *retry_after,
            _ => None,
        }
    }

    /// Returns the effect that a write with this failure may have had on the server.
    pub fn effect(&self) -> Effect {
        match self {
            Self::Network { failure, .. } => match failure {
                NetworkFailure::NotConnected => Effect::None,
                NetworkFailure::ConnectionBroken => Effect::Unknown,
                NetworkFailure::TimedOut => Effect::Pending,
            },
            // A gateway has stopped waiting, and the server behind it may still be working.
            Self::Status { status: 504, .. } => Effect::Pending,
            // These two statuses may also mean that the request was carried out, and that the result is at
            // the target.
            Self::Redirected {
                status: 302 | 303, ..
            } => Effect::Unknown,
            // A 4xx is a refusal, except for three statuses that a gateway may also send after it has passed
            // the request on. Every other status says nothing about the effect.
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

/// The way in which a request failed without a complete reply. It tells whether the server received the request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NetworkFailure {
    /// The connection was not made, so the server did not receive the request.
    NotConnected,
    /// The connection broke.
    ConnectionBroken,
    /// The time limit passed.
    TimedOut,
}

/// The effect that a failed write may have had on the server.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Effect {
    /// The write had no effect: it did not reach the server, or was refused.
    None,
    /// The write may or may not have taken effect.
    Unknown,
    /// The write may have taken effect, or may still take effect.
    Pending,
}

/// The method of a request, and its URL as it may be shown.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RequestLine {
    /// `GET`, `POST` or `PUT`.
    pub method: &'static str,
    /// The URL without credentials and query; a URL that authorises by itself also without its path.
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
                "redirected to {to}, which is an HTML page, such as a login page"
            ),
            None => f.write_str("the reply is an HTML page: no Atlas answers there"),
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

//! What can go wrong, and in which phase. An error reads as
//! `phase: cause`, and names the file, or the URL without secrets and the HTTP status, and repeats
//! the server's own words.

mod words;

use std::fmt;
use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::digest::Digest;
pub use words::server_messages;

/// A failure of a push, a pull or a call: the phase it happened in, and why.
#[derive(Debug)]
pub struct Error {
    phase: Phase,
    attempts: u32,
    // Boxed because every function here returns it, mostly not.
    cause: Box<Cause>,
    advice: Option<String>,
}

impl Error {
    /// `cause` stopped `phase`.
    pub fn new(phase: Phase, cause: impl Into<Cause>) -> Self {
        Self {
            phase,
            attempts: 1,
            cause: Box::new(cause.into()),
            advice: None,
        }
    }

    /// The same error, after so many attempts.
    #[must_use]
    pub fn after(self, attempts: u32) -> Self {
        Self { attempts, ..self }
    }

    /// The same error, with a sentence about what to do. It is not part of the display.
    #[must_use]
    pub fn advise(self, advice: impl Into<String>) -> Self {
        let advice = Some(advice.into());
        Self { advice, ..self }
    }

    /// The same error of a request that may all the same have had its effect.
    #[must_use]
    pub fn in_doubt(self) -> Self {
        let cause = Box::new(Cause::InDoubt(self.cause));
        Self { cause, ..self }
    }

    /// What to do about it, where that is known here.
    pub fn advice(&self) -> Option<&str> {
        self.advice.as_deref()
    }

    /// The phase that failed.
    pub fn phase(&self) -> &Phase {
        &self.phase
    }

    /// Why it failed.
    pub fn cause(&self) -> &Cause {
        &self.cause
    }

    /// The HTTP status of the reply that refused, if that was it.
    pub fn status(&self) -> Option<u16> {
        match *self.cause {
            Cause::Status { status, .. } => Some(status),
            _ => None,
        }
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.phase, self.cause)?;
        match self.attempts {
            1 => Ok(()),
            attempts => write!(f, " (after {attempts} attempts)"),
        }
    }
}

// No source: the display tells the whole chain already.
impl std::error::Error for Error {}

/// The steps of the work, worded as Packer's post-processor did where it had words.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Phase {
    /// Reading arguments and settings.
    #[error("Error in the configuration")]
    Configure,
    /// Making the HTTP client, CA certificates included.
    #[error("Error initializing atlas client")]
    Connect,
    /// `GET /authenticate`.
    #[error("Error connecting to atlas server")]
    Authenticate,
    /// Reading Packer's manifest.
    #[error("Error reading the manifest")]
    Manifest,
    /// Reading a template, or a file of its variables.
    #[error("Error reading the template")]
    Template,
    /// Looking at the local files, or packing them.
    #[error("Error archiving artifact")]
    Pack,
    /// `GET` the artifact.
    #[error("Error finding artifact")]
    FindArtifact,
    /// `POST` the artifact.
    #[error("Error creating artifact")]
    CreateArtifact,
    /// `POST` the version. No byte was sent, but the version may have been made.
    #[error("Error creating version")]
    CreateVersion,
    /// `PUT` the bytes. The version exists and awaits them; no search finds it.
    #[error("Error uploading ({bytes} bytes) to {slug}")]
    Upload {
        /// The version that waits for its bytes.
        slug: String,
        /// The size of the upload.
        bytes: u64,
    },
    /// Reading a version back that was pushed.
    #[error("Error verifying {slug}")]
    Verify {
        /// The version.
        slug: String,
    },
    /// Keeping, or reading, the receipt of a push.
    #[error("Error in the receipt")]
    Receipt,
    /// Searching versions.
    #[error("Error searching artifact")]
    Search,
    /// Fetching a file.
    #[error("Error downloading")]
    Download,
    /// Writing what was fetched.
    #[error("Error saving")]
    Save,
}

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
        /// What was asked.
        request: RequestLine,
        /// The HTTP status.
        status: u16,
        /// The server's own words.
        messages: Vec<String>,
        /// How long it asks to be left alone (`Retry-After`).
        retry_after: Option<Duration>,
    },
    /// The server answered well, but what was asked for is not there.
    #[error("{0}")]
    Missing(String),
    /// A write was answered by a redirect, which is never followed: a repeated write could double,
    /// and a token must not go where it was not meant to.
    #[error("{request}: {status}: a write is not redirected; the server points to {location}")]
    Redirected {
        /// What was asked.
        request: RequestLine,
        /// The HTTP status.
        status: u16,
        /// Where it points, without query.
        location: String,
    },
    /// No connection, or a broken one.
    #[error("{request}: {detail}")]
    Network {
        /// What was asked.
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
        /// What was asked.
        request: RequestLine,
        /// The chain of reasons.
        detail: String,
    },
    /// A reply of success that makes no sense.
    #[error("{request}: {detail}")]
    Reply {
        /// What was asked.
        request: RequestLine,
        /// What is wrong with the reply.
        detail: String,
    },
    /// The server holds, or sent, other bytes.
    #[error("{request}: digest mismatch: the server says {server}, the bytes here are {here}")]
    Digest {
        /// What was asked.
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
            Self::Network { .. } => true,
            Self::Status { status, .. } => matches!(status, 408 | 425 | 429 | 500..=599),
            _ => false,
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
            }
            | Self::Status {
                status: 500..=599, ..
            }
            | Self::Reply { .. } => Effect::Unknown,
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

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(status: u16, body: &str) -> Error {
        Error::new(
            Phase::FindArtifact,
            Cause::Status {
                request: RequestLine {
                    method: "GET",
                    url: "http://atlas.test/api/v1/artifacts/u/n".to_owned(),
                },
                status,
                messages: server_messages(body.as_bytes()),
                retry_after: None,
            },
        )
    }

    #[test]
    fn an_error_names_phase_url_status_and_the_servers_words() {
        assert_eq!(
            refused(404, r#"{"errors":["Resource not found!"],"success":false}"#).to_string(),
            "Error finding artifact: GET http://atlas.test/api/v1/artifacts/u/n: 404 Not Found: Resource not found!"
        );
        assert_eq!(
            refused(401, "").after(3).to_string(),
            "Error finding artifact: GET http://atlas.test/api/v1/artifacts/u/n: 401 Unauthorized: authentication failed (after 3 attempts)"
        );
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
            assert_eq!(
                refused(status, "").cause().is_transient(),
                transient,
                "{status}"
            );
        }
    }

    #[test]
    fn only_a_write_that_may_have_done_its_work_is_in_doubt() {
        for (status, effect) in [
            (401, Effect::None),
            (408, Effect::None),
            (429, Effect::None),
            (500, Effect::Unknown),
            (503, Effect::Unknown),
            (504, Effect::Pending),
        ] {
            assert_eq!(refused(status, "").cause().effect(), effect, "{status}");
        }
    }
}

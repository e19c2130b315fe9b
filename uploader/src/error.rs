//! What can go wrong, and in which phase. An error reads as
//! `phase: cause`, and names the file, or the URL without secrets and the HTTP status, and repeats
//! the server's own words.

use std::fmt;
use std::io;
use std::path::{Path, PathBuf};

use serde_json::Value;

use crate::digest::Digest;

/// A failure of a push, a pull or a call: the phase it happened in, and why.
#[derive(Debug)]
pub struct Error {
    phase: Phase,
    attempts: u32,
    // Boxed because every function here returns it, mostly not.
    cause: Box<Cause>,
}

impl Error {
    /// `cause` stopped `phase`.
    pub fn new(phase: Phase, cause: impl Into<Cause>) -> Self {
        Self {
            phase,
            attempts: 1,
            cause: Box::new(cause.into()),
        }
    }

    /// The same error, after so many attempts.
    #[must_use]
    pub fn after(self, attempts: u32) -> Self {
        Self { attempts, ..self }
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
    /// `PUT` the bytes. The version exists and has none.
    #[error("Error uploading ({bytes} bytes) to {slug}")]
    Upload {
        /// The version that waits for its bytes.
        slug: String,
        /// The size of the upload.
        bytes: u64,
    },
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
        /// The digest in the server's `ETag`.
        server: Digest,
        /// The digest of the bytes sent or received.
        here: Digest,
    },
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
            Self::Status { status, .. } => matches!(status, 408 | 429 | 500..=599),
            _ => false,
        }
    }
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

/// The words of an error reply: `{"errors": ["text", …]}`, which HashiCorp's client reads, or
/// `{"errors": {"name": ["text", …]}}`, which the documentation shows. Empty for any other body.
pub fn server_messages(body: &[u8]) -> Vec<String> {
    let errors = serde_json::from_slice::<Value>(body)
        .ok()
        .and_then(|mut reply| reply.get_mut("errors").map(Value::take));
    match errors {
        Some(Value::Array(texts)) => texts.iter().map(message).collect(),
        Some(Value::Object(fields)) => fields.iter().flat_map(field_messages).collect(),
        Some(Value::String(text)) => vec![one_line(&text)],
        _ => Vec::new(),
    }
}

fn field_messages((field, texts): (&String, &Value)) -> Vec<String> {
    let texts = match texts {
        Value::Array(texts) => texts.as_slice(),
        text => std::slice::from_ref(text),
    };
    texts
        .iter()
        .map(|text| format!("{} {}", one_line(field), message(text)))
        .collect()
}

fn message(value: &Value) -> String {
    match value {
        Value::String(text) => one_line(text),
        other => other.to_string(),
    }
}

/// A server must not be able to forge lines of a log, or to send codes to a terminal.
fn one_line(text: &str) -> String {
    text.replace(char::is_control, " ")
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
            },
        )
    }

    #[test]
    fn both_shapes_of_errors_are_read() {
        assert_eq!(
            server_messages(br#"{"errors": ["one", "two"], "success": false}"#),
            ["one", "two"]
        );
        assert_eq!(
            server_messages(br#"{"errors": {"name": ["has already been taken", "is short"]}}"#),
            ["name has already been taken", "name is short"]
        );
        assert_eq!(
            server_messages(br#"{"errors": {"name": "is bad"}}"#),
            ["name is bad"]
        );
        assert_eq!(server_messages(br#"{"errors": "no"}"#), ["no"]);
    }

    #[test]
    fn a_body_that_is_no_error_has_no_words() {
        for body in ["", "<html>", "{}", "[]", r#"{"errors": null}"#] {
            assert!(server_messages(body.as_bytes()).is_empty(), "{body}");
        }
    }

    #[test]
    fn a_server_cannot_forge_a_line() {
        assert_eq!(
            server_messages(b"{\"errors\": [\"a\\nerror: b\\u001b[2J\"]}"),
            ["a error: b [2J"]
        );
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
}

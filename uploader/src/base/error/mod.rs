//! What can go wrong, and in which phase. An error reads as
//! `phase: cause`, and names the file, or the URL without secrets and the HTTP status, and repeats
//! the server's own words.

mod cause;
mod server_messages;

use std::fmt;

pub use cause::{Cause, Effect, Reach, RequestLine};
pub use server_messages::server_messages;

/// A failure of a push, a pull or a call: the phase it happened in, and why.
#[derive(Debug)]
pub struct Error {
    phase: Phase,
    attempts: u32,
    // Boxed because every function here returns it, mostly not.
    cause: Box<Cause>,
    hint: Option<String>,
    is_arrival_unknown: bool,
}

impl Error {
    /// `cause` stopped `phase`.
    pub fn new(phase: Phase, cause: impl Into<Cause>) -> Self {
        Self {
            phase,
            attempts: 1,
            cause: Box::new(cause.into()),
            hint: None,
            is_arrival_unknown: false,
        }
    }

    /// The same error, after so many attempts.
    #[must_use]
    pub fn after(self, attempts: u32) -> Self {
        Self { attempts, ..self }
    }

    /// Returns the same error with a hint, a sentence about what to do. It is not part of the display.
    #[must_use]
    pub fn with_hint(self, hint: impl Into<String>) -> Self {
        let hint = Some(hint.into());
        Self { hint, ..self }
    }

    /// The same error of a request that may all the same have had its effect.
    #[must_use]
    pub fn in_doubt(self) -> Self {
        let cause = Box::new(Cause::InDoubt(self.cause));
        Self { cause, ..self }
    }

    /// Returns the same error, of an upload whose bytes may have arrived all the same: the server could not be
    /// asked.
    #[must_use]
    pub fn with_arrival_unknown(self) -> Self {
        Self {
            is_arrival_unknown: true,
            ..self
        }
    }

    /// Returns whether the bytes of a failed upload may have arrived, so that the version may be seen.
    pub fn is_arrival_unknown(&self) -> bool {
        self.is_arrival_unknown
    }

    /// Returns the hint what to do about it, where that is known here.
    pub fn hint(&self) -> Option<&str> {
        self.hint.as_deref()
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
    /// `PUT` the bytes. The version exists; no search finds it before they are there.
    #[error("Error uploading ({bytes} bytes) to {slug}")]
    Upload {
        /// The version that waits for its bytes.
        slug: String,
        /// The size of the upload.
        bytes: u64,
    },
    /// Asking a registry of Vagrant boxes what it has.
    #[error("Error listing boxes")]
    Boxes,
    /// Fetching the file of a Vagrant box.
    #[error("Error fetching {name}")]
    BoxFile {
        /// Which one: box, version, provider and architecture.
        name: String,
    },
    /// Reading or writing the tree that boxes are copied into.
    #[error("Error in the tree of boxes")]
    Tree,
    /// Reading a version back that was pushed.
    #[error("Error verifying {slug}")]
    Verify {
        /// The version.
        slug: String,
    },
    /// Keeping, or reading, the receipt of a push.
    #[error("Error in the receipt")]
    Receipt,
    /// Putting the plugin where Packer finds it, taking it away, or looking for it.
    #[error("Error with the plugin")]
    Install,
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
}

//! Defines the errors of the library. An error reads as `phase: cause`; it names the file, or the URL without
//! secrets and the HTTP status, and repeats the messages of the server.

mod cause;
mod server_messages;

use std::fmt;

pub use cause::{Cause, Effect, NetworkFailure, RequestLine};
pub use server_messages::server_messages;

/// A failure of a push, a pull or a request: the phase in which it happened, and the cause.
#[derive(Debug)]
pub struct Error {
    phase: Phase,
    attempts: u32,
    // Boxed, because nearly every function here returns a `Result` with this error, and a large error would
    // make each of them large.
    cause: Box<Cause>,
    hint: Option<String>,
    is_arrival_unknown: bool,
}

impl Error {
    /// Creates an error of one attempt in `phase`.
    pub fn new(phase: Phase, cause: impl Into<Cause>) -> Self {
        Self {
            phase,
            attempts: 1,
            cause: Box::new(cause.into()),
            hint: None,
            is_arrival_unknown: false,
        }
    }

    /// Returns the same error, after this number of attempts.
    #[must_use]
    pub fn after(self, attempts: u32) -> Self {
        Self { attempts, ..self }
    }

    /// Returns the same error with a hint: a sentence that says what to do. `Display` does not print the
    /// hint.
    #[must_use]
    pub fn with_hint(self, hint: impl Into<String>) -> Self {
        let hint = Some(hint.into());
        Self { hint, ..self }
    }

    /// Returns the same error with the cause [`Cause::InDoubt`]: the request may have taken effect.
    #[must_use]
    pub fn in_doubt(self) -> Self {
        let cause = Box::new(Cause::InDoubt(self.cause));
        Self { cause, ..self }
    }

    /// Returns the same error, marked as the failure of an upload whose bytes may have arrived, because the
    /// server could not be asked.
    #[must_use]
    pub fn with_arrival_unknown(self) -> Self {
        Self {
            is_arrival_unknown: true,
            ..self
        }
    }

    /// Returns whether the bytes of a failed upload may have arrived, so that the version may be visible.
    pub fn is_arrival_unknown(&self) -> bool {
        self.is_arrival_unknown
    }

    /// Returns the hint, if there is one.
    pub fn hint(&self) -> Option<&str> {
        self.hint.as_deref()
    }

    /// Returns the phase that failed.
    pub fn phase(&self) -> &Phase {
        &self.phase
    }

    /// Returns the cause.
    pub fn cause(&self) -> &Cause {
        &self.cause
    }

    /// Returns the HTTP status, if the cause is a reply that refused.
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

// There is no source, because `Display` already prints the whole chain.
impl std::error::Error for Error {}

/// The phases of the work, in the wording of Packer's post-processor where it has one.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Phase {
    /// Reading arguments and settings.
    #[error("Error in the configuration")]
    Configure,
    /// Creating the HTTP client, including the loading of the CA certificates.
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
    /// Examining the local files, or packing them.
    #[error("Error archiving artifact")]
    Pack,
    /// Finding the artifact (`GET`).
    #[error("Error finding artifact")]
    FindArtifact,
    /// Creating the artifact (`POST`).
    #[error("Error creating artifact")]
    CreateArtifact,
    /// Creating the version (`POST`). No byte of the file was sent, but the version may have been created.
    #[error("Error creating version")]
    CreateVersion,
    /// Uploading the bytes (`PUT`). The version exists, but no search finds it before its bytes have arrived.
    #[error("Error uploading ({bytes} bytes) to {slug}")]
    Upload {
        /// The version that waits for its bytes.
        slug: String,
        /// The size of the upload.
        bytes: u64,
    },
    /// Listing the boxes of a registry of Vagrant boxes.
    #[error("Error listing boxes")]
    Boxes,
    /// Fetching the file of a Vagrant box, or mirroring that of a version.
    #[error("Error fetching {name}")]
    Fetch {
        /// The box, version, provider and architecture of the file, or `user/name/type/version`.
        name: String,
    },
    /// Reading a Vagrant box from the service that publishes it.
    #[error("Error reading the box {name}")]
    ReadBox {
        /// The box.
        name: String,
    },
    /// Publishing the file of a Vagrant box.
    #[error("Error publishing {name}")]
    Publish {
        /// The box, version, provider and architecture of the file.
        name: String,
    },
    /// Releasing, revoking or deleting a part of a Vagrant box.
    #[error("Error changing {name}")]
    ChangeBox {
        /// The box, and the version, provider and architecture if they are concerned.
        name: String,
    },
    /// Reading or writing the directory tree into which boxes and artifacts are copied.
    #[error("Error in the mirrored tree")]
    Tree,
    /// Reading back a version that was pushed.
    #[error("Error verifying {slug}")]
    Verify {
        /// The version.
        slug: String,
    },
    /// Writing or reading the receipt of a push.
    #[error("Error in the receipt")]
    Receipt,
    /// Installing the plugin for Packer, removing it, or finding it.
    #[error("Error with the plugin")]
    Install,
    /// Searching versions.
    #[error("Error searching artifact")]
    Search,
    /// Downloading a file.
    #[error("Error downloading")]
    Download,
    /// Writing the downloaded file, or unpacking it.
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

//! The reasons for which an emulator cannot start.

use std::io;
use std::net::SocketAddr;
use std::path::PathBuf;

use crate::domain::{ArtifactNameError, NameError};
use crate::net::TlsError;
use crate::service::seed::SeedError;

/// The reason for which an emulator cannot start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The address cannot be bound.
    #[error("cannot listen on {address}: {error}")]
    Listen {
        /// The address.
        address: SocketAddr,
        /// The error of the system.
        error: io::Error,
    },
    /// The system refused a thread.
    #[error("cannot start a thread: {0}")]
    Threads(io::Error),
    /// TLS cannot use a certificate or a key.
    #[error(transparent)]
    Tls(#[from] TlsError),
    /// The system provided no randomness for a token.
    #[error("the system gave no randomness for a token: set a token yourself")]
    Randomness,
    /// A header cannot carry the token. The error does not contain the token.
    #[error("a token must consist of one or more visible ASCII characters")]
    Token,
    /// A username is invalid.
    #[error("the username {0}")]
    Username(NameError),
    /// The name of an artifact is invalid.
    #[error("the artifact {name:?}: {error}")]
    Artifact {
        /// The name.
        name: String,
        /// The reason for which the name is invalid.
        error: ArtifactNameError,
    },
    /// A seed cannot be added, or a user or an artifact is declared twice.
    #[error(transparent)]
    Seed(#[from] SeedError),
    /// The probability of chaos is not from 0 to 1.
    #[error("chaos must be from 0 to 1, not {0}")]
    Chaos(f64),
    /// The folder for spilled files cannot be written to.
    #[error("cannot write files to the folder {}: {error}", folder.display())]
    Spill {
        /// The folder.
        folder: PathBuf,
        /// The error of the system.
        error: io::Error,
    },
    /// The folder or the database for the data cannot be used.
    #[error("{0}")]
    Data(String),
    /// Upload paths cannot start with the public URL.
    #[error(
        "{0:?} cannot be the public URL: a public URL must be like https://atlas.example.com, without a query"
    )]
    PublicUrl(String),
    /// A name of the emulator's host is none.
    #[error(
        "{0:?} is no name of a host: it must be like atlas.example.com, without a scheme and a port"
    )]
    Host(String),
}

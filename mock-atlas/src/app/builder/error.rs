//! The reasons for which an emulator cannot be started.

use std::io;
use std::net::SocketAddr;
use std::path::PathBuf;

use crate::domain::{ArtifactNameError, NameError};
use crate::net::TlsError;
use crate::service::seed::SeedError;

/// Why an emulator could not be started.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The address cannot be listened on.
    #[error("cannot listen on {address}: {error}")]
    Listen {
        /// The address.
        address: SocketAddr,
        /// What the system says.
        error: io::Error,
    },
    /// No threads to answer on.
    #[error("cannot start a thread: {0}")]
    Threads(io::Error),
    /// A certificate or a key that TLS cannot be served with.
    #[error(transparent)]
    Tls(#[from] TlsError),
    /// The system gave no randomness for a token.
    #[error("the system gave no randomness for a token: name one yourself")]
    Randomness,
    /// A token that no header can carry. It is not shown.
    #[error("a token must be made of visible ASCII characters, and have at least one")]
    Token,
    /// A user's name that cannot be one.
    #[error("the username {0}")]
    Username(NameError),
    /// An artifact's name that cannot be one.
    #[error("the artifact {name:?}: {error}")]
    Artifact {
        /// The name.
        name: String,
        /// What is wrong with it.
        error: ArtifactNameError,
    },
    /// A seed that cannot be planted, or a user or an artifact that is declared twice.
    #[error(transparent)]
    Seed(#[from] SeedError),
    /// A probability that is none.
    #[error("chaos must be from 0 to 1, not {0}")]
    Chaos(f64),
    /// A folder that takes no files.
    #[error("files cannot be put into the folder {}: {error}", folder.display())]
    Spill {
        /// The folder.
        folder: PathBuf,
        /// What the system says.
        error: io::Error,
    },
    /// A public URL that upload paths cannot start with.
    #[error(
        "{0:?} cannot be the public URL: it must be like https://atlas.example.com, without a query"
    )]
    PublicUrl(String),
}

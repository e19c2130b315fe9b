//! Defines the events of the library's work, and the trait that receives them. The library prints nothing; a
//! program decides what to show.

use std::time::{Duration, SystemTime};

use crate::base::error::{Cause, Error};
use crate::base::slug::ArtifactName;

/// An event that may be shown to a waiting person. Sizes are in bytes.
#[derive(Debug)]
#[non_exhaustive]
pub enum Event<'a> {
    /// The artifact does not exist and is being created.
    CreatingArtifact(&'a ArtifactName),
    /// The Vagrant box does not exist and is being created.
    CreatingBox(&'a ArtifactName),
    /// Some bytes of the files were read and packed.
    Packing {
        /// The number of bytes packed so far.
        packed: u64,
        /// The size of all files, if it is known.
        total: Option<u64>,
    },
    /// The version is about to be created. Its bytes will follow.
    Uploading {
        /// The size of the upload; 0 for a version without a file.
        bytes: u64,
    },
    /// Some bytes were handed to the connection in this attempt.
    Sent {
        /// The number of bytes handed over so far.
        sent: u64,
        /// The size of the whole upload.
        total: u64,
    },
    /// A request failed and will be repeated.
    Retrying {
        /// The number of the attempt that failed, from 1.
        attempt: u32,
        /// The wait before the next attempt.
        delay: Duration,
        /// The cause of the failure.
        cause: &'a Cause,
    },
    /// The version exists with all its bytes: only the confirmation was missing, or an earlier push has
    /// finished.
    AlreadyThere {
        /// `user/name/type/version`.
        slug: &'a str,
    },
    /// The latest version has the same content, so nothing was pushed.
    Unchanged {
        /// `user/name/type/version`.
        slug: &'a str,
    },
    /// A step succeeded, but the receipt could not be updated.
    ReceiptNotKept {
        /// The reason.
        error: &'a Error,
    },
    /// The bytes go to an address without TLS, although the Atlas has TLS, because this was allowed.
    Unencrypted {
        /// The scheme, host and port.
        to: &'a str,
    },
    /// A download begins.
    Downloading {
        /// `user/name/type/version`.
        slug: &'a str,
    },
    /// A download broke off, and the rest is requested.
    Resuming {
        /// The number of bytes that arrived before.
        received: u64,
        /// The cause of the failure.
        cause: &'a Cause,
    },
    /// A registry asks to wait until a time.
    Waiting {
        /// The end of the wait.
        until: SystemTime,
    },
    /// A token is not sent to a source of boxes for which it may not be meant.
    TokenWithheld {
        /// The scheme, host and port.
        source: &'a str,
    },
    /// The file of a Vagrant box, or of a version, was fetched, verified and moved to its place.
    MirroredFile {
        /// Box, version, provider and architecture, or `user/name/type/version`.
        name: &'a str,
        /// The size of the file.
        bytes: u64,
    },
    /// The file of a Vagrant box, or of a version, could not be fetched.
    MirrorFailed {
        /// Box, version, provider and architecture, or `user/name/type/version`.
        name: &'a str,
        /// The reason.
        error: &'a Error,
    },
    /// Some bytes have arrived.
    Received {
        /// The number of bytes that arrived so far.
        received: u64,
        /// The size of the whole download, if the server says it.
        total: Option<u64>,
    },
}

/// Returns the warning of [`Event::Unencrypted`].
pub fn unencrypted(to: &str) -> String {
    format!(
        "the bytes go to {to} over plain http, though the Atlas uses https: anyone in between can read and change them. A setting allows this."
    )
}

/// A receiver of events. It is called from async code, so it must return soon.
pub trait Reporter: Send + Sync {
    /// Receives one event.
    fn report(&self, event: Event<'_>);
}

/// A `Reporter` that ignores all events.
#[derive(Debug, Clone, Copy, Default)]
pub struct Silent;

impl Reporter for Silent {
    fn report(&self, _: Event<'_>) {}
}

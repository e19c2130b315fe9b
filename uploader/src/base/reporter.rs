//! Who is told what happens. The library prints nothing; a program decides what to show.

use std::time::{Duration, SystemTime};

use crate::base::error::{Cause, Error};
use crate::base::slug::ArtifactName;

/// Something a person who waits would like to know. Sizes are bytes.
#[derive(Debug)]
#[non_exhaustive]
pub enum Event<'a> {
    /// The artifact was not there and is being made.
    CreatingArtifact(&'a ArtifactName),
    /// So many bytes of the files were read and packed.
    Packing {
        /// Packed so far.
        packed: u64,
        /// The size of all files, where it is known.
        total: Option<u64>,
    },
    /// The version is about to be made; `bytes` will follow, 0 when it has no file.
    Uploading {
        /// The size of what is sent.
        bytes: u64,
    },
    /// So many bytes were handed to the connection in this attempt.
    Sent {
        /// Handed over so far.
        sent: u64,
        /// The whole upload.
        total: u64,
    },
    /// A request failed and will be repeated.
    Retrying {
        /// The attempt that failed, from 1.
        attempt: u32,
        /// How long it waits before the next one.
        delay: Duration,
        /// What went wrong.
        cause: &'a Cause,
    },
    /// The version is there, with all its bytes: only the confirmation was missing, or the push was
    /// finished before.
    AlreadyThere {
        /// `user/name/type/version`.
        slug: &'a str,
    },
    /// The latest version is the one that was to be pushed.
    Unchanged {
        /// `user/name/type/version`.
        slug: &'a str,
    },
    /// A step was made that the receipt does not tell.
    ReceiptNotKept {
        /// Why not.
        error: &'a Error,
    },
    /// The bytes go to an address without TLS, behind an Atlas with it, since that was allowed.
    Unencrypted {
        /// Scheme, host and port.
        to: &'a str,
    },
    /// A download begins.
    Downloading {
        /// `user/name/type/version`.
        slug: &'a str,
    },
    /// A download broke off, and its rest is asked for.
    Resuming {
        /// Arrived before.
        received: u64,
        /// What went wrong.
        cause: &'a Cause,
    },
    /// A registry gives nothing more before a time.
    Waiting {
        /// That time.
        until: SystemTime,
    },
    /// A token is not shown to a source of boxes that it may not be meant for.
    TokenWithheld {
        /// Scheme, host and port.
        source: &'a str,
    },
    /// The file of a Vagrant box was fetched, verified and put into its place.
    BoxFile {
        /// Box, version, provider and architecture.
        name: &'a str,
        /// Its size.
        bytes: u64,
    },
    /// The file of a Vagrant box cannot be had.
    BoxFileFailed {
        /// Box, version, provider and architecture.
        name: &'a str,
        /// Why.
        error: &'a Error,
    },
    /// So many bytes have arrived.
    Received {
        /// Arrived so far.
        received: u64,
        /// The whole download, where the server says.
        total: Option<u64>,
    },
}

/// Returns the warning of [`Event::Unencrypted`].
pub fn unencrypted(to: &str) -> String {
    format!(
        "the bytes go to {to} by plain http, though the Atlas is reached by https: anyone in between can read and change them. It was allowed."
    )
}

/// Hears what happens. Called from async code: it must return soon.
pub trait Reporter: Send + Sync {
    /// Takes note of one event.
    fn report(&self, event: Event<'_>);
}

/// Hears nothing.
#[derive(Debug, Clone, Copy, Default)]
pub struct Silent;

impl Reporter for Silent {
    fn report(&self, _: Event<'_>) {}
}

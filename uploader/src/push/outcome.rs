//! The outcome of a push: the version, and statistics of the push.

use std::time::Duration;

use serde::{Serialize, Serializer};

/// The result of a push. It serialises as one flat object, and never contains the upload URL.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct PushOutcome {
    /// `user/name/type/version`.
    pub slug: String,
    /// The version's number.
    pub version: u64,
    /// `blake3:` and 64 hex digits of the sent bytes; null without a file, and when no digest was wanted.
    pub digest: Option<String>,
    /// The number of bytes of the file; 0 without a file.
    pub bytes: u64,
    /// The duration of each phase.
    pub timings: Timings,
    /// The number of times the bytes were sent; 0 without a file.
    pub attempts: u32,
    /// Whether the version existed already, and nothing was pushed.
    pub skipped: bool,
    /// Whether the version was read back and compared.
    pub verified: bool,
    /// The number of versions that this push may have left awaiting their bytes forever. They are invisible.
    pub possible_orphans: u32,
}

/// The durations of the phases, serialised as whole milliseconds.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct Timings {
    /// The time for verifying the token.
    #[serde(serialize_with = "milliseconds")]
    pub authenticate: Duration,
    /// The time for packing and hashing.
    #[serde(serialize_with = "milliseconds")]
    pub pack: Duration,
    /// The time for finding or creating the artifact.
    #[serde(serialize_with = "milliseconds")]
    pub artifact: Duration,
    /// The time for creating the version.
    #[serde(serialize_with = "milliseconds")]
    pub version: Duration,
    /// The time for sending the bytes, with all attempts and the pauses between them.
    #[serde(serialize_with = "milliseconds")]
    pub upload: Duration,
}

fn milliseconds<S: Serializer>(duration: &Duration, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_u128(duration.as_millis())
}

//! The outcome of a push: which version was made, and what it took.

use std::time::Duration;

use serde::{Serialize, Serializer};

/// What a push did. Serialised it is one flat object; it never holds the upload URL.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Receipt {
    /// `user/name/type/version`.
    pub slug: String,
    /// The version's number.
    pub version: u64,
    /// `blake3:` and 64 hex digits of the bytes as they were sent; null without a file, and when
    /// none was wanted.
    pub digest: Option<String>,
    /// How many bytes that were; 0 without a file.
    pub bytes: u64,
    /// How long each phase took.
    pub timings: Timings,
    /// How often the bytes were sent; 0 without a file.
    pub attempts: u32,
    /// Whether it was there already, and nothing was pushed.
    pub skipped: bool,
    /// Whether it was read back and compared.
    pub verified: bool,
    /// How many versions this push may have left that await their bytes forever. Nobody sees them.
    pub possible_orphans: u32,
}

/// How long each phase took; serialised as whole milliseconds.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct Timings {
    /// Verifying the token.
    #[serde(serialize_with = "milliseconds")]
    pub authenticate: Duration,
    /// Packing and hashing.
    #[serde(serialize_with = "milliseconds")]
    pub pack: Duration,
    /// Finding or making the artifact.
    #[serde(serialize_with = "milliseconds")]
    pub artifact: Duration,
    /// Making the version.
    #[serde(serialize_with = "milliseconds")]
    pub version: Duration,
    /// Sending the bytes, all attempts and the waits between.
    #[serde(serialize_with = "milliseconds")]
    pub upload: Duration,
}

fn milliseconds<S: Serializer>(duration: &Duration, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_u128(duration.as_millis())
}

//! How a program that pushes or pulls should end: a code a script can act upon.

use crate::base::error::{Cause, Error};

/// The exit codes of `atlas-upload`. They are stable.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub enum ExitCode {
    /// All went well.
    Success = 0,
    /// Anything that has no code of its own, such as a reply that cannot be read, or a
    /// certificate that is not believed.
    Other = 1,
    /// Wrong arguments or settings. Nothing was sent.
    Usage = 2,
    /// A local file is missing, cannot be read or written, or cannot be packed.
    LocalFile = 3,
    /// The server did not accept the token (401).
    Authentication = 4,
    /// What was asked for is not there, or hidden (404).
    NotFound = 5,
    /// The server refused (another 4xx), a proxy did, or a write was answered with a redirect.
    Refused = 6,
    /// Trouble that may pass: no connection, 408, 425, 429 or 5xx, or a success that confirms nothing.
    /// Trying again may help.
    Unavailable = 7,
    /// What the server has, or sent, is not what the digest says.
    DigestMismatch = 8,
    /// A version may have been made or not. Look before trying again: it could become two.
    InDoubt = 9,
    /// Stopped by a signal (128 + SIGINT).
    Interrupted = 130,
}

impl ExitCode {
    fn of_status(status: u16) -> Self {
        match status {
            401 => Self::Authentication,
            404 => Self::NotFound,
            408 | 425 | 429 | 500..=599 => Self::Unavailable,
            400..=499 => Self::Refused,
            _ => Self::Other,
        }
    }
}

impl From<ExitCode> for std::process::ExitCode {
    fn from(code: ExitCode) -> Self {
        Self::from(code as u8)
    }
}

impl From<&Error> for ExitCode {
    fn from(error: &Error) -> Self {
        match error.cause() {
            Cause::Usage(_) => Self::Usage,
            Cause::File { .. } | Cause::Unpackable(_) => Self::LocalFile,
            Cause::Status { status, .. } | Cause::TokenNotSent { status, .. } => {
                Self::of_status(*status)
            }
            Cause::Missing(_) => Self::NotFound,
            Cause::Redirected { .. } | Cause::ProxyRefused { .. } => Self::Refused,
            Cause::Network { .. } | Cause::Unconfirmed { .. } => Self::Unavailable,
            Cause::Digest { .. } | Cause::Differs(_) | Cause::Changed { .. } => {
                Self::DigestMismatch
            }
            Cause::InDoubt(_) => Self::InDoubt,
            Cause::Reply { .. }
            | Cause::Page { .. }
            | Cause::Unencrypted { .. }
            | Cause::Untrusted { .. }
            | Cause::Internal(_) => Self::Other,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_status_ends_with_its_code() {
        for (status, code) in [
            (400, 6),
            (401, 4),
            (403, 6),
            (404, 5),
            (405, 6),
            (408, 7),
            (413, 6),
            (425, 7),
            (422, 6),
            (429, 7),
            (500, 7),
            (503, 7),
            (599, 7),
            (304, 1),
        ] {
            assert_eq!(ExitCode::of_status(status) as u8, code, "{status}");
        }
    }
}

//! Maps errors to the exit codes of `atlas-upload`, on which a script can act.

use crate::base::error::{Cause, Error};

/// The exit codes of `atlas-upload`. They are stable.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub enum ExitCode {
    /// The program succeeded.
    Success = 0,
    /// An error without a code of its own, such as a reply that cannot be read, or a certificate that is not
    /// trusted.
    Other = 1,
    /// Wrong arguments or settings. Nothing was sent.
    Usage = 2,
    /// A local file is missing, cannot be read or written, or cannot be packed.
    LocalFile = 3,
    /// The server did not accept the token (401).
    Authentication = 4,
    /// The thing that was asked for does not exist, or is hidden (404).
    NotFound = 5,
    /// The server or a proxy refused (another 4xx), or a write was answered with a redirect.
    Refused = 6,
    /// A transient failure: no connection, 408, 425, 429 or 5xx, or a success that confirms nothing. Trying
    /// again may help.
    Unavailable = 7,
    /// The bytes that the server has, or sent, do not match the digest.
    DigestMismatch = 8,
    /// A version may or may not have been created. Check before trying again: a second version could result.
    InDoubt = 9,
    /// The program was stopped by a signal (128 + SIGINT).
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

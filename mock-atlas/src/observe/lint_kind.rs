//! Defines the kinds of lints, each with its advice.

use std::fmt;

use serde::Serialize;

/// The kinds of [`Lint`](super::Lint).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum LintKind {
    /// A client sent a token to an upload path.
    TokenOnUpload,
    /// A client did not announce the length of an upload.
    NoContentLength,
    /// A body had a field that Atlas does not know.
    UnknownField,
    /// A path began with `/api/v1` twice.
    DoubledApiPath,
    /// A client created a version with a file that never came.
    NeverUploaded,
    /// A client uploaded the same bytes to the same version again.
    RepeatedUpload,
    /// The file of a box names another provider than a client told.
    BoxProvider,
    /// The file of a box names another architecture than a client told.
    BoxArchitecture,
    /// The file of a box has another checksum than a client told.
    BoxChecksum,
    /// The file of a box is none that Vagrant could use.
    BoxUnreadable,
}

impl LintKind {
    /// The kinds of [`Finding`].
    const OF_FINDINGS: [Self; 4] = [
        Self::BoxProvider,
        Self::BoxArchitecture,
        Self::BoxChecksum,
        Self::BoxUnreadable,
    ];

    /// Returns the name in lints.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::TokenOnUpload => "token-on-upload",
            Self::NoContentLength => "no-content-length",
            Self::UnknownField => "unknown-field",
            Self::DoubledApiPath => "doubled-api-path",
            Self::NeverUploaded => "never-uploaded",
            Self::RepeatedUpload => "repeated-upload",
            Self::BoxProvider => "box-provider",
            Self::BoxArchitecture => "box-architecture",
            Self::BoxChecksum => "box-checksum",
            Self::BoxUnreadable => "box-unreadable",
        }
    }

    /// Returns the advice for the client.
    pub(super) fn advice(self) -> &'static str {
        match self {
            Self::TokenOnUpload => {
                "Send no token: the upload path alone authorises the upload, and may be on somebody else's host."
            }
            Self::NoContentLength => {
                "Announce the length if it is known: without it, a part may pass for the whole file, and not every server accepts chunks."
            }
            Self::UnknownField => {
                "The field is ignored: remove it, or look for a mistake in its name."
            }
            Self::DoubledApiPath => {
                "Remove /api/v1 from the address that is given to the client, or from the path that the client adds."
            }
            Self::NeverUploaded => {
                "PUT the file to the version's upload_path, or make the version with \"file\": false: until then, nobody sees the version."
            }
            Self::RepeatedUpload => {
                "Nothing is lost. If it is unknown whether the file arrived, request it before sending it again."
            }
            Self::BoxProvider => {
                "Tell the provider that is in the file: Vagrant refuses a box whose file names another one."
            }
            Self::BoxArchitecture => {
                "Tell the architecture that is in the file: Vagrant selects a box by the one that was told."
            }
            Self::BoxChecksum => {
                "Tell the checksum of the file, or none: Vagrant refuses a file that has another one."
            }
            Self::BoxUnreadable => {
                "Send what \"vagrant package\" or Packer's vagrant post-processor makes: an archive with a metadata.json."
            }
        }
    }
}

impl fmt::Display for LintKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// A finding about what a request sent, which only its handler could make.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Finding {
    pub(crate) kind: LintKind,
    pub(crate) message: String,
}

impl Finding {
    /// Creates a finding from the name of its kind and its message. Returns `None` if handlers make no
    /// findings of this kind.
    pub(super) fn of_name(kind: &str, message: String) -> Option<Self> {
        let mut kinds = LintKind::OF_FINDINGS.into_iter();
        let kind = kinds.find(|known| known.name() == kind)?;
        Some(Self { kind, message })
    }
}

//! A precondition is a fixture that must be on a server for a clause to be checked by reading alone.

/// A `Precondition` is a fixture that a clause reads when nothing may be written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Precondition {
    /// An artifact.
    Artifact,
    /// Two versions of a type.
    Versions,
    /// The size and the digest of the newest version's file.
    File,
    /// A version without a file.
    NoFile,
    /// A version of a public artifact.
    Public,
    /// The size and the digest of the file of a public artifact's newest version.
    PublicFile,
    /// A private artifact.
    Private,
    /// A box with an active version.
    Box,
    /// A public box with an active version.
    PublicBox,
    /// A private box with an active version.
    PrivateBox,
    /// A box with an active version, and the size and the digest of its provider's file.
    BoxFile,
}

impl Precondition {
    /// Returns a description of what the operator has to name.
    pub fn words(self) -> &'static str {
        match self {
            Self::Artifact => "an artifact",
            Self::Versions => "an artifact with two versions of a type",
            Self::File => "an artifact with size and sha256 of its newest file",
            Self::NoFile => "an artifact with a version that has no file",
            Self::Public => "an artifact of visibility public",
            Self::PublicFile => {
                "an artifact of visibility public with size and sha256 of its newest file"
            }
            Self::Private => "an artifact of visibility private",
            Self::Box => "a box",
            Self::PublicBox => "a box of visibility public",
            Self::PrivateBox => "a box of visibility private",
            Self::BoxFile => "a box with size and sha256 of its file",
        }
    }
}

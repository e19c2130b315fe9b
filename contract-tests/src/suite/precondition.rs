//! A precondition is what must be on a server, so that a clause can be checked by reading alone.

/// A `Precondition` is something on the server that a clause reads, where nothing may be written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Precondition {
    /// An artifact.
    Artifact,
    /// Two versions of a type.
    Versions,
    /// The digest of the newest version's file.
    File,
    /// A version without a file.
    NoFile,
    /// A version of an artifact that everybody sees.
    Public,
    /// The digest of its newest version's file.
    PublicFile,
    /// An artifact that only some see.
    Private,
}

impl Precondition {
    /// Returns words for what the operator has to name.
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
        }
    }
}

//! A required setting is a fact that a clause cannot be checked without.

/// A `RequiredSetting` is a fact that only the operator of a server can give to a clause.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RequiredSetting {
    /// A user name and a password that may log in.
    Login,
    /// The token of a second user, who can neither see nor write the namespace.
    OtherToken,
    /// A public artifact within the namespace.
    PublicArtifact,
    /// The length of the longest `id` the server takes.
    MaxIdLength,
}

impl RequiredSetting {
    /// Returns the flags of the program that give it.
    pub fn flags(self) -> &'static str {
        match self {
            Self::Login => "--login and --password",
            Self::OtherToken => "--other-token",
            Self::PublicArtifact => "--public-artifact",
            Self::MaxIdLength => "--max-id-length",
        }
    }
}

//! A required setting is a fact without which a clause cannot be checked.

/// A `RequiredSetting` is a fact for a clause that only the operator of a server can give.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RequiredSetting {
    /// A user name and a password that may log in.
    Login,
    /// The token of a second user, who can neither see nor write the namespace.
    OtherToken,
    /// A public artifact within the namespace.
    PublicArtifact,
    /// The length of the longest `id` that the server accepts.
    MaxIdLength,
    /// The id and the secret of a client of HCP's API that may write to the namespace.
    Client,
    /// A user whose login needs a second factor, and the password.
    TwoFactor,
}

impl RequiredSetting {
    /// Returns the flags of the program that give the setting.
    pub fn flags(self) -> &'static str {
        match self {
            Self::Login => "--login and --password",
            Self::OtherToken => "--other-token",
            Self::PublicArtifact => "--public-artifact",
            Self::MaxIdLength => "--max-id-length",
            Self::Client => "--client-id and --client-secret",
            Self::TwoFactor => "--two-factor-login and --two-factor-password",
        }
    }
}

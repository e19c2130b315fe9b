//! Facts are known about the server beforehand: the settings of its operator, and the fixtures that were found on it.

use super::{
    precondition::Precondition, required_setting::RequiredSetting,
    verified_fixture::VerifiedFixture,
};

/// `Facts` are the operator's statements about the server, on which a check may rely.
#[derive(Clone, Default)]
pub struct Facts {
    /// The user or organisation whose artifacts the run makes.
    pub namespace: String,
    /// A user name and a password.
    pub login: Option<(String, String)>,
    /// The token of a user who can neither see nor write the namespace.
    pub other_token: Option<String>,
    /// The name, below the namespace, of a public artifact.
    pub public_artifact: Option<String>,
    /// The largest number of characters of an `id`.
    pub max_id_length: Option<usize>,
    /// The fixtures that were found on the server.
    pub fixtures: Vec<VerifiedFixture>,
}

impl Facts {
    /// Tells whether the operator gave a setting that a clause requires.
    pub fn has(&self, required: RequiredSetting) -> bool {
        match required {
            RequiredSetting::Login => self.login.is_some(),
            RequiredSetting::OtherToken => self.other_token.is_some(),
            RequiredSetting::PublicArtifact => self.public_artifact.is_some(),
            RequiredSetting::MaxIdLength => self.max_id_length.is_some(),
        }
    }

    /// Returns a fixture that meets a precondition.
    pub fn fixture(&self, precondition: Precondition) -> Option<&VerifiedFixture> {
        self.fixtures.iter().find(|it| it.meets(precondition))
    }
}

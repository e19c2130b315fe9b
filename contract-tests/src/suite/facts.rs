//! Facts are known about the server beforehand: the settings of its operator, and the fixtures that were found on it.

use super::{
    box_api::BoxApi, fixtures::BoxFixture, precondition::Precondition,
    required_setting::RequiredSetting, verified_fixture::VerifiedFixture,
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
    /// The id and the secret of a client that may write to the namespace by HCP's API.
    pub client: Option<(String, String)>,
    /// A user with two factors: the login and the password.
    pub two_factor: Option<(String, String)>,
    /// The APIs for boxes that the server has, the older first.
    pub box_apis: Vec<BoxApi>,
    /// The boxes that were found on the server.
    pub box_fixtures: Vec<BoxFixture>,
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
            RequiredSetting::Client => self.client.is_some(),
            RequiredSetting::TwoFactor => self.two_factor.is_some(),
        }
    }

    /// Tells whether a fixture meets a precondition.
    pub fn meets(&self, precondition: Precondition) -> bool {
        self.fixture(precondition).is_some() || self.box_fixture(precondition).is_some()
    }

    /// Returns a box that meets a precondition.
    pub fn box_fixture(&self, precondition: Precondition) -> Option<&BoxFixture> {
        self.box_fixtures.iter().find(|it| it.meets(precondition))
    }

    /// Returns a fixture that meets a precondition.
    pub fn fixture(&self, precondition: Precondition) -> Option<&VerifiedFixture> {
        self.fixtures.iter().find(|it| it.meets(precondition))
    }
}

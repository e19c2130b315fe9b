//! Settings are what a caller says about a server, by flags or by variables, before they are validated.

use std::{ffi::OsString, fmt, path::PathBuf};

use crate::{
    http::server::ServerError,
    safety::{
        journal::place::Place,
        policy::{
            ALLOW_UPLOAD_ORIGIN, ALLOW_WRITES, Access, InvalidOrigin, Policy, UploadOrigin, is_yes,
        },
        trust::Trust,
    },
    suite::fixtures::Fixtures,
};

/// The variable with the address of the server that the tests use. The tests do not read the clients' `ATLAS_ADDRESS`
/// and `ATLAS_TOKEN`: an exported address of a real server must never make a test run write to it.
const URL: &str = "ATLAS_CONTRACT_URL";
const TOKEN: &str = "ATLAS_CONTRACT_TOKEN";
const NAMESPACE: &str = "ATLAS_CONTRACT_NAMESPACE";
/// The variable with the path of the journals in which the tests record what they make.
const JOURNAL: &str = "ATLAS_CONTRACT_JOURNAL";

/// The reason why there is no target.
#[derive(Debug, thiserror::Error)]
pub enum TargetError {
    /// Some of the variables that belong together are set, but not this one.
    #[error("{0} is not set: {URL}, {TOKEN} and {NAMESPACE} go together")]
    MissingVariable(&'static str),
    /// A setting is invalid; the text says which and why, without repeating a secret.
    #[error("{0}")]
    Invalid(&'static str),
    /// The emulator did not start.
    #[error("the emulator did not start: {0}")]
    Emulator(String),
    /// A text is not a valid origin for uploads.
    #[error("{ALLOW_UPLOAD_ORIGIN}: {0}")]
    Origin(#[from] InvalidOrigin),
    /// A connection to the server cannot be prepared.
    #[error(transparent)]
    Server(#[from] ServerError),
}

/// The caller's settings for a server, not yet validated.
#[derive(Clone, Default)]
pub struct Settings {
    /// The address, with or without `/api/v1`, a trailing slash or a path prefix.
    pub url: String,
    /// A token that may write the namespace.
    pub token: String,
    /// The user or organisation under which artifacts are made.
    pub namespace: String,
    /// A user who may log in.
    pub login: Option<String>,
    /// That user's password.
    pub password: Option<String>,
    /// The token of a user who can neither see nor write the namespace.
    pub other_token: Option<String>,
    /// `USER/NAME` of a public artifact within the namespace.
    pub public_artifact: Option<String>,
    /// The largest number of characters that an `id` may have.
    pub max_id_length: Option<usize>,
    /// The id of a client of HCP's API that may write to the namespace.
    pub client_id: Option<String>,
    /// That client's secret.
    pub client_secret: Option<String>,
    /// A user whose login needs a second factor.
    pub two_factor_login: Option<String>,
    /// That user's password.
    pub two_factor_password: Option<String>,
    /// The artifacts and boxes to read, in a run that writes nothing.
    pub fixtures: Fixtures,
    /// The policy of the run towards the server.
    pub policy: Policy,
}

/// Shows no secrets.
impl fmt::Debug for Settings {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.debug_struct("Settings")
            .field("namespace", &self.namespace)
            .field("login", &self.login)
            .field("public_artifact", &self.public_artifact)
            .field("max_id_length", &self.max_id_length)
            .field("policy", &self.policy)
            .finish_non_exhaustive()
    }
}

impl Settings {
    /// Returns the settings in the `ATLAS_CONTRACT_…` variables, or `None` when address, token and namespace are all
    /// unset.
    ///
    /// # Errors
    /// Fails when only some of the three are set, or when the length or the timeout is not a number.
    pub fn from_variables(
        variable: impl Fn(&str) -> Option<String>,
    ) -> Result<Option<Self>, TargetError> {
        let set = |name: &str| variable(name).filter(|value| !value.is_empty());
        if [URL, TOKEN, NAMESPACE]
            .iter()
            .all(|name| set(name).is_none())
        {
            return Ok(None);
        }
        let needed = |name| set(name).ok_or(TargetError::MissingVariable(name));
        let length = set("ATLAS_CONTRACT_MAX_ID_LENGTH").map(|text| text.parse());
        Ok(Some(Self {
            url: needed(URL)?,
            token: needed(TOKEN)?,
            namespace: needed(NAMESPACE)?,
            login: set("ATLAS_CONTRACT_LOGIN"),
            password: set("ATLAS_CONTRACT_PASSWORD"),
            other_token: set("ATLAS_CONTRACT_OTHER_TOKEN"),
            public_artifact: set("ATLAS_CONTRACT_PUBLIC_ARTIFACT"),
            max_id_length: length.transpose().map_err(|_| {
                TargetError::Invalid("ATLAS_CONTRACT_MAX_ID_LENGTH must be a number")
            })?,
            client_id: set("ATLAS_CONTRACT_CLIENT_ID"),
            client_secret: set("ATLAS_CONTRACT_CLIENT_SECRET"),
            two_factor_login: set("ATLAS_CONTRACT_TWO_FACTOR_LOGIN"),
            two_factor_password: set("ATLAS_CONTRACT_TWO_FACTOR_PASSWORD"),
            fixtures: Fixtures::default(),
            policy: policy(&variable)?,
        }))
    }
}

/// Returns the policy of the tests. Unlike the program, they keep a journal for a server on this machine only if
/// [`JOURNAL`] is set.
fn policy(variable: &impl Fn(&str) -> Option<String>) -> Result<Policy, TargetError> {
    let set = |name: &str| variable(name).filter(|value| !value.is_empty());
    let anywhere = set(ALLOW_WRITES).is_some_and(|value| is_yes(&value));
    let (access, journal) = if anywhere {
        let of_user = Place::of_user(|name| variable(name).map(OsString::from));
        let here = || Place::Named(PathBuf::from("."));
        (Access::Anywhere, Some(of_user.unwrap_or_else(here)))
    } else {
        (Access::Loopback, None)
    };
    let timeout = set("ATLAS_CONTRACT_TIMEOUT").map(|text| text.parse());
    Ok(Policy {
        access,
        timeout: timeout
            .transpose()
            .map_err(|_| {
                TargetError::Invalid("ATLAS_CONTRACT_TIMEOUT must be a number of seconds")
            })?
            .unwrap_or_default(),
        upload_origins: UploadOrigin::list(&set(ALLOW_UPLOAD_ORIGIN).unwrap_or_default())?,
        trust: Trust::from_variables(variable),
        journal: set(JOURNAL)
            .map(|path| Place::Named(path.into()))
            .or(journal),
        ..Policy::default()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn variables_that_belong_together_are_asked_for_by_name() {
        let missing = |given: &'static [&str]| {
            Settings::from_variables(|name| given.contains(&name).then(|| "x".to_owned()))
                .err()
                .map(|error| error.to_string())
                .unwrap_or_default()
        };
        assert!(missing(&[URL, TOKEN]).starts_with(NAMESPACE));
        assert!(missing(&[URL, NAMESPACE]).starts_with(TOKEN));
        assert!(missing(&[TOKEN]).starts_with(URL));
    }

    #[test]
    fn the_variables_of_the_clients_name_no_server() {
        let clients = |name: &str| {
            name.starts_with("ATLAS_")
                .then(|| "http://real.test".to_owned())
        };
        let settings = Settings::from_variables(|name| {
            clients(name).filter(|_| !name.starts_with("ATLAS_CONTRACT_"))
        });
        assert!(settings.unwrap().is_none());
    }
}

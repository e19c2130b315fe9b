//! Settings are what a caller says about a server, by flags or by variables, before anything is checked.

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
    suite::fixtures::Fixture,
};

/// The variables that aim the tests at a server. They are not the `ATLAS_ADDRESS` and `ATLAS_TOKEN` of the clients, on
/// purpose: an exported address of a real server must never make a test run write to it.
const URL: &str = "ATLAS_CONTRACT_URL";
const TOKEN: &str = "ATLAS_CONTRACT_TOKEN";
const NAMESPACE: &str = "ATLAS_CONTRACT_NAMESPACE";
/// Where the tests keep the journals of what they make.
const JOURNAL: &str = "ATLAS_CONTRACT_JOURNAL";

/// Why there is no target.
#[derive(Debug, thiserror::Error)]
pub enum TargetError {
    /// Some of the variables that belong together are set, but not this one.
    #[error("{0} is not set: {URL}, {TOKEN} and {NAMESPACE} go together")]
    MissingVariable(&'static str),
    /// A value cannot be used; the text says which and why, without repeating a secret.
    #[error("{0}")]
    Invalid(&'static str),
    /// The emulator did not start.
    #[error("the emulator did not start: {0}")]
    Emulator(String),
    /// A text that is to name an origin for uploads names none.
    #[error("{ALLOW_UPLOAD_ORIGIN}: {0}")]
    Origin(#[from] InvalidOrigin),
    /// A connection to the server cannot be prepared.
    #[error(transparent)]
    Server(#[from] ServerError),
}

/// What the caller says about a server, not yet checked.
#[derive(Clone, Default)]
pub struct Settings {
    /// The address, with or without `/api/v1`, a trailing slash or a path prefix.
    pub url: String,
    /// A token that may write the namespace.
    pub token: String,
    /// The user or organisation below which artifacts are made.
    pub namespace: String,
    /// A user who may log in.
    pub login: Option<String>,
    /// That user's password.
    pub password: Option<String>,
    /// The token of a user who can neither see nor write the namespace.
    pub other_token: Option<String>,
    /// `USER/NAME` of a public artifact within the namespace.
    pub public_artifact: Option<String>,
    /// How many characters an `id` may have at most.
    pub max_id_length: Option<usize>,
    /// The artifacts to read, in a run that writes nothing.
    pub fixtures: Vec<Fixture>,
    /// How the run behaves towards the server.
    pub policy: Policy,
}

/// Without secrets.
impl fmt::Debug for Settings {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.debug_struct("Settings")
            .field("namespace", &self.namespace)
            .field("login", &self.login)
            .field("public_artifact", &self.public_artifact)
            .field("max_id_length", &self.max_id_length)
            .field("conduct", &self.policy)
            .finish_non_exhaustive()
    }
}

impl Settings {
    /// The settings in the `ATLAS_CONTRACT_…` variables, or `None` when none of the three that name a server is set.
    ///
    /// # Errors
    /// Some of the three are set but not all, or the length or the timeout is no number.
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
            fixtures: Vec::new(),
            policy: policy(&variable)?,
        }))
    }
}

/// How the tests behave: as the program, but that they keep no journal for a server on this machine unasked.
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
    fn the_variables_of_the_clients_aim_at_nothing() {
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

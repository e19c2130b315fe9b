//! A target is the server under test, with what its operator says about it.
//!
//! Only this module starts an emulator, when the caller names no server.

use std::{fmt, sync::Arc};

use mock_atlas::{MockAtlas, Seed, User};
use reqwest::Url;
use serde_json::json;

use crate::{
    failure::CheckResult,
    http::{Http, basic, server::Server},
    run::settings::{Settings, TargetError},
    safety::policy::Access,
    suite::{
        box_api::BoxApi,
        facts::Facts,
        fixtures::{BoxFixture, Fixtures},
        names::is_name,
        verified_fixture::VerifiedFixture,
    },
};

/// The owner of the second token in an emulator where no login is set.
const SECOND_USER: &str = "second-user-of-the-suite";

/// The owner of the first token of an emulator. An emulator takes the name of a user and a token for a client of HCP's
/// API.
pub(crate) const ROOT: &str = "atlas";
/// The second factor, in an emulator, of the user who has one.
const TWO_FACTOR_CODE: &str = "123456";

/// A `Target` is a server to test. If it is an emulator, dropping the last clone stops it.
#[derive(Clone)]
pub struct Target {
    server: Server,
    facts: Facts,
    fixtures: Fixtures,
    emulator: Option<Arc<MockAtlas>>,
}

impl Target {
    /// Returns the server that the settings name.
    ///
    /// # Errors
    /// Fails when a setting is empty, malformed, or contradicts another one, or when a proxy variable of the
    /// environment is invalid.
    pub fn new(settings: Settings) -> Result<Self, TargetError> {
        let url = parse_url(&settings.url)?;
        check_texts(&settings)?;
        let login = pair(
            settings.login,
            settings.password,
            "--login and --password go together",
        )?;
        let client = pair(
            settings.client_id,
            settings.client_secret,
            "--client-id and --client-secret go together",
        )?;
        let two_factor = pair(
            settings.two_factor_login,
            settings.two_factor_password,
            "--two-factor-login and --two-factor-password go together",
        )?;
        let public_artifact = settings
            .public_artifact
            .map(|slug| name_within(&slug, &settings.namespace))
            .transpose()?;
        Ok(Self {
            server: Server::new(&url, settings.token, settings.policy)?,
            facts: Facts {
                namespace: settings.namespace,
                login,
                other_token: settings.other_token,
                public_artifact,
                max_id_length: settings.max_id_length,
                client,
                two_factor,
                box_apis: Vec::new(),
                box_fixtures: Vec::new(),
                fixtures: Vec::new(),
            },
            fixtures: settings.fixtures,
            emulator: None,
        })
    }

    /// Returns the server that the `ATLAS_CONTRACT_…` variables name, or starts an emulator when they name none.
    ///
    /// # Errors
    /// Fails when the variables are incomplete or malformed, or when the emulator does not start.
    pub async fn from_variables(
        variable: impl Fn(&str) -> Option<String>,
    ) -> Result<Self, TargetError> {
        match Settings::from_variables(variable)? {
            Some(settings) => Self::new(settings),
            None => Self::emulator().await,
        }
    }

    /// Starts an emulator for which every optional setting is known. It runs on the current tokio runtime.
    ///
    /// # Errors
    /// Fails when the emulator does not start.
    pub async fn emulator() -> Result<Self, TargetError> {
        let token = "root-token-of-the-suite";
        let settings = Settings {
            token: token.to_owned(),
            namespace: "acme".to_owned(),
            login: Some("rival".to_owned()),
            password: Some("open sesame".to_owned()),
            other_token: Some("rival-token-of-the-suite".to_owned()),
            public_artifact: Some("acme/public".to_owned()),
            max_id_length: Some(255),
            client_id: Some(ROOT.to_owned()),
            client_secret: Some(token.to_owned()),
            two_factor_login: Some("careful".to_owned()),
            two_factor_password: Some("open twice".to_owned()),
            ..Settings::default()
        };
        Self::emulated(settings, r#"{"artifacts": []}"#).await
    }

    /// Starts an emulator that matches the settings, except their address, with the contents of a seed in JSON. It
    /// runs on the current tokio runtime.
    ///
    /// # Errors
    /// Fails when the emulator does not start, or when a setting or the seed is malformed.
    pub(crate) async fn emulated(settings: Settings, seed: &str) -> Result<Self, TargetError> {
        let failed = |error: &dyn fmt::Display| TargetError::Emulator(error.to_string());
        let mut second = User::new(settings.login.as_deref().unwrap_or(SECOND_USER));
        if let Some(password) = &settings.password {
            second = second.password(password);
        }
        if let Some(token) = &settings.other_token {
            second = second.token(token);
        }
        let seed = Seed::from_json(seed).map_err(|error| failed(&error))?;
        let two_factor = settings.two_factor_login.iter();
        let two_factor = two_factor.zip(&settings.two_factor_password);
        let careful = two_factor.map(|(login, password)| {
            User::new(login)
                .password(password)
                .two_factor(TWO_FACTOR_CODE)
        });
        let mut builder = MockAtlas::builder()
            .token(&settings.token)
            .user(second)
            .seed(seed);
        for user in careful {
            builder = builder.user(user);
        }
        if let Some(public) = &settings.public_artifact {
            builder = builder.public_artifact(public);
        }
        if let Some(length) = settings.max_id_length {
            builder = builder.max_id_length(length);
        }
        let emulator = builder.start().await.map_err(|error| failed(&error))?;
        let mut target = Self::new(Settings {
            url: emulator.url().to_owned(),
            ..settings
        })?;
        target.emulator = Some(Arc::new(emulator));
        Ok(target)
    }

    /// Starts an emulator that has only one token and these artifacts, `USER/NAME` each. It runs on the current tokio
    /// runtime.
    ///
    /// # Errors
    /// Fails when the emulator does not start, or when an artifact's name is invalid.
    pub async fn bare_emulator(token: &str, artifacts: &[&str]) -> Result<Self, TargetError> {
        let failed = |error: &dyn std::error::Error| TargetError::Emulator(error.to_string());
        let artifacts = artifacts.iter().map(|name| json!({"name": name}));
        let seed = json!({"artifacts": artifacts.collect::<Vec<_>>()}).to_string();
        let emulator = MockAtlas::builder()
            .token(token)
            .seed(Seed::from_json(&seed).map_err(|error| failed(&error))?)
            .start()
            .await
            .map_err(|error| failed(&error))?;
        let mut target = Self::new(Settings {
            url: emulator.url().to_owned(),
            token: token.to_owned(),
            namespace: "acme".to_owned(),
            ..Settings::default()
        })?;
        target.emulator = Some(Arc::new(emulator));
        Ok(target)
    }

    /// Creates a client for the server, which redacts all secrets of the target.
    ///
    /// # Errors
    /// Fails when the client cannot be built, for example without certificates.
    pub fn connect(&self) -> CheckResult<Http> {
        let http = Http::new(&self.server)?;
        let Facts {
            login,
            other_token,
            client,
            two_factor,
            ..
        } = &self.facts;
        http.add_secret(other_token.as_deref().unwrap_or_default(), "[other token]");
        for (_, password) in [login, two_factor].into_iter().flatten() {
            http.add_secret(password, "[password]");
        }
        if let Some((id, secret)) = client {
            http.add_secret(&basic(id, secret), "[client]");
            http.add_secret(secret, "[client secret]");
        }
        Ok(http)
    }

    /// Returns the server that requests go to.
    pub fn server(&self) -> &Server {
        &self.server
    }

    /// Returns what the operator says about the server.
    pub fn facts(&self) -> &Facts {
        &self.facts
    }

    /// Returns the address without `/api/v1` and without a trailing slash.
    pub fn root(&self) -> &str {
        self.server.root()
    }

    /// Returns the address of the API, without a trailing slash.
    pub fn api(&self) -> String {
        self.server.api()
    }

    /// Returns the token that may write the namespace.
    pub fn token(&self) -> &str {
        self.server.token()
    }

    /// Returns the user or organisation under which artifacts are made.
    pub fn namespace(&self) -> &str {
        &self.facts.namespace
    }

    /// Returns the name, within the namespace, of a public artifact.
    pub fn public_artifact(&self) -> Option<&str> {
        self.facts.public_artifact.as_deref()
    }

    /// Tells whether the server is an emulator that this crate started: there, a difference is a failure.
    pub fn is_emulator(&self) -> bool {
        self.emulator.is_some()
    }

    /// Tells whether a run writes nothing to the server.
    pub fn is_read_only(&self) -> bool {
        self.server.policy().access == Access::ReadOnly
    }

    /// Returns the fixtures, as the operator names them.
    pub(crate) fn fixtures(&self) -> &Fixtures {
        &self.fixtures
    }

    /// Remembers the APIs for boxes that the server has.
    pub(crate) fn has_box_apis(&mut self, apis: Vec<BoxApi>) {
        self.facts.box_apis = apis;
    }

    /// Remembers the fixtures that were found on the server.
    pub(crate) fn found(&mut self, fixtures: Vec<VerifiedFixture>, boxes: Vec<BoxFixture>) {
        self.facts.fixtures = fixtures;
        self.facts.box_fixtures = boxes;
    }
}

/// Shows no secrets.
impl fmt::Debug for Target {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.debug_struct("Target")
            .field("root", &self.root())
            .field("namespace", &self.facts.namespace)
            .field("public_artifact", &self.facts.public_artifact)
            .field("max_id_length", &self.facts.max_id_length)
            .field("policy", &self.server.policy())
            .finish_non_exhaustive()
    }
}

/// Returns two settings that need each other.
fn pair(
    first: Option<String>,
    second: Option<String>,
    wrong: &'static str,
) -> Result<Option<(String, String)>, TargetError> {
    match (first, second) {
        (Some(first), Some(second)) => Ok(Some((first, second))),
        (None, None) => Ok(None),
        _ => Err(TargetError::Invalid(wrong)),
    }
}

fn parse_url(text: &str) -> Result<Url, TargetError> {
    let url = Url::parse(text)
        .ok()
        .filter(|url| matches!(url.scheme(), "http" | "https") && url.has_host())
        .ok_or(TargetError::Invalid(
            "--atlas-url must be an http or https address",
        ))?;
    let bare = url.query().is_none() && url.fragment().is_none();
    if !bare || !url.username().is_empty() || url.password().is_some() {
        return Err(TargetError::Invalid(
            "--atlas-url takes no user, password, query or fragment",
        ));
    }
    Ok(url)
}

fn check_texts(settings: &Settings) -> Result<(), TargetError> {
    // A token is sent in a header. A character that no header can carry would look like an unreachable server.
    let sendable = |token: &str| !token.is_empty() && token.bytes().all(|b| b.is_ascii_graphic());
    let problem = if !sendable(&settings.token) {
        "--token must be visible characters, without spaces"
    } else if !settings.other_token.as_deref().is_none_or(sendable) {
        "--other-token must be visible characters, without spaces"
    } else if !is_name(&settings.namespace) && !may_lack_namespace(settings) {
        "--namespace must be the name of a user or an organisation"
    } else {
        return Ok(());
    };
    Err(TargetError::Invalid(problem))
}

/// Tells whether the namespace may be empty: it is required only for writes.
fn may_lack_namespace(settings: &Settings) -> bool {
    settings.namespace.is_empty() && settings.policy.access == Access::ReadOnly
}

fn name_within(slug: &str, namespace: &str) -> Result<String, TargetError> {
    match slug.split_once('/') {
        Some((user, name)) if user == namespace && is_name(name) => Ok(name.to_owned()),
        _ => Err(TargetError::Invalid(
            "--public-artifact must be USER/NAME below the namespace",
        )),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn settings(url: &str) -> Settings {
        Settings {
            url: url.to_owned(),
            token: "T".to_owned(),
            namespace: "acme".to_owned(),
            ..Settings::default()
        }
    }

    fn complaint(settings: Settings) -> String {
        Target::new(settings)
            .err()
            .map(|error| error.to_string())
            .unwrap_or_default()
    }

    #[test]
    fn every_spelling_of_an_address_means_the_same_api() {
        for url in [
            "http://a.test",
            "http://a.test/",
            "http://a.test/api/v1",
            "http://a.test/api/v1/",
        ] {
            assert_eq!(
                Target::new(settings(url)).unwrap().api(),
                "http://a.test/api/v1",
                "{url}"
            );
        }
        let prefixed = Target::new(settings("https://a.test:8443/atlas/api/v1/")).unwrap();
        assert_eq!(prefixed.api(), "https://a.test:8443/atlas/api/v1");
        assert_eq!(prefixed.root(), "https://a.test:8443/atlas");
    }

    #[test]
    fn an_address_that_is_invalid_or_carries_a_secret_is_refused() {
        for url in [
            "",
            "a.test",
            "ftp://a.test",
            "http://u:p@a.test",
            "http://a.test?access_token=T",
        ] {
            assert!(complaint(settings(url)).starts_with("--atlas-url"), "{url}");
        }
    }

    #[test]
    fn a_fact_that_cannot_be_used_is_named() {
        let token = Settings {
            token: String::new(),
            ..settings("http://a.test")
        };
        let namespace = Settings {
            namespace: "a/b".to_owned(),
            ..settings("http://a.test")
        };
        let login = Settings {
            login: Some("u".to_owned()),
            ..settings("http://a.test")
        };
        let public = Settings {
            public_artifact: Some("other/name".to_owned()),
            ..settings("http://a.test")
        };
        assert!(complaint(token).contains("--token"));
        assert!(complaint(namespace).contains("--namespace"));
        assert!(complaint(login).contains("--password"));
        assert!(complaint(public).contains("--public-artifact"));
    }

    #[test]
    fn only_this_machine_is_loopback() {
        for (url, expected) in [
            ("http://127.0.0.1:1", true),
            ("http://[::1]:1", true),
            ("http://localhost", true),
            ("http://a.test", false),
        ] {
            assert_eq!(
                Target::new(settings(url)).unwrap().server().is_loopback(),
                expected,
                "{url}"
            );
        }
    }
}

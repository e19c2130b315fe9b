//! A [`Context`] is the toolbox of one check: it makes up names that no other run has, builds requests, and creates
//! artifacts.
//!
//! Checks create artifacts and versions only through [`Context::create`] and [`Context::push`], and write to boxes only
//! through [`Context::write_box`] and [`Context::write_root`]. All of them call one guard, which refuses every name that
//! does not belong to this run. The other writes are logins, which create tokens whose
//! description begins with the prefix of the run, and uploads, to addresses that the server chose or a check guessed.
//! All writes are sent only where the [policy](crate::safety::policy::Policy) allows them, and are recorded in the
//! journal first, if there is one.

mod boxes;

use std::sync::{
    Mutex, PoisonError,
    atomic::{AtomicUsize, Ordering},
};

use serde_json::{Value, json};

use crate::{
    failure::{CheckFailure, CheckResult, violation},
    http::{Call, Http, exchange::Exchange},
    safety::{journal::CreatedObject, policy::Access, run_prefix::RunPrefix},
    suite::{
        artifact::Artifact,
        facts::Facts,
        fixtures::Fixture,
        precondition::Precondition,
        snapshot::{self, Order},
        test_artifact::TestArtifact,
    },
};

/// A redacted body that a check compared with a snapshot.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ComparedBody {
    /// The snapshot's name.
    pub name: &'static str,
    /// The redacted body, in the format of the snapshot file.
    pub text: String,
}

/// A `Context` is the toolbox of one check: it knows the server, the run and the clause.
pub struct Context<'a> {
    http: &'a Http,
    facts: &'a Facts,
    prefix: &'a RunPrefix,
    clause_id: &'static str,
    names_made: AtomicUsize,
    notes: Mutex<Vec<String>>,
    observed: Mutex<Vec<ComparedBody>>,
}

impl<'a> Context<'a> {
    /// Creates the context for the clause with this id.
    pub fn new(
        http: &'a Http,
        facts: &'a Facts,
        prefix: &'a RunPrefix,
        clause_id: &'static str,
    ) -> Self {
        Self {
            http,
            facts,
            prefix,
            clause_id,
            names_made: AtomicUsize::new(0),
            notes: Mutex::default(),
            observed: Mutex::default(),
        }
    }

    /// Returns the facts that the operator gave about the server.
    pub fn facts(&self) -> &'a Facts {
        self.facts
    }

    /// Returns the main token, which may write to the namespace.
    pub fn token(&self) -> &'a str {
        self.http.server().token()
    }

    /// Returns the HTTP client, for downloads and uploads. It does not check names; the policy limits its uploads.
    pub fn http(&self) -> &'a Http {
        self.http
    }

    /// Builds a GET request with the main token for a path below the API; nothing is sent.
    pub fn get(&self, path: impl Into<String>) -> Call<'a> {
        self.http.get(path)
    }

    /// Returns the token of the second user.
    ///
    /// # Errors
    /// Fails when there is no such token. A clause that lists [`RequiredSetting::OtherToken`] is checked only when there
    /// is one.
    ///
    /// [`RequiredSetting::OtherToken`]: crate::suite::required_setting::RequiredSetting::OtherToken
    pub fn other_token(&self) -> CheckResult<&'a str> {
        declared(self.facts.other_token.as_deref())
    }

    /// Builds a POST request that logs in with a password, and so creates a token; nothing is sent.
    pub fn log_in(&self, login: &str, password: &str) -> Call<'a> {
        let description = self.token_description();
        let user = json!({"login": login, "password": password, "description": description});
        let fields = json!({"user": user});
        self.http
            .post("/authenticate", fields, CreatedObject::Token(description))
    }

    /// Returns the description of the tokens that the run makes by a login.
    pub fn token_description(&self) -> String {
        format!("{}login", self.prefix.as_str())
    }

    /// Returns the prefix of all names of this run.
    pub fn prefix(&self) -> &'a str {
        self.prefix.as_str()
    }

    /// Returns an unused name of this run, of at most 50 characters.
    pub fn name(&self) -> String {
        let stem = format!(
            "{}{}",
            self.prefix.as_str(),
            self.clause_id.replace('.', "-")
        );
        match self.names_made.fetch_add(1, Ordering::Relaxed) {
            0 => stem,
            earlier => format!("{stem}.{}", earlier + 1),
        }
    }

    /// Builds a POST request that creates an artifact with this name; nothing is sent.
    ///
    /// # Errors
    /// Fails when the name does not belong to this run.
    pub fn create(&self, name: &str) -> CheckResult<Call<'a>> {
        self.guard(name, None)?;
        let artifact = json!({"username": self.facts.namespace, "name": name});
        let slug = format!("{}/{name}", self.facts.namespace);
        Ok(self.http.post(
            "/artifacts",
            json!({"artifact": artifact}),
            CreatedObject::Artifact(slug),
        ))
    }

    /// Builds a POST request that creates a version of a type in the artifact with this name; nothing is sent.
    ///
    /// # Errors
    /// Fails when neither the artifact belongs to this run, nor the type in the operator's public artifact.
    pub fn push(&self, name: &str, kind: &str, fields: Value) -> CheckResult<Call<'a>> {
        self.guard(name, Some(kind))?;
        let artifact = format!("{}/{name}", self.facts.namespace);
        let path = format!("/artifacts/{artifact}/{kind}");
        let creates = CreatedObject::Version {
            artifact,
            kind: kind.to_owned(),
        };
        Ok(self
            .http
            .post(path, json!({"artifact_version": fields}), creates))
    }

    /// Returns a handle on the artifact with this name in the namespace; nothing is sent, and the artifact need not
    /// exist.
    pub fn artifact_named(&self, name: impl Into<String>) -> Artifact<'_> {
        Artifact::new(self, self.facts.namespace.clone(), name.into())
    }

    /// Creates an artifact with an unused name on the server.
    ///
    /// # Errors
    /// Fails when the artifact cannot be created.
    pub async fn artifact(&self) -> CheckResult<Artifact<'_>> {
        let artifact = self.artifact_named(self.name());
        self.create(&artifact.name)?.succeed().await?;
        Ok(artifact)
    }

    /// Tells whether the run is read-only: it sends only GET and HEAD requests.
    pub fn is_read_only(&self) -> bool {
        self.http.server().policy().access == Access::ReadOnly
    }

    /// Returns the operator's fixture that meets a precondition, if the run is read-only. In any other run, returns
    /// `None`: the check then creates what it reads.
    ///
    /// # Errors
    /// Fails when no fixture meets the precondition. In a read-only run, a clause is checked only when each of its
    /// `preconditions` is met.
    pub fn fixture(&self, given: Precondition) -> CheckResult<Option<TestArtifact<'_>>> {
        if !self.is_read_only() {
            return Ok(None);
        }
        let verified = declared(self.facts.fixture(given))?;
        let Fixture { user, name, .. } = &verified.fixture;
        let artifact = Artifact::new(self, user.clone(), name.clone());
        Ok(Some(TestArtifact::of(verified, artifact)))
    }

    /// Returns an artifact to read: a fixture of the operator, or a new artifact.
    ///
    /// # Errors
    /// Fails when the artifact cannot be created, or no fixture meets [`Precondition::Artifact`].
    pub async fn any_artifact(&self) -> CheckResult<Artifact<'_>> {
        match self.fixture(Precondition::Artifact)? {
            Some(given) => Ok(given.artifact),
            None => self.artifact().await,
        }
    }

    /// Returns the operator's public artifact, and a type in it that only this run uses.
    ///
    /// # Errors
    /// Fails when the operator named no public artifact. A clause that lists [`RequiredSetting::PublicArtifact`] is
    /// checked only when there is one.
    ///
    /// [`RequiredSetting::PublicArtifact`]: crate::suite::required_setting::RequiredSetting::PublicArtifact
    pub fn public_artifact(&self) -> CheckResult<(Artifact<'_>, String)> {
        let artifact = self.artifact_named(declared(self.facts.public_artifact.as_deref())?);
        Ok((artifact, self.name()))
    }

    /// Compares a body with the snapshot of that name. `artifact` is the name or the slug of the artifact that the body
    /// describes. Additional fields in the body are noted as a difference.
    ///
    /// # Errors
    /// Fails when a field is missing, is in another place, or has another value.
    pub fn snapshot(
        &self,
        name: &'static str,
        order: Order,
        exchange: &Exchange,
        artifact: &str,
    ) -> CheckResult {
        let (namespace, artifact) = artifact
            .split_once('/')
            .unwrap_or((&self.facts.namespace, artifact));
        let came = snapshot::redact(&exchange.json()?, namespace, artifact);
        add(
            &self.observed,
            ComparedBody {
                name,
                text: snapshot::text(&came),
            },
        );
        let expected = snapshot::expected(name)
            .ok_or_else(|| violation(format!("a snapshot named {name}"), "no such file"))?;
        let extra =
            snapshot::compare(&expected, &came, order).map_err(|why| exchange.violation(why))?;
        if !extra.is_empty() {
            add(
                &self.notes,
                format!("more than the contract knows: {}", extra.join(", ")),
            );
        }
        Ok(())
    }

    /// Returns the differences that break no client (fields beyond the snapshot), and the bodies that were compared with
    /// snapshots.
    pub fn into_findings(self) -> (Vec<String>, Vec<ComparedBody>) {
        (taken(self.notes), taken(self.observed))
    }

    /// Allows a write only under a name of this run, or under a type of this run in the operator's public artifact.
    fn guard(&self, name: &str, kind: Option<&str>) -> CheckResult {
        let own = |text: &str| text.starts_with(self.prefix.as_str());
        let public = self.facts.public_artifact.as_deref() == Some(name);
        if own(name) || (public && kind.is_some_and(own)) {
            return Ok(());
        }
        Err(CheckFailure::NotSent(format!(
            "refused to write to {name}: the name does not belong to this run"
        )))
    }
}

/// Returns the setting or fixture, or fails when it is missing. That is a mistake in the suite: a run checks a clause
/// only when it has every setting and fixture that the clause lists as required.
fn declared<T>(fact: Option<T>) -> CheckResult<T> {
    fact.ok_or_else(|| {
        CheckFailure::Inconclusive(
            "the clause uses a setting or fixture that it does not declare".to_owned(),
        )
    })
}

fn add<T>(list: &Mutex<Vec<T>>, item: T) {
    list.lock()
        .unwrap_or_else(PoisonError::into_inner)
        .push(item);
}

fn taken<T>(list: Mutex<Vec<T>>) -> Vec<T> {
    list.into_inner().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;
    use crate::run::{settings::Settings, target::Target};

    fn target() -> Target {
        Target::new(Settings {
            url: "http://127.0.0.1:9".to_owned(),
            token: "T".to_owned(),
            namespace: "acme".to_owned(),
            public_artifact: Some("acme/public".to_owned()),
            ..Settings::default()
        })
        .unwrap()
    }

    #[test]
    fn nothing_is_written_outside_of_the_names_of_the_run() {
        let (target, prefix) = (target(), RunPrefix::fresh());
        let http = target.connect().unwrap();
        let context = Context::new(&http, target.facts(), &prefix, "some.clause");
        let post =
            |name: &str, kind: &str| context.artifact_named(name).post(kind, Value::Null).is_ok();
        assert!(context.create(&context.name()).is_ok());
        assert!(post(&context.name(), "any.type"));
        assert!(post("public", &context.name()));
        assert!(!post("public", "amazon.image"));
        assert!(!post("somebody-elses", &context.name()));
        assert!(context.create("public").is_err());
        assert!(context.create("contract-00000000-other-run").is_err());
        let write = |name: &str| {
            let path = format!("/box/acme/{name}");
            context.write_root(reqwest::Method::DELETE, path, name, Value::Null)
        };
        assert!(write(&context.name()).is_ok());
        assert!(write("public").is_err() && write("somebody-elses").is_err());
    }

    #[test]
    fn names_are_unique_and_short_enough_for_every_clause() {
        let (target, prefix) = (target(), RunPrefix::fresh());
        let http = target.connect().unwrap();
        for clause in crate::suite::clauses::all() {
            let context = Context::new(&http, target.facts(), &prefix, clause.id);
            // A repeated check continues the numbering of the names.
            let names: Vec<_> = (0..99).map(|_| context.name()).collect();
            let different: HashSet<_> = names.iter().collect();
            assert_eq!(different.len(), names.len());
            let longest = names.iter().max_by_key(|name| name.len()).unwrap();
            assert!(longest.len() <= 50, "{longest}");
        }
        assert_ne!(RunPrefix::fresh(), RunPrefix::fresh());
    }
}

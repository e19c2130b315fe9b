//! A context gives a check names that no other run has, artifacts of its own, and calls of the API.
//!
//! All writes pass [`Context::create`] or [`Context::push`], and both pass one guard, which refuses every name that is
//! not of this run.

use std::sync::{
    Mutex, PoisonError,
    atomic::{AtomicUsize, Ordering},
};

use serde_json::{Value, json};

use crate::{
    failure::{CheckFailure, Verdict, violation},
    http::{Call, Http, exchange::Exchange},
    safety::{journal::Makes, policy::Access, run_prefix::RunPrefix},
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

/// The environment of one check.
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

    /// Returns the token that may write to the namespace.
    pub fn token(&self) -> &'a str {
        self.http.server().token()
    }

    /// Returns the raw connection, for reads.
    pub fn http(&self) -> &'a Http {
        self.http
    }

    /// Creates a read of a path below the API, with the target's token.
    pub fn get(&self, path: impl Into<String>) -> Call<'a> {
        self.http.get(path)
    }

    /// Returns the token of the second user.
    ///
    /// # Errors
    /// Fails when the clause does not declare that it requires one.
    pub fn other_token(&self) -> Verdict<&'a str> {
        declared(self.facts.other_token.as_deref())
    }

    /// Creates a request for a token, with a login and a password.
    pub fn log_in(&self, login: &str, password: &str) -> Call<'a> {
        let description = format!("{}login", self.prefix.as_str());
        let user = json!({"login": login, "password": password, "description": description});
        let fields = json!({"user": user});
        self.http
            .post("/authenticate", fields, Makes::Token(description))
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

    /// Creates a request for an artifact with this name.
    ///
    /// # Errors
    /// Fails when the name is not one of this run.
    pub fn create(&self, name: &str) -> Verdict<Call<'a>> {
        self.guard(name, None)?;
        let artifact = json!({"username": self.facts.namespace, "name": name});
        let slug = format!("{}/{name}", self.facts.namespace);
        Ok(self.http.post(
            "/artifacts",
            json!({"artifact": artifact}),
            Makes::Artifact(slug),
        ))
    }

    /// Creates a request for a version of a type, in the artifact with this name.
    ///
    /// # Errors
    /// Fails when the artifact is not one of this run.
    pub fn push(&self, name: &str, kind: &str, fields: Value) -> Verdict<Call<'a>> {
        self.guard(name, Some(kind))?;
        let artifact = format!("{}/{name}", self.facts.namespace);
        let path = format!("/artifacts/{artifact}/{kind}");
        let makes = Makes::Version {
            artifact,
            kind: kind.to_owned(),
        };
        Ok(self
            .http
            .post(path, json!({"artifact_version": fields}), makes))
    }

    /// Returns an artifact with this name, which need not exist.
    pub fn artifact_named(&self, name: impl Into<String>) -> Artifact<'_> {
        Artifact::new(self, self.facts.namespace.clone(), name.into())
    }

    /// Makes an artifact.
    ///
    /// # Errors
    /// Fails when the artifact cannot be made.
    pub async fn artifact(&self) -> Verdict<Artifact<'_>> {
        let artifact = self.artifact_named(self.name());
        self.create(&artifact.name)?.succeed().await?;
        Ok(artifact)
    }

    /// Tells whether the run writes nothing.
    pub fn is_read_only(&self) -> bool {
        self.http.server().policy().access == Access::ReadOnly
    }

    /// Returns a fixture of the operator in a run that writes nothing. In any other run, returns `None`: the check then
    /// makes what it reads.
    ///
    /// # Errors
    /// Fails when the clause does not declare this precondition.
    pub fn fixture(&self, given: Precondition) -> Verdict<Option<TestArtifact<'_>>> {
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
    /// Fails when the artifact cannot be made.
    pub async fn any_artifact(&self) -> Verdict<Artifact<'_>> {
        match self.fixture(Precondition::Artifact)? {
            Some(given) => Ok(given.artifact),
            None => self.artifact().await,
        }
    }

    /// Returns the operator's public artifact, and a type in it that only this run uses.
    ///
    /// # Errors
    /// Fails when the clause does not declare that it requires the artifact.
    pub fn public_artifact(&self) -> Verdict<(Artifact<'_>, String)> {
        let artifact = self.artifact_named(declared(self.facts.public_artifact.as_deref())?);
        Ok((artifact, self.name()))
    }

    /// Compares a body with the snapshot of that name. The artifact is a name of the run, or a slug. Additional fields
    /// in the body are noted as a difference.
    ///
    /// # Errors
    /// Fails when something is missing, misplaced, or has another value.
    pub fn snapshot(
        &self,
        name: &'static str,
        order: Order,
        exchange: &Exchange,
        artifact: &str,
    ) -> Verdict {
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

    /// Returns the differences that break no client, and the bodies that were compared with snapshots.
    pub fn into_findings(self) -> (Vec<String>, Vec<ComparedBody>) {
        (taken(self.notes), taken(self.observed))
    }

    /// Allows a write only under a name of this run, or under a type of this run in the operator's public artifact.
    fn guard(&self, name: &str, kind: Option<&str>) -> Verdict {
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

fn declared<T>(fact: Option<T>) -> Verdict<T> {
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

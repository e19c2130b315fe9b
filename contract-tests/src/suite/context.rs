//! A context is what a check works with: names that no other run has, artifacts of its own, and calls of the API.
//!
//! All writes pass [`Context::create`] or [`Context::push`], and those pass one guard: nothing is written outside of
//! the names of this run.

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
    /// The body as it came, redacted, as it would stand in the file.
    pub text: String,
}

/// The surroundings of one check.
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
    /// The surroundings for the clause of this id.
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

    /// Returns what the operator told about the server.
    pub fn facts(&self) -> &'a Facts {
        self.facts
    }

    /// Returns the token that may write the namespace.
    pub fn token(&self) -> &'a str {
        self.http.server().token()
    }

    /// The raw connection, for reads.
    pub fn http(&self) -> &'a Http {
        self.http
    }

    /// A read of a path below the API, with the target's token.
    pub fn get(&self, path: impl Into<String>) -> Call<'a> {
        self.http.get(path)
    }

    /// The token of the second user.
    ///
    /// # Errors
    /// The clause did not say that it needs one.
    pub fn other_token(&self) -> Verdict<&'a str> {
        told(self.facts.other_token.as_deref())
    }

    /// The request for a token with a login and a password.
    pub fn log_in(&self, login: &str, password: &str) -> Call<'a> {
        let description = format!("{}login", self.prefix.as_str());
        let user = json!({"login": login, "password": password, "description": description});
        let fields = json!({"user": user});
        self.http
            .post("/authenticate", fields, Makes::Token(description))
    }

    /// What every name of this run begins with.
    pub fn prefix(&self) -> &'a str {
        self.prefix.as_str()
    }

    /// A name of this run that was not used before, at most 50 characters long.
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

    /// The request for an artifact of this name.
    ///
    /// # Errors
    /// The name is not one of this run's.
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

    /// The request for a version of a type, in the artifact of this name.
    ///
    /// # Errors
    /// The artifact is not one of this run's.
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

    /// An artifact of this name, which need not exist.
    pub fn artifact_named(&self, name: impl Into<String>) -> Artifact<'_> {
        Artifact::new(self, self.facts.namespace.clone(), name.into())
    }

    /// An artifact just made.
    ///
    /// # Errors
    /// It cannot be made.
    pub async fn artifact(&self) -> Verdict<Artifact<'_>> {
        let artifact = self.artifact_named(self.name());
        self.create(&artifact.name)?.succeed().await?;
        Ok(artifact)
    }

    /// Whether the run writes nothing.
    pub fn is_read_only(&self) -> bool {
        self.http.server().policy().access == Access::ReadOnly
    }

    /// What the operator named for a run that writes nothing; in any other run a check makes what it reads.
    ///
    /// # Errors
    /// The clause did not say that it needs it.
    pub fn fixture(&self, given: Precondition) -> Verdict<Option<TestArtifact<'_>>> {
        if !self.is_read_only() {
            return Ok(None);
        }
        let verified = told(self.facts.fixture(given))?;
        let Fixture { user, name, .. } = &verified.fixture;
        let artifact = Artifact::new(self, user.clone(), name.clone());
        Ok(Some(TestArtifact::of(verified, artifact)))
    }

    /// An artifact to read: one that the operator named, or one just made.
    ///
    /// # Errors
    /// It cannot be made.
    pub async fn any_artifact(&self) -> Verdict<Artifact<'_>> {
        match self.fixture(Precondition::Artifact)? {
            Some(given) => Ok(given.artifact),
            None => self.artifact().await,
        }
    }

    /// The operator's public artifact, and a type in it that is this run's own.
    ///
    /// # Errors
    /// The clause did not say that it needs one.
    pub fn public_artifact(&self) -> Verdict<(Artifact<'_>, String)> {
        let artifact = self.artifact_named(told(self.facts.public_artifact.as_deref())?);
        Ok((artifact, self.name()))
    }

    /// Compares a body with the snapshot of that name; the artifact is a name of the run, or a slug. What it has beyond that is noted as a difference.
    ///
    /// # Errors
    /// Something is missing, misplaced, or has another value.
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

    /// What differs without breaking a client, and the bodies compared with snapshots.
    pub fn into_findings(self) -> (Vec<String>, Vec<ComparedBody>) {
        (taken(self.notes), taken(self.observed))
    }

    /// The only door to a write: a name of this run, or a type of this run in the operator's public artifact.
    fn guard(&self, name: &str, kind: Option<&str>) -> Verdict {
        let own = |text: &str| text.starts_with(self.prefix.as_str());
        let public = self.facts.public_artifact.as_deref() == Some(name);
        if own(name) || (public && kind.is_some_and(own)) {
            return Ok(());
        }
        Err(CheckFailure::NotSent(format!(
            "refused to write to {name}: it is not of this run"
        )))
    }
}

fn told<T>(fact: Option<T>) -> Verdict<T> {
    fact.ok_or_else(|| {
        CheckFailure::Inconclusive("the clause asks for a fact it did not say it needs".to_owned())
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
            // A check that is put again goes on with the names.
            let names: Vec<_> = (0..99).map(|_| context.name()).collect();
            let different: HashSet<_> = names.iter().collect();
            assert_eq!(different.len(), names.len());
            let longest = names.iter().max_by_key(|name| name.len()).unwrap();
            assert!(longest.len() <= 50, "{longest}");
        }
        assert_ne!(RunPrefix::fresh(), RunPrefix::fresh());
    }
}

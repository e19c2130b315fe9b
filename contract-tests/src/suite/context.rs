//! What a check works with: names that no other run has, artifacts of its own, and calls of the API.
//!
//! All writes pass [`Context::create`] or [`Context::push`], and those pass one guard: nothing is written outside of
//! the names of this run.

use std::sync::{
    Mutex, PoisonError,
    atomic::{AtomicUsize, Ordering},
};

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::{
    failure::{Fault, Verdict, broken},
    http::{Call, Http, exchange::Exchange},
    run::target::Target,
    safety::{journal::Makes, policy::Access},
    suite::{
        artifact::Artifact,
        snapshot::{self, Order},
        test_artifact::{Given, Subject},
    },
};

/// What all names of a run begin with.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct RunPrefix(String);

impl RunPrefix {
    /// A prefix that no other run has: `contract-` and eight hexadecimal digits.
    pub fn fresh() -> Self {
        let id = uuid::Uuid::new_v4().simple().to_string();
        Self(format!("contract-{}-", &id[..8]))
    }

    /// The prefix as text, with its last dash.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl TryFrom<String> for RunPrefix {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        let digits = text
            .strip_prefix("contract-")
            .and_then(|rest| rest.strip_suffix('-'));
        let plain = |c: char| c.is_ascii_digit() || ('a'..='f').contains(&c);
        match digits {
            Some(digits) if digits.len() == 8 && digits.chars().all(plain) => Ok(Self(text)),
            _ => Err(format!("{text:?} is no prefix of a run")),
        }
    }
}

impl From<RunPrefix> for String {
    fn from(prefix: RunPrefix) -> Self {
        prefix.0
    }
}

/// A redacted body that a check compared with a snapshot.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Observed {
    /// The snapshot's name.
    pub name: &'static str,
    /// The body as it came, redacted, as it would stand in the file.
    pub text: String,
}

/// The surroundings of one check.
pub struct Context<'a> {
    target: &'a Target,
    http: &'a Http,
    prefix: &'a RunPrefix,
    clause_id: &'static str,
    names_made: AtomicUsize,
    notes: Mutex<Vec<String>>,
    observed: Mutex<Vec<Observed>>,
}

impl<'a> Context<'a> {
    /// The surroundings for the clause of this id.
    pub fn new(
        target: &'a Target,
        http: &'a Http,
        prefix: &'a RunPrefix,
        clause_id: &'static str,
    ) -> Self {
        Self {
            target,
            http,
            prefix,
            clause_id,
            names_made: AtomicUsize::new(0),
            notes: Mutex::default(),
            observed: Mutex::default(),
        }
    }

    /// The server and what its operator told.
    pub fn target(&self) -> &'a Target {
        self.target
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
        told(self.target.other_token())
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
        let artifact = json!({"username": self.target.namespace(), "name": name});
        let slug = format!("{}/{name}", self.target.namespace());
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
        let artifact = format!("{}/{name}", self.target.namespace());
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
        Artifact::new(self, self.target.namespace().to_owned(), name.into())
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
        self.target.conduct().access == Access::ReadOnly
    }

    /// What the operator named for a run that writes nothing; in any other run a check makes what it reads.
    ///
    /// # Errors
    /// The clause did not say that it needs it.
    pub fn given(&self, given: Given) -> Verdict<Option<Subject<'_>>> {
        if !self.is_read_only() {
            return Ok(None);
        }
        let surveyed = told(self.target.survey().iter().find(|it| it.meets(given)))?;
        let artifact =
            |user: &str, name: &str| Artifact::new(self, user.to_owned(), name.to_owned());
        Ok(Some(surveyed.subject(artifact)))
    }

    /// An artifact to read: one that the operator named, or one just made.
    ///
    /// # Errors
    /// It cannot be made.
    pub async fn any_artifact(&self) -> Verdict<Artifact<'_>> {
        match self.given(Given::Artifact)? {
            Some(given) => Ok(given.artifact),
            None => self.artifact().await,
        }
    }

    /// The operator's public artifact, and a type in it that is this run's own.
    ///
    /// # Errors
    /// The clause did not say that it needs one.
    pub fn public_artifact(&self) -> Verdict<(Artifact<'_>, String)> {
        let artifact = self.artifact_named(told(self.target.public_artifact())?);
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
            .unwrap_or((self.target.namespace(), artifact));
        let came = snapshot::redact(&exchange.json()?, namespace, artifact);
        add(
            &self.observed,
            Observed {
                name,
                text: snapshot::text(&came),
            },
        );
        let expected = snapshot::expected(name)
            .ok_or_else(|| broken(format!("a snapshot named {name}"), "no such file"))?;
        let extra =
            snapshot::compare(&expected, &came, order).map_err(|why| exchange.broken(why))?;
        if !extra.is_empty() {
            add(
                &self.notes,
                format!("more than the contract knows: {}", extra.join(", ")),
            );
        }
        Ok(())
    }

    /// What differs without breaking a client, and the bodies compared with snapshots.
    pub fn into_findings(self) -> (Vec<String>, Vec<Observed>) {
        (taken(self.notes), taken(self.observed))
    }

    /// The only door to a write: a name of this run, or a type of this run in the operator's public artifact.
    fn guard(&self, name: &str, kind: Option<&str>) -> Verdict {
        let own = |text: &str| text.starts_with(self.prefix.as_str());
        let public = self.target.public_artifact() == Some(name);
        if own(name) || (public && kind.is_some_and(own)) {
            return Ok(());
        }
        Err(Fault::Withheld(format!(
            "refused to write to {name}: it is not of this run"
        )))
    }
}

fn told<T>(fact: Option<T>) -> Verdict<T> {
    fact.ok_or_else(|| {
        Fault::Trouble("the clause asks for a fact it did not say it needs".to_owned())
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
    use crate::run::settings::Settings;

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
        let http = Http::new(&target).unwrap();
        let context = Context::new(&target, &http, &prefix, "some.clause");
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
        let http = Http::new(&target).unwrap();
        for clause in crate::suite::clauses::all() {
            let context = Context::new(&target, &http, &prefix, clause.id);
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

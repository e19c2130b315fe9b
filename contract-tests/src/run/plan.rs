//! A plan lists the requests that a run would send. The server is not contacted: the clauses are put to an emulator
//! with the same facts, and each request is recorded on its way.

use std::num::NonZeroUsize;

use serde_json::{Value, json};

use crate::{
    exit_code::ExitCode,
    report::ClauseReport,
    run::{
        Options, Run, RunError,
        settings::{Settings, TargetError},
        target::Target,
    },
    safety::{policy::Policy, run_prefix::RunPrefix},
    suite::{
        clauses,
        fixtures::{Digest, Fixture, KnownFile, KnownVersion, Visibility},
    },
};

const TOKEN: &str = "token-of-the-plan";
const OTHER_TOKEN: &str = "other-token-of-the-plan";
/// Whoever logs in: a login of a real Atlas may be no name of an emulator's.
const LOGIN: &str = "login-of-the-plan";
const PASSWORD: &str = "password-of-the-plan";
const FILE: &str = "the file of the plan";

/// The requests of a run, without secrets, with the address of the server that they are meant for.
pub struct Plan {
    /// What names begin with in this plan; a run draws one of its own.
    pub prefix: RunPrefix,
    /// Those that come before the first clause.
    pub first: Vec<String>,
    /// Each clause with its requests. That of a clause which the emulator does not keep ends too early.
    pub clauses: Vec<(ClauseReport, Vec<String>)>,
}

/// Why there is no plan.
#[derive(Debug, thiserror::Error)]
pub enum PlanError {
    /// The emulator did not start.
    #[error("planning: {0}")]
    Emulator(#[from] TargetError),
    /// It did not do as a server.
    #[error("planning: {0}")]
    Run(#[from] RunError),
}

impl PlanError {
    /// The exit code of a program that ends for it.
    pub fn exit_code(&self) -> ExitCode {
        match self {
            Self::Emulator(_) => ExitCode::SuiteBroke,
            Self::Run(error) => error.exit_code(),
        }
    }
}

impl Plan {
    /// The plan of a run against this target, which is not contacted.
    ///
    /// # Errors
    /// The emulator does not start, or cannot stand in for the target.
    pub async fn of(target: &Target, options: Options) -> Result<Self, PlanError> {
        let stand_in = stand_in(target).await?;
        let root = stand_in.root().to_owned();
        let login = target.facts().login.as_ref();
        let login = login.map_or(LOGIN, |(login, _)| login);
        // It is only ever sent in a form.
        let login: String = form_urlencoded::byte_serialize(login.as_bytes()).collect();
        let shown = |requests: Vec<String>| -> Vec<String> {
            let here = |line: String| line.replace(&root, target.root()).replace(LOGIN, &login);
            requests.into_iter().map(here).collect()
        };
        let once = Options {
            violations_required: NonZeroUsize::MIN,
            ..options
        };
        let run = Run::watched(stand_in, once).await?;
        let first = shown(run.requests());
        let mut clauses = Vec::new();
        for clause in clauses::all() {
            let (report, _) = run.judge(clause).await;
            clauses.push((report, shown(run.requests())));
        }
        Ok(Self {
            prefix: run.prefix().clone(),
            first,
            clauses,
        })
    }

    /// How many requests there are.
    pub fn len(&self) -> usize {
        let of_clauses = self.clauses.iter().map(|(_, requests)| requests.len());
        self.first.len() + of_clauses.sum::<usize>()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

/// An emulator of which the same is told as of the target.
async fn stand_in(target: &Target) -> Result<Target, TargetError> {
    let fixtures = numbered(target.fixtures());
    let facts = target.facts();
    let public = target
        .public_artifact()
        .filter(|_| !target.is_read_only())
        .map(|name| format!("{}/{name}", target.namespace()));
    let seed = seed(&fixtures);
    let settings = Settings {
        token: TOKEN.to_owned(),
        namespace: target.namespace().to_owned(),
        login: facts.login.as_ref().map(|_| LOGIN.to_owned()),
        password: facts.login.as_ref().map(|_| PASSWORD.to_owned()),
        other_token: facts.other_token.as_ref().map(|_| OTHER_TOKEN.to_owned()),
        public_artifact: public,
        max_id_length: facts.max_id_length,
        fixtures,
        policy: Policy {
            access: target.server().policy().access,
            ..Policy::default()
        },
        ..Settings::default()
    };
    Target::emulated(settings, &seed.to_string()).await
}

/// The same artifacts as an emulator can have them: numbered from 1, at least two versions of each, files it has.
fn numbered(fixtures: &[Fixture]) -> Vec<Fixture> {
    let renumber = |fixture: &Fixture| {
        let mut versions = fixture.versions.clone();
        versions.sort_by_key(|it| it.version);
        while versions.len() < 2 {
            versions.insert(0, KnownVersion::default());
        }
        for (number, version) in (1..).zip(&mut versions) {
            version.version = number;
            version.file = version.file.as_ref().map(|_| KnownFile {
                size: FILE.len() as u64,
                sha256: Digest::of(FILE.as_bytes()),
            });
        }
        Fixture {
            versions,
            ..fixture.clone()
        }
    };
    fixtures.iter().map(renumber).collect()
}

/// The seed that plants them. An artifact may stand in several fixtures, one for each type.
fn seed(fixtures: &[Fixture]) -> Value {
    let mut artifacts: Vec<Value> = Vec::new();
    for fixture in fixtures {
        let slug = format!("{}/{}", fixture.user, fixture.name);
        let at = artifacts.iter().position(|it| it["name"] == slug.as_str());
        let at = at.unwrap_or_else(|| {
            artifacts.push(json!({"name": slug, "public": false, "versions": []}));
            artifacts.len() - 1
        });
        if fixture.visibility == Some(Visibility::Public) {
            artifacts[at]["public"] = true.into();
        }
        if let Some(versions) = artifacts[at]["versions"].as_array_mut() {
            versions.extend(fixture.versions.iter().map(|it| version(&fixture.kind, it)));
        }
    }
    json!({"artifacts": artifacts})
}

fn version(kind: &str, known: &KnownVersion) -> Value {
    let mut version = json!({"type": kind, "id": "planned", "metadata": known.metadata});
    if known.file.is_some() {
        version["file"] = json!({"text": FILE});
    }
    version
}

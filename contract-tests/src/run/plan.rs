//! A plan lists the requests that a run would send. The server is not contacted: the clauses are checked against an
//! emulator with the same settings, and each request is recorded.

use std::num::NonZeroUsize;

use serde_json::{Value, json};

use crate::{
    exit_code::ExitCode,
    report::ClauseReport,
    run::{
        Options, Run, RunError,
        settings::{Settings, TargetError},
        target::{ROOT, Target},
    },
    safety::{policy::Policy, run_prefix::RunPrefix},
    suite::{
        clauses,
        fixtures::{BoxFixture, Digest, Fixture, Fixtures, KnownFile, KnownVersion, Visibility},
    },
};

const TOKEN: &str = "token-of-the-plan";
const OTHER_TOKEN: &str = "other-token-of-the-plan";
/// The login of the plan, since a login of a real Atlas may not be valid in the emulator.
const LOGIN: &str = "login-of-the-plan";
const PASSWORD: &str = "password-of-the-plan";
/// The user with two factors of the plan, for the same reason.
const TWO_FACTOR: &str = "two-factor-of-the-plan";
const FILE: &str = "the file of the plan";

/// The requests that a run would send to its server, without secrets.
pub struct Plan {
    /// The prefix of names in this plan; a run draws its own.
    pub prefix: RunPrefix,
    /// The requests before the first clause.
    pub first: Vec<String>,
    /// Each clause with its requests. The list is incomplete for a clause that the emulator violates.
    pub clauses: Vec<(ClauseReport, Vec<String>)>,
}

/// The reason why there is no plan.
#[derive(Debug, thiserror::Error)]
pub enum PlanError {
    /// The emulator did not start.
    #[error("planning: {0}")]
    Emulator(#[from] TargetError),
    /// The run against the emulator did not start.
    #[error("planning: {0}")]
    Run(#[from] RunError),
}

impl PlanError {
    /// Returns the exit code of a program that ends with this error.
    pub fn exit_code(&self) -> ExitCode {
        match self {
            Self::Emulator(_) => ExitCode::SuiteBroke,
            Self::Run(error) => error.exit_code(),
        }
    }
}

impl Plan {
    /// Returns the plan of a run against this target, which is not contacted.
    ///
    /// # Errors
    /// Fails when the emulator does not start, or when it cannot take the target's place.
    pub async fn of(target: &Target, options: Options) -> Result<Self, PlanError> {
        let stand_in = stand_in(target).await?;
        let root = stand_in.root().to_owned();
        let login = target.facts().login.as_ref();
        let login = login.map_or(LOGIN, |(login, _)| login);
        // A login is sent only in forms, which encode it.
        let login: String = form_urlencoded::byte_serialize(login.as_bytes()).collect();
        let two_factor = target.facts().two_factor.as_ref();
        let two_factor = two_factor.map_or(TWO_FACTOR, |(login, _)| login);
        let readdressed = |requests: Vec<String>| -> Vec<String> {
            let line = |line: String| {
                line.replace(&root, target.root())
                    .replace(TWO_FACTOR, two_factor)
                    .replace(LOGIN, &login)
            };
            requests.into_iter().map(line).collect()
        };
        let once = Options {
            violations_required: NonZeroUsize::MIN,
            ..options
        };
        let run = Run::with_request_log(stand_in, once).await?;
        let first = readdressed(run.requests());
        let mut clauses = Vec::new();
        for clause in clauses::all() {
            let (report, _) = run.judge(clause).await;
            clauses.push((report, readdressed(run.requests())));
        }
        Ok(Self {
            prefix: run.prefix().clone(),
            first,
            clauses,
        })
    }

    /// Returns the number of requests.
    pub fn len(&self) -> usize {
        let of_clauses = self.clauses.iter().map(|(_, requests)| requests.len());
        self.first.len() + of_clauses.sum::<usize>()
    }

    /// Tells whether the plan has no requests.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

/// Starts an emulator with the target's settings and fixtures.
async fn stand_in(target: &Target) -> Result<Target, TargetError> {
    let Fixtures { artifacts, boxes } = target.fixtures();
    let fixtures = Fixtures {
        artifacts: numbered(artifacts),
        boxes: boxes.iter().map(planned).collect(),
    };
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
        client_id: facts.client.as_ref().map(|_| ROOT.to_owned()),
        client_secret: facts.client.as_ref().map(|_| TOKEN.to_owned()),
        two_factor_login: facts.two_factor.as_ref().map(|_| TWO_FACTOR.to_owned()),
        two_factor_password: facts.two_factor.as_ref().map(|_| PASSWORD.to_owned()),
        fixtures,
        policy: Policy {
            access: target.server().policy().access,
            ..Policy::default()
        },
        ..Settings::default()
    };
    Target::emulated(settings, &seed.to_string()).await
}

/// Returns the fixtures in a form that an emulator can have: at least two versions each, numbered from 1, with files
/// of the plan's own content.
fn numbered(fixtures: &[Fixture]) -> Vec<Fixture> {
    let renumber = |fixture: &Fixture| {
        let mut versions = fixture.versions.clone();
        versions.sort_by_key(|it| it.version);
        while versions.len() < 2 {
            versions.insert(0, KnownVersion::default());
        }
        for (number, version) in (1..).zip(&mut versions) {
            version.version = number;
            version.file = version.file.as_ref().map(|_| known_file());
        }
        Fixture {
            versions,
            ..fixture.clone()
        }
    };
    fixtures.iter().map(renumber).collect()
}

/// Returns the emulator's seed for the fixtures. Several fixtures may share an artifact, one for each type.
fn seed(fixtures: &Fixtures) -> Value {
    let mut artifacts: Vec<Value> = Vec::new();
    for fixture in &fixtures.artifacts {
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
    artifacts.extend(fixtures.boxes.iter().map(box_artifact));
    json!({"artifacts": artifacts})
}

/// Returns the box with a file of the plan's own content.
fn planned(fixture: &BoxFixture) -> BoxFixture {
    let mut planned = fixture.clone();
    planned.file = planned.file.map(|_| known_file());
    planned
}

/// Returns the seed of the artifact that is a box.
fn box_artifact(fixture: &BoxFixture) -> Value {
    let mut metadata = json!({"provider": fixture.provider, "version": fixture.version});
    if let Some(architecture) = &fixture.architecture {
        metadata["architecture"] = architecture.as_str().into();
    }
    let file = json!({"text": FILE});
    let version =
        json!({"type": "vagrant.box", "id": "planned", "metadata": metadata, "file": file});
    json!({
        "name": format!("{}/{}", fixture.user, fixture.name),
        "public": fixture.visibility == Some(Visibility::Public),
        "versions": [version],
    })
}

fn known_file() -> KnownFile {
    KnownFile {
        size: FILE.len() as u64,
        sha256: Digest::of(FILE.as_bytes()),
    }
}

fn version(kind: &str, known: &KnownVersion) -> Value {
    let mut version = json!({"type": kind, "id": "planned", "metadata": known.metadata});
    if known.file.is_some() {
        version["file"] = json!({"text": FILE});
    }
    version
}

//! Runs a trial: one push through a proxy of its own, which is finished from its receipt, and a pull of its
//! file. After each run the trial asks the Atlas itself which versions exist.

use std::io::ErrorKind;
use std::sync::Arc;
use std::time::Duration;

use atlas_uploader::api::atlas_url::AtlasUrl;
use atlas_uploader::api::retry::RetryPolicy;
use atlas_uploader::api::wire::Version;
use atlas_uploader::api::{SearchQuery, Trust};
use atlas_uploader::pull::{Pull, Pulled, Target, pull};
use atlas_uploader::push::pack::Options;
use atlas_uploader::push::proceed;
use atlas_uploader::push::receipt::ReceiptFile;
use atlas_uploader::{Cause, Client, ClientOptions, Error, Push, PushOutcome};
use fastrand::Rng;
use tokio::time::timeout;

use super::plan::{Plan, Subject, Tally, mixed};
use super::proxy::Proxy;
use crate::support::program::Program;
use crate::support::{gzip, options, push_of, push_without_file};

pub(crate) const TOKEN: &str = "canary-T0ken";
const FILE: &str = "disk.img.gz";
const RECEIPT: &str = "push.json";
const KIB: usize = 1024;

/// The time for which a client waits for a reply.
const SHORT: Duration = Duration::from_secs(1);

/// The time after which a run counts as endless: all waits of a client in a run take a few seconds.
const ENDS: Duration = Duration::from_secs(30);

/// The environment that all trials share.
pub(crate) struct Environment {
    /// The address of the Atlas.
    pub(crate) atlas: String,
    /// A client that sends its requests directly to the Atlas.
    pub(crate) direct: Client,
    pub(crate) seed: u64,
}

/// The end of a run of a push.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum End {
    /// It succeeded, with this version.
    Done(u64),
    /// It ended with a version in doubt.
    InDoubt(String),
    Failed(String),
    /// It did not end.
    Endless,
}

/// The outcome of a trial.
pub(crate) struct Outcome {
    /// The description of the push.
    pub(crate) what: String,
    /// The end of its first run.
    pub(crate) first: End,
    /// The violations.
    pub(crate) wrong: Vec<String>,
    /// The journal of all events, in order.
    pub(crate) journal: Vec<String>,
    pub(crate) tally: Tally,
}

struct Trial {
    /// Runs the push if it is not run in this process, and provides the folder in both cases.
    program: Program,
    by_program: bool,
    number: u64,
    push: Push,
    content: Option<Vec<u8>>,
    proxy: Proxy,
    environment: Arc<Environment>,
    wrong: Vec<String>,
}

/// Runs the trial with this number, up to the last check.
pub(crate) async fn trial(environment: Arc<Environment>, number: u64) -> Outcome {
    let mut trial = Trial::new(environment, number).await;
    let first = trial.run("pushed", SHORT).await;
    // This is checked only for the first run, because a later one may fail before it searches.
    if matches!(first, End::Failed(_)) && trial.content.is_none() {
        let seen = trial.seen().await;
        let none = seen.is_empty();
        trial.check(none, "there is a version, and it was not in doubt");
    }
    trial.run("resumed", SHORT).await;
    trial.proxy.plan(Plan::calm);
    let last = trial.run("resumed in calm", ENDS).await;
    trial.check(matches!(last, End::Done(_)), "it could not be finished");
    if let (End::Done(version), Some(_)) = (last, &trial.content) {
        trial.proxy.plan(Plan::next_phase);
        trial.pull(version, SHORT).await;
        trial.proxy.plan(Plan::calm);
        let pulled = trial.pull(version, ENDS).await;
        trial.check(pulled, "it could not be pulled in calm");
    }
    Outcome {
        what: trial.what(),
        first,
        wrong: trial.wrong,
        journal: trial.proxy.journal(),
        tally: trial.proxy.plan(|plan| plan.tally().clone()),
    }
}

impl Trial {
    async fn new(environment: Arc<Environment>, number: u64) -> Self {
        let seed = environment.seed;
        let size = size(number);
        let subject = Subject {
            number,
            is_large: size.is_some_and(|size| size > 4096 * KIB),
            has_digest: size.is_none() || number % 3 != 1,
        };
        let proxy = Proxy::start(
            &environment.atlas,
            Plan::new(seed, subject),
            subject.has_digest,
        )
        .await;
        let program = Program::at(proxy.url(), TOKEN);
        let content = size.map(|size| content(mixed(seed, [number]), size));
        let push = match &content {
            Some(content) => {
                program.write(FILE, content);
                push_of(&program.path(FILE))
            }
            None => push_without_file("ami-1"),
        };
        let digest = subject.has_digest;
        let push = Push {
            name: format!("acme/soak-{number}").parse().unwrap(),
            packing: Options {
                digest,
                ..push.packing
            },
            idempotency_key: digest.then(|| format!("mark-{number}")),
            ..push
        };
        Self {
            program,
            by_program: digest && content.is_some() && number % 8 == 7,
            number,
            push,
            content,
            proxy,
            environment,
            wrong: Vec::new(),
        }
    }

    fn what(&self) -> String {
        let Push {
            name,
            idempotency_key: mark,
            ..
        } = &self.push;
        let bytes = self.content.as_ref().map(Vec::len);
        let by_program = self.by_program;
        format!("{name}: bytes {bytes:?}, mark {mark:?}, by the program {by_program}")
    }

    fn check(&mut self, is_so: bool, or_else: &str) {
        if !is_so {
            self.proxy.note(format!("WRONG: {or_else}"));
            self.wrong.push(or_else.to_owned());
        }
    }

    /// Begins or resumes the push, and checks the resulting state.
    async fn run(&mut self, how: &str, patience: Duration) -> End {
        let ended = if self.by_program {
            timeout(ENDS, self.program_run(patience)).await
        } else {
            timeout(ENDS, self.library_run(patience)).await
        };
        let end = ended.unwrap_or(End::Endless);
        self.proxy.quiet().await;
        self.proxy.note(format!("=== {how}: {end:?}"));
        self.judge(&end).await;
        end
    }

    async fn library_run(&self, patience: Duration) -> End {
        let options = self.options(patience);
        let mut receipt = self.receipt(&options.url).await;
        let client = Client::new(options).unwrap();
        end_of(proceed(&client, &mut receipt, 0).await)
    }

    async fn receipt(&self, url: &AtlasUrl) -> ReceiptFile {
        let path = self.program.path(RECEIPT);
        if !path.exists() {
            let pushes = vec![self.push.clone()];
            return ReceiptFile::create(&path, url, pushes).await.unwrap();
        }
        loop {
            match ReceiptFile::open(&path, url).await {
                // Another trial that is starting the program has copies of all open files for a moment,
                // including this one with its lock.
                Err(error) if is_busy(&error) => {
                    tokio::time::sleep(Duration::from_millis(1)).await;
                }
                opened => return opened.unwrap(),
            }
        }
    }

    fn options(&self, patience: Duration) -> ClientOptions {
        ClientOptions {
            // The delays are short, because no other load is on this Atlas.
            retry: RetryPolicy {
                attempts: 3,
                first_delay: Duration::from_millis(1),
                max_delay: Duration::from_millis(20),
                settle: Duration::from_millis(500),
                jitter: |longest| longest,
                ..RetryPolicy::default()
            },
            // All connections are plain HTTP, so the certificates of the system need not be read.
            trust: Trust {
                insecure: true,
                ..Trust::default()
            },
            api_timeout: patience,
            stall_timeout: patience,
            ..options(self.proxy.url(), TOKEN)
        }
    }

    async fn program_run(&self, patience: Duration) -> End {
        let (name, seconds) = (self.push.name.to_string(), patience.as_secs().to_string());
        let begin = ["push", &name, "--type", "custom.image", FILE];
        let arguments = if self.program.path(RECEIPT).exists() {
            vec!["push", "--resume", RECEIPT]
        } else {
            [&begin[..], &["--receipt", RECEIPT]].concat()
        };
        let limits = ["--retries", "2", "--timeout", &seconds];
        let run = self.program.run(&[&arguments[..], &limits].concat()).await;
        match run.code {
            0 => {
                let version = run.stdout.trim().rsplit('/').next();
                End::Done(version.unwrap().parse().unwrap())
            }
            9 => End::InDoubt(run.stderr),
            _ => End::Failed(run.stderr),
        }
    }

    /// Returns the visible versions of this push.
    async fn seen(&self) -> Vec<Version> {
        let Push {
            name,
            artifact_type,
            ..
        } = &self.push;
        let all = SearchQuery::default();
        match self
            .environment
            .direct
            .search(name, artifact_type, &all)
            .await
        {
            Err(error) if error.status() == Some(404) => Vec::new(),
            found => found.unwrap(),
        }
    }

    /// Checks the properties that must hold after every run, however it ended.
    async fn judge(&mut self, end: &End) {
        let receipt = std::fs::read(self.program.path(RECEIPT)).unwrap();
        let receipt: serde_json::Value = serde_json::from_slice(&receipt).unwrap();
        let receipt = &receipt["pushes"][0];
        let mark = receipt["push"]["mark"].as_str();
        let seen = self.seen().await;
        let count = seen.len();
        self.check(count <= 1, &format!("{count} versions can be seen"));
        for version in &seen {
            let theirs = version.metadata.get("atlas-upload.push");
            self.check(theirs == mark, "a version has another mark");
            self.judge_bytes(version).await;
        }
        let has_file = self.content.is_some();
        let fits = receipt["state"] != "planned" || seen.is_empty();
        self.check(fits, "it is planned, and there is a version");
        match end {
            End::Done(version) => {
                let is_there = seen.iter().any(|seen| seen.version == *version);
                self.check(is_there, "it is done, and there is no such version");
                let is_kept = receipt["state"] == "done";
                self.check(is_kept, "it is done, and its receipt is not");
            }
            End::InDoubt(_) => self.check(!has_file, "a version with a file is in doubt"),
            End::Failed(_) => {}
            End::Endless => self.check(false, "it does not end"),
        }
    }

    async fn judge_bytes(&mut self, version: &Version) {
        let has_file = self.content.is_some();
        self.check(version.file == has_file, "a version has a file, or none");
        if has_file {
            let path = self.program.path("seen");
            let request = self.pull_of(Some(version.version));
            let target = Target::File(path.clone());
            let pulled = pull(&self.environment.direct, &request, target).await;
            let same = pulled.is_ok() && std::fs::read(path).ok() == self.content;
            self.check(same, "a version can be seen that has other bytes");
        }
    }

    fn pull_of(&self, version: Option<u64>) -> Pull {
        Pull {
            name: self.push.name.clone(),
            artifact_type: self.push.artifact_type.clone(),
            version,
        }
    }

    /// Pulls the file, and returns whether it succeeded with the right bytes.
    async fn pull(&mut self, version: u64, patience: Duration) -> bool {
        // Half of the trials pull the newest version.
        let request = self.pull_of(Some(version).filter(|_| self.number.is_multiple_of(2)));
        let path = self.program.path("pulled");
        let client = Client::new(self.options(patience)).unwrap();
        let ended = timeout(ENDS, pull(&client, &request, Target::File(path.clone()))).await;
        drop(client);
        self.proxy.quiet().await;
        self.proxy.note(format!("=== pulled: {ended:?}"));
        let there = std::fs::read(&path).ok();
        match ended {
            Ok(Ok(Pulled { bytes, .. })) => {
                let same =
                    there == self.content && there.map(|there| there.len() as u64) == Some(bytes);
                self.check(same, "what was pulled is not what was pushed");
                std::fs::remove_file(&path).unwrap();
                same
            }
            Ok(Err(_)) => {
                self.check(there.is_none(), "a pull failed, and left a file");
                false
            }
            Err(_) => {
                self.check(false, "a pull does not end");
                false
            }
        }
    }
}

fn is_busy(error: &Error) -> bool {
    matches!(error.cause(), Cause::File { source, .. } if source.kind() == ErrorKind::ResourceBusy)
}

/// Returns the length of the file of a push, if it has one.
fn size(number: u64) -> Option<usize> {
    match number % 40 {
        // This is more than the socket buffers between a client and a server that does not read.
        0 => Some(8 * 1024 * KIB),
        1..=6 => Some(1024 * KIB),
        7..=23 => Some(64 * KIB),
        _ => None,
    }
}

/// Returns bytes that no other push has. They begin as gzip does, so that they are sent unchanged.
fn content(seed: u64, length: usize) -> Vec<u8> {
    let mut noise = vec![0; length];
    Rng::with_seed(seed).fill(&mut noise);
    [gzip(b""), noise].concat()
}

fn end_of(result: Result<PushOutcome, Error>) -> End {
    match result {
        Ok(outcome) => End::Done(outcome.version),
        Err(error) if matches!(error.cause(), Cause::InDoubt(_)) => End::InDoubt(error.to_string()),
        Err(error) => End::Failed(error.to_string()),
    }
}

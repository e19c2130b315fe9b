//! A run's journal names everything that the run made on a server, and `cleanup` removes it if the server can.

use std::{
    collections::BTreeSet,
    fs,
    path::{Path, PathBuf},
    process::Stdio,
    sync::Mutex,
};

use atlas_contract_tests::{
    run::settings::Settings,
    safety::journal::{CreatedObject, Record},
    self_test::proxy::{PassThrough, Proxy, Reply, ReplyInterceptor, Request},
};
use axum::http::Method;
use tokio::sync::oneshot;

use crate::support::{
    program::{Output, aimed_at, program, run, told_by_operator},
    proxy,
};

/// A folder for the journal of a run.
struct Kept {
    folder: tempfile::TempDir,
}

impl Kept {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        Self { folder }
    }

    fn folder(&self) -> &str {
        self.folder.path().to_str().unwrap()
    }

    fn journal(&self) -> PathBuf {
        let mut files = fs::read_dir(self.folder.path()).unwrap();
        files.next().unwrap().unwrap().path()
    }
}

async fn cleanup(journal: &Path, settings: &Settings) -> Output {
    let journal = journal.to_str().unwrap();
    run(&["cleanup", "--journal", journal, "--token", &settings.token]).await
}

/// Returns the numbers of artifacts and versions in the emulator.
async fn held(proxy: &Proxy) -> (u64, u64) {
    let client = reqwest::Client::builder().no_proxy().build().unwrap();
    let metrics = client.get(format!("{}/_mock/metrics", proxy.url));
    let text = metrics.send().await.unwrap().text().await.unwrap();
    let gauge = |name: &str| {
        let line = text.lines().find_map(|line| line.strip_prefix(name));
        line.unwrap().trim().parse().unwrap()
    };
    (
        gauge("mock_atlas_artifacts "),
        gauge("mock_atlas_versions "),
    )
}

/// Returns the paths of all writes to artifacts that the server received.
fn written(proxy: &Proxy) -> BTreeSet<String> {
    let seen = proxy.seen();
    let posts = seen.iter().filter(|it| it.method == Method::POST);
    let paths = posts.filter_map(|it| it.path().strip_prefix("/api/v1/artifacts/"));
    paths.map(str::to_owned).collect()
}

/// Returns the paths of all writes to artifacts that a journal names.
fn announced(record: &Record) -> BTreeSet<String> {
    let objects = record.writes.iter().map(|(object, _)| object);
    let paths = objects.filter_map(|object| match object {
        CreatedObject::Version { artifact, kind } => Some(format!("{artifact}/{kind}")),
        _ => None,
    });
    paths.collect()
}

#[tokio::test]
async fn a_run_that_was_killed_leaves_a_journal_of_all_it_made() {
    let (sender, killing) = oneshot::channel();
    let (sender, writes) = (Mutex::new(Some(sender)), Mutex::new(0));
    let proxy = proxy(ReplyInterceptor(move |request: &Request, _: &mut Reply| {
        let mut writes = writes.lock().unwrap();
        *writes += usize::from(request.method == Method::POST);
        if *writes == 60 {
            sender.lock().unwrap().take().map(|it| it.send(()));
        }
    }))
    .await;
    let (kept, settings) = (Kept::new(), proxy.settings());
    let told = told_by_operator(&settings);
    let args = [&told[..], &["--journal", kept.folder()]].concat();
    let mut child = program(&aimed_at(&settings, &args))
        .stdout(Stdio::null())
        .spawn()
        .unwrap();
    killing.await.unwrap();
    child.kill().await.unwrap();
    let record = Record::read(&kept.journal()).unwrap();
    let unknown: Vec<_> = written(&proxy)
        .difference(&announced(&record))
        .cloned()
        .collect();
    assert!(unknown.is_empty(), "{unknown:?}");
    let (artifacts, versions) = held(&proxy).await;
    assert!(artifacts > 10 && versions > 10, "{artifacts} {versions}");
    let output = cleanup(&kept.journal(), &settings).await;
    assert_eq!(output.code, 0, "{}{}", output.stdout, output.stderr);
    // Only the operator's own artifact remains.
    assert_eq!(held(&proxy).await, (1, 0), "{}", output.stdout);
}

#[tokio::test]
async fn everything_of_a_whole_run_is_removed_and_nothing_else_and_once_is_enough() {
    let proxy = proxy(PassThrough).await;
    let (kept, settings) = (Kept::new(), proxy.settings());
    let told = told_by_operator(&settings);
    let other = run(&aimed_at(&settings, &["--filter", "artifacts.create"])).await;
    assert_eq!(other.code, 0);
    let before = held(&proxy).await;
    let args = [&told[..], &["--journal", kept.folder()]].concat();
    let output = run(&aimed_at(&settings, &args)).await;
    let command = format!(
        "atlas-contract cleanup --journal {}\n",
        kept.journal().display()
    );
    assert!(output.stdout.contains(&command), "{}", output.stdout);
    assert!(held(&proxy).await.0 > 50);
    let first = cleanup(&kept.journal(), &settings).await;
    assert_eq!(first.code, 0, "{}{}", first.stdout, first.stderr);
    assert_eq!(held(&proxy).await, before);
    assert!(
        first
            .stdout
            .contains("removed  versions of acme/public/contract-")
    );
    assert!(
        first
            .stdout
            .contains("removed  token described as contract-")
    );
    let second = cleanup(&kept.journal(), &settings).await;
    assert_eq!(second.code, 0);
    let things = Record::read(&kept.journal()).unwrap().writes.len();
    let count = second
        .stdout
        .rsplit_once(": 0 removed, 0 left, ")
        .unwrap()
        .1;
    let absent: usize = count.split(' ').next().unwrap().parse().unwrap();
    assert!((50..things).contains(&absent), "{}", second.stdout);
}

/// Hides the emulator's own API, which a real Atlas does not have.
fn knows_no_mock(request: &mut Request) {
    if request.path().starts_with("/_mock") {
        request.target = "/no-such-path".to_owned();
    }
}

#[tokio::test]
async fn what_a_server_cannot_remove_is_listed_exactly_and_ends_in_six() {
    let proxy = proxy(atlas_contract_tests::self_test::proxy::RequestInterceptor(
        knows_no_mock,
    ))
    .await;
    let (kept, settings) = (Kept::new(), proxy.settings());
    let told = told_by_operator(&settings);
    let args = [
        &told[..],
        &["--filter", "auth.", "--journal", kept.folder()],
    ]
    .concat();
    assert_eq!(run(&aimed_at(&settings, &args)).await.code, 0);
    let output = cleanup(&kept.journal(), &settings).await;
    assert_eq!(output.code, 6, "{}{}", output.stdout, output.stderr);
    let writes = proxy.seen();
    assert!(writes.iter().all(|it| it.method != Method::DELETE));
    let record = Record::read(&kept.journal()).unwrap();
    let made = record
        .writes
        .iter()
        .filter_map(|(object, status)| match object {
            CreatedObject::Artifact(slug) if *status == Some(200) => {
                Some(format!("left     artifact {slug}"))
            }
            _ => None,
        });
    let listed = |start: &'static str| {
        let lines = output
            .stdout
            .lines()
            .filter(move |line| line.starts_with(start));
        lines.map(str::to_owned).collect::<BTreeSet<_>>()
    };
    assert_eq!(listed("left     artifact"), made.collect());
    assert_eq!(listed("left     versions").len(), 3, "{}", output.stdout);
    assert_eq!(listed("left     token").len(), 1, "{}", output.stdout);
}

#[tokio::test]
async fn a_file_that_is_no_journal_or_names_resources_of_others_removes_nothing() {
    let proxy = proxy(PassThrough).await;
    let (kept, settings) = (Kept::new(), proxy.settings());
    let filter = ["--filter", "artifacts.create", "--journal", kept.folder()];
    run(&aimed_at(&settings, &filter)).await;
    let text = fs::read_to_string(kept.journal()).unwrap();
    let first = text.lines().next().unwrap();
    let forged = r#"{"event":"write","number":1,"makes":{"artifact":"acme/public"}}"#;
    let seen = proxy.seen().len();
    for (text, named) in [
        (
            format!("{first}\n{forged}\n"),
            ":2: the write does not belong to the run",
        ),
        (first.replace("contract-", "") + "\n", ":1: "),
        (String::new(), ":1: the file records no run"),
    ] {
        fs::write(kept.journal(), text).unwrap();
        let output = cleanup(&kept.journal(), &settings).await;
        assert_eq!(output.code, 2);
        assert!(output.stderr.contains(named), "{}", output.stderr);
    }
    assert_eq!(proxy.seen().len(), seen);
}

#[tokio::test]
async fn without_a_place_for_the_journal_nothing_is_written() {
    let proxy = proxy(PassThrough).await;
    let kept = Kept::new();
    let taken = kept.folder.path().join("taken.jsonl");
    fs::write(&taken, "of another run").unwrap();
    let missing = kept.folder.path().join("no/such/folder/run.jsonl");
    for file in [&taken, &missing] {
        let journal = ["--journal", file.to_str().unwrap()];
        let output = run(&aimed_at(&proxy.settings(), &journal)).await;
        assert_eq!(output.code, 2, "{}", output.stdout);
        assert!(output.stderr.contains("--journal"), "{}", output.stderr);
    }
    assert_eq!(fs::read_to_string(&taken).unwrap(), "of another run");
    assert!(proxy.seen().iter().all(|it| it.method == Method::GET));
}

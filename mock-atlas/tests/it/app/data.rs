//! Tests an emulator that keeps its data in a folder.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::time::{Duration, UNIX_EPOCH};

use mock_atlas::{Clock, MockAtlas, Seed, StartError};
use reqwest::Method;
use rustix::process::Signal;
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::sync::mpsc::{UnboundedSender, unbounded_channel};

use crate::support::program::Program;
use crate::support::{FILE, Fixture, Reply, http, upload_path};

/// Starts an emulator on a folder, with the users and artifacts of the other tests.
async fn start(folder: &Path) -> Fixture {
    Fixture::with(|builder| builder.data(folder)).await
}

#[tokio::test]
async fn everything_is_there_after_a_start_on_the_same_folder() {
    let folder = tempfile::tempdir().unwrap();
    let fixture = start(folder.path()).await;
    fixture.make_artifact("acme", "web").await;
    fixture.push(b"the first file").await;
    fixture
        .make_version(json!({"id": "y", "metadata": {"os": "debian"}}))
        .await;
    let provider = fixture.push_box().await;
    let shown = fixture.get(&provider).await.json();
    let token = fixture
        .mock(
            Method::POST,
            "/tokens",
            Some(json!({"token": {"username": "rival"}})),
        )
        .await
        .json();
    fixture.atlas.stop().await;

    let again = start(folder.path()).await;
    assert_eq!(again.found("").await, [2, 1]);
    let filter = "metadata.1.key=os&metadata.1.value=debian";
    assert_eq!(again.found(filter).await, [2]);
    let file = again.get(&format!("{FILE}/1/file")).await;
    assert_eq!(file.body, "the first file");
    let after = again.get(&provider).await.json();
    assert_eq!(without_host(&shown), without_host(&after));
    let authenticate = "/api/v1/authenticate";
    for token in ["RIVAL", token["token"].as_str().unwrap()] {
        let asked = again
            .anonymous(Method::GET, authenticate)
            .bearer_auth(token);
        assert_eq!(asked.send().await.unwrap().status(), 200, "{token}");
    }
    // Numbers go on.
    let next = again.make_version(json!({"id": "z"})).await;
    assert_eq!(next["version"], 3);
}

/// Removes the address of the emulator, which has another port at each start.
fn without_host(provider: &Value) -> Value {
    let mut provider = provider.clone();
    let url = provider["download_url"].as_str().unwrap();
    let path = url.split_once("/acme/").unwrap().1.to_owned();
    provider["download_url"] = path.into();
    provider
}

#[tokio::test]
async fn numbers_order_and_uploads_stay_right_when_the_clock_is_set_back() {
    const DAY: Duration = Duration::from_secs(24 * 60 * 60);
    let folder = tempfile::tempdir().unwrap();
    let start = async |days: u32| {
        let clock = Clock::fixed(UNIX_EPOCH + days * DAY);
        Fixture::with(|builder| builder.data(folder.path()).clock(clock)).await
    };
    let later = start(9).await;
    later.make_artifact("acme", "web").await;
    later.push(b"one").await;
    let awaited = later.make_version(json!({"id": "y", "file": true})).await;
    later.push_box().await;
    later.atlas.stop().await;

    let earlier = start(1).await;
    let upload = upload_path(&awaited);
    let path = upload.splitn(4, '/').nth(3).unwrap();
    let url = format!("{}/{path}", earlier.atlas.url());
    assert_eq!(earlier.put(&url, b"two").await.status, 200);
    assert_eq!(earlier.push(b"three").await["version"], 3);
    assert_eq!(earlier.found("").await, [3, 2, 1]);
    assert_eq!(earlier.found("version=latest").await, [3]);
    assert_eq!(
        earlier.get(&format!("{FILE}/latest/file")).await.body,
        "three"
    );
    let new = json!({"version": {"version": "1.1.0"}});
    let made = earlier.post("/api/v2/box/acme/debian/versions", new).await;
    assert_eq!(made.status, 200, "{}", made.body);
    let authenticate = earlier.anonymous(Method::GET, "/api/v1/authenticate");
    let asked = authenticate.bearer_auth("RIVAL").send().await.unwrap();
    assert_eq!(asked.status(), 200);
}

#[tokio::test]
async fn a_seed_fills_a_new_folder_and_no_other() {
    let folder = tempfile::tempdir().unwrap();
    let seed = |name: &str| Seed::from_json(&json!({"artifacts": [{"name": name}]}).to_string());
    let start = async |name| {
        let seed = seed(name).unwrap();
        Fixture::with(|builder| builder.data(folder.path()).seed(seed)).await
    };
    let first = start("acme/first").await;
    first.atlas.stop().await;
    let second = start("acme/second").await;
    assert_eq!(second.get("/api/v1/artifacts/acme/first").await.status, 200);
    assert_eq!(
        second.get("/api/v1/artifacts/acme/second").await.status,
        404
    );
}

#[tokio::test]
async fn a_folder_in_use_is_refused_by_name_and_process() {
    let folder = tempfile::tempdir().unwrap();
    let _first = start(folder.path()).await;
    let refused = MockAtlas::builder().data(folder.path()).start().await;
    let Err(StartError::Data(reason)) = refused else {
        panic!("{refused:?}");
    };
    let process = std::process::id().to_string();
    assert!(reason.contains(&process), "{reason}");
    assert!(reason.contains(folder.path().to_str().unwrap()), "{reason}");
}

#[tokio::test]
async fn a_database_of_a_newer_program_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    start(folder.path()).await.atlas.stop().await;
    let database = rusqlite::Connection::open(folder.path().join("atlas.sqlite3")).unwrap();
    database.pragma_update(None, "user_version", 99).unwrap();
    drop(database);
    let refused = MockAtlas::builder().data(folder.path()).start().await;
    let reason = refused.unwrap_err().to_string();
    assert!(reason.contains("schema 99"), "{reason}");
}

#[tokio::test]
async fn what_is_kept_is_reset_restored_and_seeded_only_where_that_is_allowed() {
    let folder = tempfile::tempdir().unwrap();
    let fixture = start(folder.path()).await;
    fixture.make_artifact("acme", "web").await;
    let snapshot = fixture.request(Method::POST, "/_mock/snapshot");
    let snapshot = snapshot.send().await.unwrap().bytes().await.unwrap();
    let restore = |fixture: &Fixture| {
        let restore = fixture.request(Method::POST, "/_mock/restore");
        restore.body(snapshot.clone()).send()
    };
    for path in ["/reset", "/seed"] {
        let refused = fixture.mock(Method::POST, path, Some(json!({}))).await;
        assert_eq!(refused.status, 409, "{path}");
        assert!(refused.body.contains("--allow-reset"), "{}", refused.body);
    }
    assert_eq!(restore(&fixture).await.unwrap().status(), 409);
    fixture.atlas.stop().await;

    let data = folder.path();
    let fixture = Fixture::with(|builder| builder.data(data).allow_reset()).await;
    let reset = fixture.mock(Method::POST, "/reset", None).await;
    assert_eq!(reset.status, 204, "{}", reset.body);
    let artifact = "/api/v1/artifacts/acme/web";
    assert_eq!(fixture.get(artifact).await.status, 404);
    // The contents of the start are back.
    let public = fixture.get("/api/v1/artifacts/acme/public").await;
    assert_eq!(public.status, 200);
    assert_eq!(restore(&fixture).await.unwrap().status(), 204);
    assert_eq!(fixture.get(artifact).await.status, 200);
}

#[tokio::test]
async fn the_root_token_is_made_once_and_can_be_set_anew() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().to_str().unwrap();
    let start = async |token: &[&str]| {
        let arguments = [&["--data", data], token].concat();
        let mut program = Program::serve(&arguments, &[]);
        (program.json().await, program)
    };
    let knows = async |announced: &Value, token: &str| {
        let url = announced["address"].as_str().unwrap();
        let asked = http().get(format!("{url}/api/v1/authenticate"));
        let reply = asked.bearer_auth(token).send().await.unwrap();
        reply.status() == 200
    };
    let (announced, program) = start(&[]).await;
    let made = announced["token"].as_str().unwrap().to_owned();
    assert!(knows(&announced, &made).await);
    assert_eq!(program.stop(Signal::TERM).await, Some(0));
    let (announced, program) = start(&[]).await;
    assert_eq!(announced["token"], Value::Null);
    assert!(knows(&announced, &made).await);
    assert_eq!(program.stop(Signal::TERM).await, Some(0));
    let (announced, _program) = start(&["--token", "NEW"]).await;
    assert!(knows(&announced, "NEW").await && !knows(&announced, &made).await);
}

/// The number of times that the program is killed among its work; the variable `KILLS` sets another.
const KILLS: usize = 5;

/// A version that a client was told to be complete.
struct Acknowledged {
    number: u64,
    bytes: String,
}

/// The number of acknowledged versions after which the program is killed, each time.
const BETWEEN_KILLS: usize = 40;

/// Creates versions with files until the server dies, and tells of each acknowledged one.
async fn push_until_killed(url: String, writer: usize, tell: UnboundedSender<Acknowledged>) {
    let http = http();
    for at in 0.. {
        let versions = format!("{url}{FILE}");
        let new = json!({"artifact_version": {"id": "x", "file": true}});
        let made = http
            .post(versions)
            .bearer_auth("ROOT")
            .json(&new)
            .send()
            .await;
        let Ok(made) = made else { break };
        let version: Value = made.json().await.unwrap();
        let bytes = format!("writer {writer}, version {at} ").repeat(1 + at % 300);
        let put = http
            .put(upload_path(&version))
            .body(bytes.clone())
            .send()
            .await;
        match put {
            Ok(reply) if reply.status() == 200 => {
                let number = version["version"].as_u64().unwrap();
                tell.send(Acknowledged { number, bytes }).unwrap();
            }
            _ => break,
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_killed_process_loses_nothing_that_it_acknowledged_and_shows_nothing_half() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().to_str().unwrap();
    let start = async || {
        let mut program = Program::serve(&["--token", "ROOT", "--data", data], &[]);
        let url = program.json().await["address"].as_str().unwrap().to_owned();
        (program, url)
    };
    let mut acknowledged = Vec::new();
    let kills = std::env::var("KILLS").map_or(KILLS, |number| number.parse().unwrap());
    for round in 0..kills {
        let (program, url) = start().await;
        if round == 0 {
            let new = json!({"artifact": {"username": "acme", "name": "web"}});
            let made = http()
                .post(format!("{url}/api/v1/artifacts"))
                .bearer_auth("ROOT");
            assert_eq!(made.json(&new).send().await.unwrap().status(), 200);
        }
        let (tell, mut told) = unbounded_channel();
        for writer in 0..16 {
            tokio::spawn(push_until_killed(url.clone(), writer, tell.clone()));
        }
        drop(tell);
        for _ in 0..BETWEEN_KILLS {
            acknowledged.push(told.recv().await.unwrap());
        }
        program.stop(Signal::KILL).await;
        while let Some(one) = told.recv().await {
            acknowledged.push(one);
        }
    }
    let (program, url) = start().await;
    check(&url, &acknowledged).await;
    assert_eq!(program.stop(Signal::TERM).await, Some(0));
    only_named_files_are_left(&folder).await;
}

/// Checks that each acknowledged version is there with its bytes, and that no number was given twice.
async fn check(url: &str, acknowledged: &[Acknowledged]) {
    let numbers: BTreeSet<u64> = acknowledged.iter().map(|one| one.number).collect();
    assert_eq!(numbers.len(), acknowledged.len());
    assert!(numbers.len() >= 100, "{}", numbers.len());
    let search = http()
        .get(format!("{url}{FILE}/search"))
        .bearer_auth("ROOT");
    let found = Reply::of(search.send().await.unwrap()).await.json();
    let found: BTreeSet<u64> = found["versions"]
        .as_array()
        .unwrap()
        .iter()
        .map(|version| version["version"].as_u64().unwrap())
        .collect();
    assert!(numbers.is_subset(&found));
    for one in acknowledged {
        let file = http().get(format!("{url}{FILE}/{}/file", one.number));
        let reply = file.bearer_auth("ROOT").send().await.unwrap();
        assert_eq!(reply.status(), 200);
        assert!(reply.text().await.unwrap() == one.bytes, "{}", one.number);
    }
}

/// Checks that no file is left that no row of the database names, once nobody can be writing any more.
async fn only_named_files_are_left(folder: &TempDir) {
    let clock = Clock::system();
    clock.advance(Duration::from_secs(60 * 60));
    let atlas = MockAtlas::builder().data(folder.path()).clock(clock);
    atlas.grace(Duration::ZERO).collect_garbage().await.unwrap();
    let database = rusqlite::Connection::open(folder.path().join("atlas.sqlite3")).unwrap();
    let mut statement = database
        .prepare("SELECT key FROM file WHERE state = 1")
        .unwrap();
    let keys = statement
        .query_map([], |row| row.get::<_, String>(0))
        .unwrap();
    let named: BTreeSet<String> = keys.map(Result::unwrap).collect();
    let mut found = BTreeSet::new();
    for one in folder.path().join("files").read_dir().unwrap() {
        let Ok(names) = one.unwrap().path().read_dir() else {
            continue;
        };
        let names = names.map(|file| file.unwrap().file_name().into_string().unwrap());
        // A file and its description go together.
        found.extend(names.map(|name| name.trim_end_matches(".json").to_owned()));
    }
    assert_eq!(found, named);
}

#[tokio::test]
async fn a_folder_that_cannot_be_made_is_named() {
    let refused = MockAtlas::builder()
        .data(PathBuf::from("/proc/none"))
        .start()
        .await;
    let reason = refused.unwrap_err().to_string();
    assert!(reason.contains("/proc/none"), "{reason}");
}

#[tokio::test]
async fn the_bytes_of_a_deleted_version_are_removed_after_the_grace_period() {
    let folder = tempfile::tempdir().unwrap();
    let fixture = start(folder.path()).await;
    fixture.make_artifact("acme", "web").await;
    fixture.push(b"the first file").await;
    fixture.push(b"the second file").await;
    let deleted = fixture.mock(Method::DELETE, "/artifacts/acme/web/custom.image/1", None);
    assert_eq!(deleted.await.status, 204);
    fixture.atlas.stop().await;
    let collect = async |grace: Duration| {
        let builder = MockAtlas::builder().data(folder.path()).grace(grace);
        let garbage = builder.collect_garbage().await.unwrap();
        (garbage.files, garbage.bytes)
    };
    assert_eq!(collect(Duration::from_secs(3600)).await, (0, 0));
    assert_eq!(collect(Duration::ZERO).await, (1, 14));
    only_named_files_are_left(&folder).await;
    let again = start(folder.path()).await;
    let file = again.get(&format!("{FILE}/2/file")).await;
    assert_eq!(file.body, "the second file");
}

#[tokio::test]
async fn a_place_for_files_is_a_folder_or_a_bucket_and_needs_a_place_for_data() {
    let folder = tempfile::tempdir().unwrap();
    let refused = MockAtlas::builder()
        .data(folder.path())
        .blobs("ftp://x")
        .start();
    let reason = refused.await.unwrap_err().to_string();
    assert!(
        reason.contains("\"ftp://x\"") && reason.contains("s3://bucket"),
        "{reason}"
    );
    let refused = MockAtlas::builder().blobs("file:///tmp").start();
    let reason = refused.await.unwrap_err().to_string();
    assert!(reason.contains("needs a database or a folder"), "{reason}");
}

#[tokio::test]
async fn files_are_kept_in_another_folder() {
    let (folder, files) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let url = format!("file://{}", files.path().display());
    let start = async || Fixture::with(|builder| builder.data(folder.path()).blobs(&url)).await;
    let fixture = start().await;
    fixture.make_artifact("acme", "web").await;
    fixture.push(b"the first file").await;
    fixture.atlas.stop().await;
    assert!(files.path().join("atlas.json").exists());
    assert!(!folder.path().join("files").exists());
    let again = start().await;
    let file = again.get(&format!("{FILE}/1/file")).await;
    assert_eq!(file.body, "the first file");
    again.atlas.stop().await;

    // A folder that is not mounted looks like this.
    std::fs::rename(files.path(), folder.path().join("elsewhere")).unwrap();
    let refused = MockAtlas::builder().data(folder.path()).blobs(&url).start();
    let reason = refused.await.unwrap_err().to_string();
    assert!(reason.contains("is it mounted"), "{reason}");
    std::fs::create_dir_all(files.path()).unwrap();
}

//! Tests the check of what is kept, with and without a server beside it, and the way back from a lost
//! database.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use mock_atlas::{CheckReport, MockAtlas};
use reqwest::Method;
use serde_json::{Value, json};

use crate::support::program::command;
use crate::support::{FILE, Fixture, upload_path};

async fn start(folder: &Path) -> Fixture {
    Fixture::with(|builder| builder.data(folder)).await
}

async fn check(folder: &Path) -> CheckReport {
    MockAtlas::builder()
        .data(folder)
        .check(|_| {})
        .await
        .unwrap()
}

/// Returns the paths of the files that hold these bytes.
fn files_with(folder: &Path, bytes: &[u8]) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for spread in fs::read_dir(folder.join("files")).unwrap() {
        let spread = spread.unwrap().path();
        let files = spread.is_dir().then(|| fs::read_dir(spread).unwrap());
        for file in files.into_iter().flatten() {
            let path = file.unwrap().path();
            // A file may be removed meanwhile, and one that is being written gets another name.
            if fs::read(&path).is_ok_and(|content| content == bytes) {
                found.push(path);
            }
        }
    }
    found
}

fn change_database(folder: &Path, sql: &str) {
    let database = rusqlite::Connection::open(folder.join("atlas.sqlite3")).unwrap();
    database.execute_batch(sql).unwrap();
}

async fn push_all(fixture: &Fixture) {
    fixture.make_artifact("acme", "web").await;
    fixture.push(b"the first file").await;
    let metadata = json!({"id": "y", "metadata": {"os": "debian"}, "file": true});
    let version = fixture.make_version(metadata).await;
    let sent = fixture
        .put(&upload_path(&version), b"the second file")
        .await;
    assert_eq!(sent.status, 200);
    fixture.push_box().await;
}

#[tokio::test]
async fn what_is_whole_is_whole_also_while_a_server_works() {
    let folder = tempfile::tempdir().unwrap();
    let fixture = start(folder.path()).await;
    push_all(&fixture).await;
    let beside = check(folder.path()).await;
    assert!(beside.is_whole(), "{beside:?}");
    assert_eq!((beside.versions, beside.boxes, beside.files), (3, 1, 3));
    assert_eq!(beside.bytes, 14 + 15 + 5);
    // The server goes on.
    fixture.push(b"another").await;
    fixture.atlas.stop().await;
    assert_eq!(check(folder.path()).await.files, 4);
}

#[tokio::test]
async fn a_damaged_file_is_named_and_not_served_until_it_is_whole_again() {
    let folder = tempfile::tempdir().unwrap();
    let fixture = start(folder.path()).await;
    push_all(&fixture).await;
    let path = &files_with(folder.path(), b"the first file")[0];
    fs::write(path, b"the first fill").unwrap();
    let found = check(folder.path()).await;
    assert_eq!(found.damaged, 1, "{found:?}");
    let damage = &found.damages[0];
    assert_eq!(damage.what, "acme/web/custom.image/1");
    let key = path.file_name().unwrap().to_str().unwrap();
    assert!(
        damage.how.contains("BLAKE3") && damage.how.contains(key),
        "{damage:?}"
    );

    let file = format!("{FILE}/1/file");
    let refused = fixture.get(&file).await;
    assert_eq!(refused.status, 500);
    assert!(
        refused.body.contains("damaged") && refused.body.contains("mock-atlas check"),
        "{}",
        refused.body
    );
    let metrics = fixture.mock(Method::GET, "/metrics", None).await.body;
    assert!(
        metrics.contains("\nmock_atlas_damaged_files 1\n"),
        "{metrics}"
    );
    // What is whole is served.
    assert_eq!(
        fixture.get(&format!("{FILE}/2/file")).await.body,
        "the second file"
    );

    fs::write(path, b"the first file").unwrap();
    assert!(check(folder.path()).await.is_whole());
    assert_eq!(fixture.get(&file).await.body, "the first file");
}

#[tokio::test]
async fn a_file_that_is_missing_or_cut_is_named() {
    let folder = tempfile::tempdir().unwrap();
    push_all(&start(folder.path()).await).await;
    fs::remove_file(&files_with(folder.path(), b"the first file")[0]).unwrap();
    fs::write(&files_with(folder.path(), b"a box")[0], b"a b").unwrap();
    let found = check(folder.path()).await;
    let mut named: Vec<&str> = found.damages.iter().map(|one| one.what.as_str()).collect();
    named.sort_unstable();
    assert_eq!(
        named,
        ["acme/debian/vagrant.box/1", "acme/web/custom.image/1"],
        "{found:?}"
    );
}

#[tokio::test]
async fn each_contradiction_in_the_database_is_named() {
    for (sql, what, how) in [
        (
            "UPDATE artifact_type SET last_number = 1 WHERE name = 'custom.image'",
            "acme/web/custom.image",
            "last number",
        ),
        (
            "UPDATE version SET metadata = '{' WHERE number = 2",
            "the version in row",
            "metadata",
        ),
        (
            "DELETE FROM version_tag WHERE number = 2",
            "acme/web/custom.image/2",
            "searches",
        ),
        (
            "INSERT INTO version_tag SELECT type_id, tag, 77 FROM version_tag LIMIT 1",
            "the version 77",
            "searches",
        ),
        (
            "PRAGMA foreign_keys = OFF; UPDATE version SET file_id = 99 WHERE number = 2",
            "the database",
            "version",
        ),
        (
            "UPDATE artifact SET vagrant_box = '{}' WHERE name = 'debian'",
            "the box in row",
            "box",
        ),
        (
            "UPDATE artifact SET vagrant_box = replace(vagrant_box, '\"len\":5', '\"len\":6')",
            "acme/debian",
            "another size",
        ),
        (
            "DELETE FROM version WHERE type_id IN (SELECT id FROM artifact_type WHERE name = 'vagrant.box')",
            "acme/debian",
            "which has none",
        ),
    ] {
        let folder = tempfile::tempdir().unwrap();
        let fixture = start(folder.path()).await;
        push_all(&fixture).await;
        fixture.atlas.stop().await;
        change_database(folder.path(), sql);
        let found = check(folder.path()).await;
        let is_named = |one: &mock_atlas::Damage| one.what.contains(what) && one.how.contains(how);
        assert!(found.damages.iter().any(is_named), "{sql}: {found:?}");
    }
}

#[tokio::test]
async fn the_program_tells_what_it_found_and_exits_with_it() {
    let folder = tempfile::tempdir().unwrap();
    let fixture = start(folder.path()).await;
    push_all(&fixture).await;
    fixture.atlas.stop().await;
    let data = folder.path().to_str().unwrap();
    let run = async |arguments: &[&str]| {
        let output = command(arguments, &[]).output().await.unwrap();
        let text = String::from_utf8(output.stdout).unwrap();
        let complaint = String::from_utf8(output.stderr).unwrap();
        (output.status.code(), text, complaint)
    };
    let (code, text, complaint) = run(&["check", "--data", data]).await;
    assert_eq!((code, complaint.as_str()), (Some(0), ""));
    assert_eq!(
        text,
        "checked 3 versions, 1 boxes and 3 files of 34 bytes: all is well\n"
    );
    fs::write(&files_with(folder.path(), b"a box")[0], b"a bot").unwrap();
    let (code, text, _) = run(&["check", "--data", data, "--output", "json"]).await;
    let report: Value = serde_json::from_str(&text).unwrap();
    assert_eq!((code, &report["damaged"]), (Some(1), &json!(1)));
    assert_eq!(report["damages"][0]["what"], "acme/debian/vagrant.box/1");
    let (code, _, complaint) = run(&["check", "--data", "/nowhere"]).await;
    assert_eq!(code, Some(2));
    assert!(complaint.contains("/nowhere"), "{complaint}");
    assert_eq!(run(&["check"]).await.0, Some(2));
}

/// Waits until the file with these bytes has a description that holds a text.
async fn wait_for_description(folder: &Path, bytes: &[u8], text: &str) {
    let mut path = files_with(folder, bytes)[0].clone().into_os_string();
    path.push(".json");
    let is_there = || fs::read_to_string(&path).is_ok_and(|json| json.contains(text));
    let wait = async {
        while !is_there() {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    let waited = tokio::time::timeout(Duration::from_secs(60), wait).await;
    assert!(waited.is_ok(), "{path:?} does not hold {text}");
}

#[tokio::test]
async fn a_lost_database_is_made_anew_of_what_lies_beside_the_files() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path();
    let fixture = start(data).await;
    push_all(&fixture).await;
    fixture.make_version(json!({"id": "no file"})).await;
    fixture.push(b"the fourth file").await;
    let search = fixture.get(&format!("{FILE}/search?version=2")).await.body;
    let shown = fixture.get("/api/v2/box/acme/debian").await.json();
    wait_for_description(data, b"the fourth file", "custom.image").await;
    wait_for_description(data, b"the second file", "custom.image").await;
    // The release came after the file, and its description follows.
    wait_for_description(data, b"a box", r#""status":"active""#).await;
    fixture.atlas.stop().await;
    for name in ["atlas.sqlite3", "atlas.sqlite3-wal", "atlas.sqlite3-shm"] {
        let _ = fs::remove_file(data.join(name));
    }
    // A server does not take the files for those of a new database.
    let refused = MockAtlas::builder().data(data).start().await;
    let refused = refused.unwrap_err().to_string();
    assert!(refused.contains("mock-atlas rebuild"), "{refused}");

    let rebuilt = MockAtlas::builder()
        .data(data)
        .token("ROOT")
        .rebuild()
        .await;
    let rebuilt = rebuilt.unwrap();
    assert!(rebuilt.report.is_whole(), "{rebuilt:?}");
    assert_eq!(rebuilt.token, "ROOT");
    let report = rebuilt.report;
    assert_eq!((report.files, report.versions, report.boxes), (4, 4, 1));
    assert!(check(data).await.is_whole());

    let again = start(data).await;
    assert_eq!(again.found("").await, [4, 2, 1]);
    let found = again.get(&format!("{FILE}/search?version=2")).await.body;
    assert_eq!(found, search);
    assert_eq!(
        again.get(&format!("{FILE}/2/file")).await.body,
        "the second file"
    );
    let box_again = again.get("/api/v2/box/acme/debian").await.json();
    for field in ["short_description", "private", "created_at"] {
        assert_eq!(box_again[field], shown[field], "{field}");
    }
    let version = &box_again["current_version"];
    assert_eq!(version["status"], "active", "{box_again}");
    assert_eq!(
        version["providers"][0]["checksum"],
        shown["current_version"]["providers"][0]["checksum"]
    );
    // The numbers go on.
    let next = again.make_version(json!({"id": "z"})).await;
    assert_eq!(next["version"], 5);
}

#[tokio::test]
async fn a_database_that_is_there_is_not_replaced() {
    let folder = tempfile::tempdir().unwrap();
    start(folder.path()).await.atlas.stop().await;
    let before = fs::read(folder.path().join("atlas.sqlite3")).unwrap();
    let refused = MockAtlas::builder().data(folder.path()).rebuild().await;
    let refused = refused.unwrap_err().to_string();
    assert!(refused.contains("has a database already"), "{refused}");
    assert_eq!(
        fs::read(folder.path().join("atlas.sqlite3")).unwrap(),
        before
    );
}

#[tokio::test]
async fn what_cannot_be_brought_back_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path();
    let fixture = start(data).await;
    push_all(&fixture).await;
    for bytes in [&b"the first file"[..], b"the second file", b"a box"] {
        wait_for_description(data, bytes, "acme").await;
    }
    fixture.atlas.stop().await;
    fs::remove_file(data.join("atlas.sqlite3")).unwrap();
    fs::write(&files_with(data, b"the first file")[0], b"cut").unwrap();
    fs::write(files_with(data, b"a box")[0].with_extension("json"), "{}").unwrap();
    let report = MockAtlas::builder()
        .data(data)
        .rebuild()
        .await
        .unwrap()
        .report;
    assert_eq!((report.versions, report.damaged), (1, 2), "{report:?}");
    let again = start(data).await;
    assert_eq!(again.found("").await, [2]);
}

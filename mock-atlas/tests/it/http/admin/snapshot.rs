//! Tests `/_mock/snapshot` and `/_mock/restore`, and the program's commands for them.

use std::os::unix::fs::PermissionsExt;

use mock_atlas::Seed;
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::support::archive::{archive, entries, restore, snapshot};
use crate::support::{FILE, Fixture, NOT_FOUND, Reply, begin_upload, printed, run, upload_path};

/// A file that is larger than a chunk, with a length that is no multiple of a chunk or block.
static LARGE: [u8; 700_001] = [7; 700_001];

/// A snapshot of the first format, which an emulator of that time wrote: of `acme/web` with a version whose file
/// is `bytes`, and with a `vagrant.box`.
static OLD_SNAPSHOT: &[u8] = include_bytes!("../../../data/snapshot-format-1.tar");

/// The SHA-256 of its box.
const OLD_BOX: &str = "26f8567f2569182294c3fa5b9f9cb2270b554eef628b4c149cf82a42888ff4ae";

/// The highest version number that a snapshot may have, 2^53.
const HIGHEST: u64 = 9_007_199_254_740_992;

/// Starts an emulator with something of every kind, and returns it and a version that awaits its file.
async fn full() -> (Fixture, Value) {
    let seed = r#"{
        "users": [{"username": "amy", "password": "pass", "tokens": [{"token": "AMY", "description": "laptop"}]}],
        "organizations": [{"name": "acme", "members": [{"username": "amy", "role": "read"}]}]
    }"#;
    let seed = Seed::from_json(seed).unwrap();
    let fixture = Fixture::with(|builder| builder.seed(seed)).await;
    fixture.make_artifact("acme", "web").await;
    fixture
        .make_version(
            json!({"id": "plain", "build_id": 7, "metadata": {"region.eu": "ami", "": ""}}),
        )
        .await;
    fixture.push(&LARGE).await;
    fixture.push(b"").await;
    fixture.push(&LARGE).await;
    fixture.push(b"deleted").await;
    let awaited = fixture.make_version(json!({"file": true})).await;
    fixture.make_version(json!({"id": "last"})).await;
    fixture.make_artifact("acme", "gone").await;
    for path in [
        "acme/web/custom.image/5",
        "acme/web/custom.image/7",
        "acme/gone",
    ] {
        let path = format!("/artifacts/{path}");
        let reply = fixture.mock(Method::DELETE, &path, None).await;
        assert_eq!(reply.status, StatusCode::NO_CONTENT, "{}", reply.body);
    }
    (fixture, awaited)
}

#[tokio::test]
async fn another_emulator_goes_on_where_the_first_was() {
    let (first, awaited) = full().await;
    let archive = snapshot(&first).await;
    let second = Fixture::with(|builder| builder.token("OTHER-ROOT")).await;
    let ask = |token: &'static str, method: Method, path: String| {
        let request = second.anonymous(method, &path).bearer_auth(token);
        async move { Reply::of(request.send().await.unwrap()).await }
    };
    let restored = second
        .anonymous(Method::POST, "/_mock/restore")
        .bearer_auth("OTHER-ROOT")
        .body(archive);
    let restored = Reply::of(restored.send().await.unwrap()).await;
    assert_eq!(restored.status, StatusCode::NO_CONTENT, "{}", restored.body);

    let get = |token, path: &str| ask(token, Method::GET, format!("/api/v1{path}"));
    let search = "/artifacts/acme/web/custom.image/search";
    let before = first.get(&format!("/api/v1{search}")).await;
    assert_eq!(get("AMY", search).await, before);
    for number in [2, 4] {
        let file = get(
            "AMY",
            &format!("/artifacts/acme/web/custom.image/{number}/file"),
        );
        assert!(file.await.body.as_bytes() == LARGE);
    }
    let empty = get("AMY", "/artifacts/acme/web/custom.image/3/file").await;
    assert_eq!((empty.status, &*empty.body), (StatusCode::OK, ""));
    assert_eq!(get("RIVAL", search).await.status, 404);
    assert_eq!(get("ROOT", search).await.status, 401);
    let login = json!({"user": {"login": "amy", "password": "pass"}});
    let login = second
        .anonymous(Method::POST, "/api/v1/authenticate")
        .json(&login);
    assert_eq!(login.send().await.unwrap().status(), 200);

    // The version that awaits its file accepts it, and the last number is not given again.
    let path = upload_path(&awaited).replace(first.atlas.url(), second.atlas.url());
    assert_eq!(second.put(&path, b"late").await.status, 200);
    let version = second
        .anonymous(Method::POST, "/api/v1/artifacts/acme/web/custom.image")
        .bearer_auth("OTHER-ROOT")
        .json(&json!({"artifact_version": {"id": "x"}}));
    let version: Value = version.send().await.unwrap().json().await.unwrap();
    assert_eq!(version["version"], 8);

    // A reset still goes back to the state after the second emulator's own start.
    ask("OTHER-ROOT", Method::POST, "/_mock/reset".into()).await;
    assert_eq!(get("AMY", search).await.status, 401);
    assert_eq!(get("OTHER-ROOT", search).await.body, NOT_FOUND);
}

#[tokio::test]
async fn a_snapshot_is_an_archive_of_a_manifest_and_of_each_file_once() {
    let (fixture, _) = full().await;
    let bytes = snapshot(&fixture).await;
    let found = entries(&bytes);
    assert_eq!(found[0].0, "mock-atlas.json");
    assert_eq!(
        found.len(),
        3,
        "the manifest, the large file and the empty one"
    );
    assert!(found.iter().any(|(_, bytes)| bytes[..] == LARGE));
    let manifest = String::from_utf8(found[0].1.clone()).unwrap();
    for secret in ["ROOT", "RIVAL", "AMY", "secret", "pass\""] {
        assert!(!manifest.contains(secret), "{manifest}");
    }
    // A restored snapshot gives the same snapshot.
    assert_eq!(
        restore(&fixture, bytes).await.status,
        StatusCode::NO_CONTENT
    );
    assert_eq!(entries(&snapshot(&fixture).await)[0], found[0]);
}

#[tokio::test]
async fn what_is_no_whole_snapshot_changes_nothing() {
    let (fixture, _) = full().await;
    let good = entries(&snapshot(&fixture).await);
    let manifest: Value = serde_json::from_slice(&good[0].1).unwrap();
    let changed = |change: fn(&mut Value)| {
        let mut manifest = manifest.clone();
        change(&mut manifest);
        let mut entries = good.clone();
        entries[0].1 = manifest.to_string().into_bytes();
        archive(&entries)
    };
    assert_eq!(manifest["artifacts"][2]["name"], "acme/web");
    let mut others = good.clone();
    others[1].1.push(b'x');
    fixture.push(b"later").await;
    let before = fixture.found("").await;
    for (name, archive) in [
        ("nothing", Vec::new()),
        ("no archive", vec![b'x'; 4096]),
        ("no manifest", archive(&good[1..])),
        ("a file is missing", archive(&good[..2])),
        ("other bytes", archive(&others)),
        (
            "something else",
            archive(&[good[0].clone(), ("x".into(), vec![1])]),
        ),
        (
            "another form",
            changed(|manifest| manifest["format"] = json!(4)),
        ),
        ("no form", changed(|manifest| *manifest = json!({}))),
        (
            "an artifact twice",
            changed(|manifest| {
                let artifacts = manifest["artifacts"].as_array_mut().unwrap();
                artifacts.push(artifacts[0].clone());
            }),
        ),
        (
            "a number that was never given",
            changed(|manifest| manifest["artifacts"][2]["types"][0]["last"] = json!(3)),
        ),
        (
            "no number for the next version",
            changed(|manifest| manifest["artifacts"][2]["types"][0]["last"] = json!(u64::MAX)),
        ),
        (
            "no number for the version after the next",
            changed(|manifest| manifest["artifacts"][2]["types"][0]["last"] = json!(u64::MAX - 1)),
        ),
        (
            "a number that not all readers of JSON keep",
            changed(|manifest| {
                manifest["artifacts"][2]["types"][0]["last"] = json!(HIGHEST + 1);
            }),
        ),
        (
            "a member that is nobody",
            changed(|manifest| {
                manifest["access"]["organizations"]["acme"] = json!({"eve": "read"})
            }),
        ),
    ] {
        let reply = restore(&fixture, archive).await;
        assert!(
            matches!(reply.status.as_u16(), 400 | 422),
            "{name}: {}",
            reply.body
        );
        assert_eq!(fixture.found("").await, before, "{name}");
    }
}

#[tokio::test]
async fn an_archive_that_names_files_by_their_sha_256_is_restored_too() {
    let (fixture, _) = full().await;
    let before = fixture.found("").await;
    let mut others = OLD_SNAPSHOT.to_vec();
    let reply = restore(&fixture, OLD_SNAPSHOT.to_vec()).await;
    assert_eq!(reply.status, StatusCode::NO_CONTENT, "{}", reply.body);
    let file = fixture.request(Method::GET, &format!("{FILE}/1/file"));
    let file = file.send().await.unwrap();
    let tag = file.headers()["etag"].to_str().unwrap().to_owned();
    assert_eq!(file.text().await.unwrap(), "bytes");
    assert!(tag.starts_with("\"blake3-"), "{tag}");
    assert_ne!(fixture.found("").await, before);

    // The version of the type `vagrant.box` has become a box.
    let provider = "/api/v2/box/acme/web/version/1.0.0/provider/libvirt/unknown";
    let provider = fixture.get(provider).await.json();
    assert_eq!(provider["checksum"], OLD_BOX);

    // The next snapshot names the files by their BLAKE3.
    let entries = entries(&snapshot(&fixture).await);
    let named = format!("files/{}", tag.trim_matches('"'));
    assert!(entries.contains(&(named, b"bytes".to_vec())));
    assert_eq!(entries.len(), 3);

    // Other bytes of the same length are noticed.
    let at = others
        .windows(5)
        .rposition(|part| part == b"bytes")
        .unwrap();
    others[at] = b'B';
    let reply = restore(&fixture, others).await;
    assert!(
        reply.body.contains("differs from the digest in its name"),
        "{}",
        reply.body
    );
}

/// Starts an emulator with a box, and returns the entries and the manifest of its snapshot.
async fn with_box() -> (Fixture, Vec<(String, Vec<u8>)>, Value) {
    let provider = json!({"name": "virtualbox", "file": {"text": "bytes"}});
    let version = json!({"version": "1.0.0", "providers": [provider]});
    let seed = json!({"boxes": [{"name": "acme/box", "private": false, "versions": [version]}]});
    let seed = Seed::from_json(&seed.to_string()).unwrap();
    let fixture = Fixture::with(|builder| builder.seed(seed)).await;
    let entries = entries(&snapshot(&fixture).await);
    let manifest = serde_json::from_slice(&entries[0].1).unwrap();
    (fixture, entries, manifest)
}

async fn has_box(fixture: &Fixture) -> bool {
    let metrics = fixture.get("/_mock/metrics").await;
    metrics.body.contains("\nmock_atlas_boxes 1\n")
}

#[tokio::test]
async fn a_box_is_restored_and_also_from_a_snapshot_that_knows_only_its_files() {
    let (_, mut entries, mut manifest) = with_box().await;
    let other = Fixture::new().await;
    let file = "/api/v1/artifacts/acme/box/vagrant.box/latest/file";
    assert!(!has_box(&other).await);
    assert_eq!(restore(&other, archive(&entries)).await.status, 204);
    assert!(has_box(&other).await);
    assert_eq!(other.get(file).await.body, "bytes");

    // Snapshots from before boxes have versions of the artifact type `vagrant.box`.
    other.mock(Method::POST, "/reset", None).await;
    let artifact = manifest["artifacts"][0].as_object_mut().unwrap();
    assert!(artifact.remove("vagrant_box").is_some());
    entries[0].1 = manifest.to_string().into_bytes();
    assert_eq!(restore(&other, archive(&entries)).await.status, 204);
    assert!(has_box(&other).await);
    assert_eq!(other.get(file).await.body, "bytes");
}

#[tokio::test]
async fn a_box_that_contradicts_its_files_is_not_restored() {
    let (fixture, entries, manifest) = with_box().await;
    let file = "/vagrant_box/versions/1.0.0/providers/0/source/hosted";
    for (change, message) in [
        (
            json!({"number": 7}),
            "the file acme/box/vagrant.box/7 is missing",
        ),
        (
            json!({"len": 6}),
            "the file acme/box/vagrant.box/1 is another than its box says",
        ),
        (
            json!({"sha256": "00"}),
            "the file acme/box/vagrant.box/1 is another than its box says",
        ),
    ] {
        let (mut manifest, mut entries) = (manifest.clone(), entries.clone());
        let hosted = manifest["artifacts"][0].pointer_mut(file).unwrap();
        let (key, value) = change.as_object().unwrap().iter().next().unwrap();
        hosted[key] = value.clone();
        entries[0].1 = manifest.to_string().into_bytes();
        let refused = restore(&fixture, archive(&entries)).await;
        assert_eq!(refused.status, 422, "{}", refused.body);
        assert!(refused.body.contains(message), "{}", refused.body);
    }
    let (mut manifest, mut entries) = (manifest.clone(), entries.clone());
    let digest = entries[1].0.trim_start_matches("files/").to_owned();
    let upload = "00000000-0000-0000-0000-000000000001";
    manifest["artifacts"][0]["received"] = json!({upload: digest});
    entries[0].1 = manifest.to_string().into_bytes();
    let refused = restore(&fixture, archive(&entries)).await;
    let message = "no upload of the box acme/box awaits this file";
    assert!(refused.body.contains(message), "{}", refused.body);
    assert!(has_box(&fixture).await);
}

#[tokio::test]
async fn versions_count_up_to_the_highest_number_that_a_snapshot_may_have() {
    let (fixture, _) = full().await;
    let mut entries = entries(&snapshot(&fixture).await);
    let mut manifest: Value = serde_json::from_slice(&entries[0].1).unwrap();
    manifest["artifacts"][2]["types"][0]["last"] = json!(HIGHEST - 2);
    entries[0].1 = manifest.to_string().into_bytes();
    let restored = restore(&fixture, archive(&entries)).await;
    assert_eq!(restored.status, StatusCode::NO_CONTENT, "{}", restored.body);
    for number in [HIGHEST - 1, HIGHEST] {
        let version = fixture.make_version(json!({"id": "x"})).await;
        assert_eq!(version["version"], number);
    }
    let body = json!({"artifact_version": {"id": "x"}});
    let refused = fixture.post(FILE, body).await;
    assert_eq!(refused.status, 422);
    let message = "there is no number left for another version of this type";
    assert_eq!(refused.json()["errors"], json!([message]));
    let again = restore(&fixture, snapshot(&fixture).await).await;
    assert_eq!(again.status, StatusCode::NO_CONTENT, "{}", again.body);
    assert_eq!(fixture.found("version=latest").await, [HIGHEST]);

    // Numbers continue when a seed creates an artifact that was deleted.
    let deleted = fixture
        .mock(Method::DELETE, "/artifacts/acme/web", None)
        .await;
    assert_eq!(deleted.status, StatusCode::NO_CONTENT);
    let version = json!({"type": "custom.image"});
    let seed = json!({"artifacts": [{"name": "acme/web", "versions": [version]}]});
    let refused = fixture.mock(Method::POST, "/seed", Some(seed)).await;
    let message = format!("artifacts[0]: the artifact \"acme/web\": {message}");
    assert_eq!(refused.json()["errors"], json!([message]));
}

#[tokio::test]
async fn an_archive_that_breaks_off_changes_nothing() {
    let (fixture, _) = full().await;
    let archive = snapshot(&fixture).await;
    fixture.push(b"later").await;
    let before = fixture.found("").await;
    // The archive breaks off before the empty blocks at its end.
    for len in (0..archive.len() - 1024).step_by(64 * 1024 - 512) {
        let reply = restore(&fixture, archive[..len].to_vec()).await;
        assert!(
            matches!(reply.status.as_u16(), 400 | 422),
            "{len}: {}",
            reply.body
        );
        assert_eq!(fixture.found("").await, before, "{len}");
    }
    let host = fixture.atlas.url().strip_prefix("http://").unwrap();
    let mut stream = TcpStream::connect(host).await.unwrap();
    let head = format!(
        "POST /_mock/restore HTTP/1.1\r\nHost: localhost\r\nX-Atlas-Token: ROOT\r\nConnection: close\r\nContent-Length: {}\r\n\r\n",
        archive.len()
    );
    stream.write_all(head.as_bytes()).await.unwrap();
    stream
        .write_all(&archive[..archive.len() - 1])
        .await
        .unwrap();
    stream.shutdown().await.unwrap();
    // The emulator closes the connection once it has noticed that the archive breaks off.
    let mut reply = Vec::new();
    let _ = stream.read_to_end(&mut reply).await;
    assert_eq!(fixture.found("").await, before);
}

#[tokio::test]
async fn an_upload_under_way_ends_in_what_is_restored_if_that_awaits_it() {
    let (fixture, awaited) = full().await;
    let archive = snapshot(&fixture).await;
    let later = fixture.make_version(json!({"file": true})).await;
    for (version, status) in [(&later, "404"), (&awaited, "200")] {
        let headers = "Content-Length: 5\r\nExpect: 100-continue\r\nConnection: close\r\n";
        let mut stream = begin_upload(&upload_path(version), headers).await;
        // `100 Continue` shows that the upload is under way.
        let mut asked = [0; 25];
        stream.read_exact(&mut asked).await.unwrap();
        let restored = restore(&fixture, archive.clone()).await;
        assert_eq!(restored.status, StatusCode::NO_CONTENT);
        stream.write_all(b"bytes").await.unwrap();
        let mut reply = String::new();
        stream.read_to_string(&mut reply).await.unwrap();
        assert!(reply.starts_with(&format!("HTTP/1.1 {status}")), "{reply}");
    }
    let number = &awaited["version"];
    let file = fixture.get(&format!("{FILE}/{number}/file")).await;
    assert_eq!(file.body, "bytes");
}

#[tokio::test]
async fn the_program_keeps_a_backup_in_a_file_and_brings_it_back() {
    let (fixture, _) = full().await;
    let atlas = &fixture.atlas;
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("atlas.tar");
    let file = file.to_str().unwrap();
    assert_eq!(printed(atlas, &["backup", file]).await, "");
    let mode = std::fs::metadata(file).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600, "it is for nobody else to read");
    let before = fixture.found("").await;
    printed(atlas, &["reset"]).await;
    assert_eq!(fixture.get(FILE).await.status, 405);
    assert_eq!(printed(atlas, &["restore", file]).await, "");
    assert_eq!(fixture.found("").await, before);

    // The command replaces no file, and leaves no incomplete file.
    let again = run(atlas, "ROOT", &["backup", file]).await;
    assert_eq!(again.status.code(), Some(1));
    let refused = folder.path().join("refused.tar");
    let output = run(atlas, "RIVAL", &["backup", refused.to_str().unwrap()]).await;
    assert_eq!(output.status.code(), Some(1));
    assert!(!refused.exists());
    std::fs::write(&refused, "no archive").unwrap();
    let output = run(atlas, "ROOT", &["restore", refused.to_str().unwrap()]).await;
    assert_eq!(output.status.code(), Some(1));
    assert_eq!(fixture.found("").await, before);
}

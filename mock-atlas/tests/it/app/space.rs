//! Tests an emulator whose disk is nearly full.

use mock_atlas::{MockAtlas, StartError};
use reqwest::Method;
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::io::AsyncReadExt;

use crate::support::{FILE, Fixture, Reply, begin_upload, upload_path};

/// A folder with a version that has a file, a version that awaits one, and a box.
struct Filled {
    folder: TempDir,
    /// The path at which the second version awaits its file.
    awaited: String,
}

impl Filled {
    async fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let fixture = Fixture::with(|builder| builder.data(folder.path())).await;
        fixture.make_artifact("acme", "web").await;
        fixture.push(b"the first file").await;
        let version = fixture.make_version(json!({"id": "y", "file": true})).await;
        let awaited = path_of(&version);
        let boxes = [
            (
                "boxes",
                json!({"box": {"username": "acme", "name": "debian"}}),
            ),
            (
                "box/acme/debian/versions",
                json!({"version": {"version": "1.0.0"}}),
            ),
        ];
        for (path, body) in boxes {
            let made = fixture.post(&format!("/api/v2/{path}"), body).await;
            assert_eq!(made.status, 200, "{}", made.body);
        }
        fixture.atlas.stop().await;
        Self { folder, awaited }
    }

    /// Starts an emulator that keeps more free than the disk has.
    async fn start_full(&self) -> Fixture {
        let data = self.folder.path();
        Fixture::with(|builder| builder.data(data).min_free(u64::MAX)).await
    }
}

/// Returns the path of a version's upload, which outlives a start on another port.
fn path_of(version: &Value) -> String {
    let url = upload_path(version);
    let path = url.find("/_binstore/").unwrap();
    url[path..].to_owned()
}

async fn put(fixture: &Fixture, path: &str, bytes: &'static str) -> Reply {
    let put = fixture.anonymous(Method::PUT, path).body(bytes);
    Reply::of(put.send().await.unwrap()).await
}

#[tokio::test]
async fn growth_is_refused_with_507_before_the_disk_is_full() {
    let filled = Filled::new().await;
    let fixture = filled.start_full().await;
    let refused = put(&fixture, &filled.awaited, "bytes").await;
    assert_eq!(refused.status, 507);
    let told = refused.json()["errors"][0].as_str().unwrap().to_owned();
    let folder = filled.folder.path().to_str().unwrap();
    assert!(
        told.contains("--min-free") && told.contains(folder),
        "{told}"
    );
    for (path, body) in [
        (
            "/api/v1/artifacts",
            json!({"artifact": {"username": "acme", "name": "more"}}),
        ),
        (FILE, json!({"artifact_version": {"id": "z"}})),
        (
            "/api/v2/boxes",
            json!({"box": {"username": "acme", "name": "more"}}),
        ),
        (
            "/api/v2/box/acme/debian/versions",
            json!({"version": {"version": "2.0.0"}}),
        ),
    ] {
        let refused = fixture.post(path, body).await;
        assert_eq!(refused.status, 507, "{path}: {}", refused.body);
    }
    let hcp = "/vagrant/2022-09-30/registry/acme/boxes";
    let refused = fixture.post(hcp, json!({"name": "more"})).await;
    assert_eq!(
        (refused.status.as_u16(), &refused.json()["code"]),
        (507, &json!(8))
    );
    // Nothing half is left of it.
    fixture.atlas.stop().await;
    let fixture = Fixture::with(|builder| builder.data(filled.folder.path())).await;
    assert_eq!(fixture.found("").await, [1]);
    let missing = fixture.get("/api/v1/artifacts/acme/more").await;
    assert_eq!(missing.status, 404);
    assert_eq!(put(&fixture, &filled.awaited, "bytes").await.status, 200);
    assert_eq!(fixture.found("").await, [2, 1]);
    assert_eq!(fixture.get("/_mock/health").await.json()["disk"], "free");
}

#[tokio::test]
async fn reading_deleting_and_logging_in_go_on_while_the_disk_is_nearly_full() {
    let filled = Filled::new().await;
    let fixture = filled.start_full().await;
    let file = fixture.get(&format!("{FILE}/1/file")).await;
    assert_eq!(file.body, "the first file");
    let login = json!({"user": {"login": "rival", "password": "secret"}});
    let login = fixture.post("/api/v1/authenticate", login).await;
    assert_eq!(login.status, 200, "{}", login.body);
    let health = fixture.get("/_mock/health").await;
    assert_eq!(
        (health.status.as_u16(), &health.json()["disk"]),
        (200, &json!("full"))
    );
    let metrics = fixture.mock(Method::GET, "/metrics", None).await.body;
    assert!(
        metrics.contains("\nmock_atlas_disk_free_bytes "),
        "{metrics}"
    );
    let version = "/api/v2/box/acme/debian/version/1.0.0";
    for (path, status) in [
        (version, 200),
        ("/_mock/artifacts/acme/web/custom.image/1", 204),
    ] {
        let deleted = fixture.request(Method::DELETE, path).send().await.unwrap();
        assert_eq!(deleted.status(), status, "{path}");
    }
    assert!(fixture.found("").await.is_empty());
}

#[tokio::test]
async fn a_length_that_the_disk_has_no_room_for_is_refused_before_the_bytes_come() {
    let filled = Filled::new().await;
    let data = filled.folder.path();
    let fixture = Fixture::with(|builder| builder.data(data).min_free(0)).await;
    let url = format!("{}{}", fixture.atlas.url(), filled.awaited);
    let exbibyte = format!("Content-Length: {}\r\n", 1_u64 << 60);
    let mut stream = begin_upload(&url, &exbibyte).await;
    let mut head = [0; 12];
    stream.read_exact(&mut head).await.unwrap();
    assert_eq!(head, *b"HTTP/1.1 507");
}

#[tokio::test]
async fn a_new_folder_that_has_no_room_for_the_seed_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let start = MockAtlas::builder().data(folder.path()).min_free(u64::MAX);
    let Err(StartError::Data(reason)) = start.start().await else {
        panic!("it started");
    };
    assert!(reason.contains("--min-free"), "{reason}");
}

//! Tests an emulator on a small disk of its own, which becomes full. The tests need `unshare`, of Debian's
//! package `util-linux`, and a kernel that lets it mount a file system.

use std::process::Stdio;

use bytes::Bytes;
use futures_util::stream;
use reqwest::{Body, Client, StatusCode};
use rustix::process::Signal;
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::process::Command;

use super::until;
use crate::support::program::Program;
use crate::support::{FILE, http, upload_path};

const MIB: usize = 1024 * 1024;

/// An emulator whose folder is on a disk of 64 MiB.
struct OnSmallDisk {
    program: Program,
    http: Client,
    url: String,
    /// The folder on which the disk is mounted: the disk goes with it.
    _folder: TempDir,
}

impl OnSmallDisk {
    /// Starts the emulator in a mount namespace of its own, which ends with it.
    async fn start(min_free: usize) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let script = "mount -t tmpfs -o size=64m none \"$1\" && exec \"$0\" --listen 127.0.0.1:0 \
                      --output json --token ROOT --max-memory 1 --data \"$1\" --min-free \"$2\"";
        let mut command = Command::new("unshare");
        command
            .args(["--map-root-user", "--mount", "sh", "-c", script])
            .arg(env!("CARGO_BIN_EXE_mock-atlas"))
            .arg(folder.path())
            .arg(min_free.to_string())
            .stdout(Stdio::piped())
            .kill_on_drop(true);
        let mut program = Program::of(command);
        let url = program.json().await["address"].as_str().unwrap().to_owned();
        let disk = Self {
            program,
            http: http(),
            url,
            _folder: folder,
        };
        let new = json!({"artifact": {"username": "acme", "name": "web"}});
        assert_eq!(disk.post("/api/v1/artifacts", &new).await.0, 200);
        disk
    }

    async fn post(&self, path: &str, body: &Value) -> (StatusCode, Value) {
        let post = self
            .http
            .post(format!("{}{path}", self.url))
            .bearer_auth("ROOT");
        let reply = post.json(body).send().await.unwrap();
        (reply.status(), reply.json().await.unwrap())
    }

    /// Uploads so many MiB to a new version, in parts and without a length, and returns the status and
    /// the number of the version.
    async fn push(&self, mib: usize) -> (StatusCode, u64) {
        let new = json!({"artifact_version": {"id": "x", "file": true}});
        let (made, version) = self.post(FILE, &new).await;
        assert_eq!(made, 200, "{version}");
        let parts = (0..mib).map(|_| Ok::<_, std::io::Error>(Bytes::from(vec![7; MIB])));
        let put = self.http.put(upload_path(&version));
        let put = put.body(Body::wrap_stream(stream::iter(parts)));
        let status = put.send().await.unwrap().status();
        (status, version["version"].as_u64().unwrap())
    }

    async fn delete(&self, number: u64) -> StatusCode {
        let path = format!(
            "{}/_mock/artifacts/acme/web/custom.image/{number}",
            self.url
        );
        let delete = self.http.delete(path).bearer_auth("ROOT");
        delete.send().await.unwrap().status()
    }

    async fn found(&self) -> Vec<u64> {
        let search = self.http.get(format!("{}{FILE}/search", self.url));
        let found = search.bearer_auth("ROOT").send().await.unwrap();
        let found: Value = found.json().await.unwrap();
        let versions = found["versions"].as_array().unwrap();
        let numbers = versions.iter().map(|version| version["version"].as_u64());
        numbers.map(Option::unwrap).collect()
    }
}

#[tokio::test]
async fn an_upload_of_unknown_length_ends_with_507_while_the_database_still_has_room() {
    let disk = OnSmallDisk::start(24 * MIB).await;
    let (stored, first) = disk.push(16).await;
    assert_eq!(stored, 200);
    assert_eq!(disk.push(32).await.0, 507);
    assert_eq!(disk.found().await, [first]);
    // The database took a version meanwhile. What was refused goes from the disk, which then takes more.
    let other = json!({"artifact": {"username": "acme", "name": "other"}});
    let has_room = async || disk.post("/api/v1/artifacts", &other).await.0 == 200;
    until("what was refused stays on the disk", has_room).await;
    let (stored, third) = disk.push(16).await;
    assert_eq!(stored, 200);
    assert_eq!(disk.found().await, [third, first]);
    assert_eq!(disk.delete(first).await, 204);
    assert_eq!(disk.program.stop(Signal::TERM).await, Some(0));
}

#[tokio::test]
async fn a_disk_that_is_full_is_507_and_shows_nothing_half() {
    let disk = OnSmallDisk::start(0).await;
    let (stored, first) = disk.push(16).await;
    assert_eq!(stored, 200);
    assert_eq!(disk.push(64).await.0, 507);
    let mut refused = StatusCode::OK;
    let mut last = 0;
    // Metadata fills what is left, until the database has no room.
    while refused == 200 {
        let note = "n".repeat(MIB);
        let new = json!({"artifact_version": {"id": "x", "metadata": {"note": note}}});
        let (status, version) = disk.post(FILE, &new).await;
        refused = status;
        last = version["version"].as_u64().unwrap_or(last);
    }
    assert_eq!(refused, 507);
    assert_eq!(disk.found().await[0], last);
    assert_eq!(disk.delete(first).await, 204);
    let new = json!({"artifact_version": {"id": "x"}});
    let (status, version) = disk.post(FILE, &new).await;
    assert_eq!(
        (status.as_u16(), &version["version"]),
        (200, &json!(last + 1))
    );
}

//! Backups take little memory, however large the files are.

use std::io;

use bytes::Bytes;
use futures_util::stream;
use reqwest::{Body, Client};
use serde_json::json;

use crate::support::program::Program;
use crate::support::{FILE, http, program, upload_path};

const MIB: usize = 1024 * 1024;

/// The size of the file.
const FILE_MIB: usize = 192;

/// The most memory that the file may take, above that of an emulator that has just started: 32 MiB are allowed for
/// uploads under way.
const MOST_MIB: usize = 80;

/// An emulator as a program, with a folder.
struct Server {
    program: Program,
    url: String,
    http: Client,
    before: usize,
    _data: tempfile::TempDir,
}

impl Server {
    async fn start() -> Self {
        let data = tempfile::tempdir().unwrap();
        let folder = data.path().to_str().unwrap();
        let arguments = ["--token", "ROOT", "--data", folder, "--allow-reset"];
        let mut program = Program::serve(&arguments, &[]);
        let url = program.json().await["address"].as_str().unwrap().to_owned();
        let before = program.kib("VmRSS:");
        Self {
            program,
            url,
            http: http(),
            before,
            _data: data,
        }
    }

    async fn post(&self, path: &str, body: serde_json::Value) -> serde_json::Value {
        let post = self.http.post(format!("{}{path}", self.url));
        let reply = post.header("X-Atlas-Token", "ROOT").json(&body).send();
        reply.await.unwrap().json().await.unwrap()
    }

    async fn run(&self, arguments: &[&str]) {
        let mut command = program();
        command.args(arguments).env("ATLAS_ADDRESS", &self.url);
        let output = command.env("ATLAS_TOKEN", "ROOT").output().await.unwrap();
        assert_eq!(output.status.code(), Some(0), "{output:?}");
    }

    fn is_small(&self) {
        let taken = self.program.kib("VmHWM:") - self.before;
        assert!(taken < MOST_MIB * 1024, "{taken} KiB");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_large_file_is_saved_and_restored_in_bounded_memory() {
    let (first, second) = (Server::start().await, Server::start().await);
    let artifact = json!({"artifact": {"username": "acme", "name": "web"}});
    first.post("/api/v1/artifacts", artifact).await;
    let version = json!({"artifact_version": {"id": "x", "file": true}});
    let version = first.post(FILE, version).await;
    let chunk = Bytes::from(vec![7; MIB]);
    let chunks = std::iter::repeat_n(chunk, FILE_MIB).map(Ok::<_, io::Error>);
    let put = first.http.put(upload_path(&version));
    let put = put.body(Body::wrap_stream(stream::iter(chunks))).send();
    assert_eq!(put.await.unwrap().status(), 200);

    let folder = tempfile::tempdir().unwrap();
    let archive = folder.path().join("atlas.tar");
    let archive = archive.to_str().unwrap();
    first.run(&["backup", archive]).await;
    second.run(&["restore", archive]).await;
    first.is_small();
    second.is_small();
    let file = second.http.get(format!("{}{FILE}/1/file", second.url));
    let mut reply = file.header("X-Atlas-Token", "ROOT").send().await.unwrap();
    let mut received = 0;
    while let Some(chunk) = reply.chunk().await.unwrap() {
        received += chunk.len();
    }
    assert_eq!(received, FILE_MIB * MIB);
}

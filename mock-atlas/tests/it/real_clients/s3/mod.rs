//! Tests an emulator whose files are in a bucket of S3, for which s3s-fs stands.
//!
//! - `redirects`: downloads that lead to the bucket; `failures`: a bucket that is wrong, damaged or silent
//! - `interrupted`: an upload that a kill ends; `memory`: how much memory large files take

mod failures;
mod interrupted;
mod memory;
mod redirects;

use std::fs::File;
use std::net::SocketAddr;
use std::path::PathBuf;

use atlas_common::servers::s3::{self, BUCKET, S3Server};
use reqwest::{Body, Client, Method, RequestBuilder, Response};
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::process::Command;

use crate::support::program::{Program, SERVE};
use crate::support::{FILE, Reply, http, program, upload_path};

const TOKEN: &str = "root-token";

/// A database in a folder, and a bucket. Both outlive the emulators on them.
struct Home {
    store: S3Server,
    folder: TempDir,
}

impl Home {
    fn new() -> Self {
        Self {
            store: S3Server::start().unwrap(),
            folder: tempfile::tempdir().unwrap(),
        }
    }

    /// Returns a command of the program on this home, which reaches the store at this address.
    fn command(&self, store: SocketAddr, arguments: &[&str]) -> Command {
        let mut command = program();
        command
            .args(arguments)
            .env("MOCK_ATLAS_DATA", self.data())
            .env("MOCK_ATLAS_BLOBS", format!("s3://{BUCKET}/files"))
            .envs(s3::variables(store));
        command
    }

    /// Returns the log of the emulator that was started last.
    fn log(&self) -> PathBuf {
        self.folder.path().join("log")
    }

    fn data(&self) -> PathBuf {
        self.folder.path().join("data")
    }

    async fn start(&self, arguments: &[&str]) -> Server {
        self.start_over(self.store.address(), arguments).await
    }

    async fn start_over(&self, store: SocketAddr, arguments: &[&str]) -> Server {
        let arguments = [&SERVE[..], &["--token", TOKEN], arguments].concat();
        let mut command = self.command(store, &arguments);
        command.stderr(File::create(self.log()).unwrap());
        let mut program = Program::of(command);
        let url = program.json().await["address"].as_str().unwrap().to_owned();
        Server {
            program,
            url,
            http: http(),
        }
    }

    /// Runs a command of the program to its end, and returns its exit code and what it complained of.
    async fn run(&self, arguments: &[&str]) -> (Option<i32>, String) {
        let mut command = self.command(self.store.address(), arguments);
        let output = command.output().await.unwrap();
        let stderr = String::from_utf8(output.stderr).unwrap();
        (output.status.code(), stderr)
    }

    /// Returns the files of the store whose names pass, its own and those of objects, in their order.
    fn stored(&self, passes: impl Fn(&str) -> bool) -> Vec<PathBuf> {
        let mut files = self.store.files().unwrap();
        files.retain(|file| passes(file.file_name().unwrap().to_str().unwrap()));
        files
    }

    /// Returns the object with the bytes of the only file.
    fn object(&self) -> PathBuf {
        let mut found = self.stored(|name| name.len() == 32);
        assert_eq!(found.len(), 1, "{found:?}");
        found.remove(0)
    }
}

/// A running emulator.
struct Server {
    program: Program,
    url: String,
    http: Client,
}

impl Server {
    fn request(&self, method: Method, path: &str) -> RequestBuilder {
        let request = self.http.request(method, format!("{}{path}", self.url));
        request.header("X-Atlas-Token", TOKEN)
    }

    async fn get(&self, path: &str) -> Response {
        self.request(Method::GET, path).send().await.unwrap()
    }

    async fn post(&self, path: &str, body: &Value) -> Value {
        let post = self.request(Method::POST, path).json(body);
        let reply = Reply::of(post.send().await.unwrap()).await;
        assert_eq!(reply.status, 200, "{}", reply.body);
        reply.json()
    }

    /// Makes a version of `acme/web`, and returns where its file is to be uploaded. Its first version makes the
    /// artifact, too.
    async fn new_upload(&self) -> String {
        let artifact = json!({"artifact": {"username": "acme", "name": "web"}});
        let made = self.request(Method::POST, "/api/v1/artifacts");
        let made = made.json(&artifact).send().await.unwrap();
        assert!(matches!(made.status().as_u16(), 200 | 422), "{made:?}");
        let new = json!({"artifact_version": {"id": "x", "file": true}});
        upload_path(&self.post(FILE, &new).await)
    }

    async fn push(&self, bytes: impl Into<Body>) {
        let to = self.new_upload().await;
        let put = self.http.put(to).body(bytes).send().await.unwrap();
        assert_eq!(put.status(), 200, "{}", put.text().await.unwrap());
    }
}

/// Returns the path of the file of the first version.
fn first_file() -> String {
    format!("{FILE}/1/file")
}

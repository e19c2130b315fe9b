//! Tests an emulator whose files are in a bucket of S3, for which s3s-fs stands.
//!
//! - `redirects`: downloads that lead to the bucket; `failures`: a bucket that is wrong, damaged or silent
//! - `interrupted`: an upload that a kill ends; `memory`: how much memory large files take
//! - `upkeep`: checks, removal of what is not needed, and the way back from a lost database

mod failures;
mod interrupted;
mod memory;
mod redirects;
mod upkeep;

use std::fs::{self, File};
use std::net::SocketAddr;
use std::path::PathBuf;

use atlas_common::servers::postgres::PostgresServer;
use atlas_common::servers::s3::{self, BUCKET, S3Server};
use reqwest::{Body, Client, Method, RequestBuilder, Response};
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::process::Command;

use crate::support::program::{Program, SERVE};
use crate::support::{FILE, Reply, http, program, upload_path};

pub(super) const TOKEN: &str = "root-token";

/// A database and a bucket. Both outlive the emulators on them.
pub(super) struct Home {
    store: S3Server,
    folder: TempDir,
    /// The URL of the database, unless it is in the folder.
    database: Option<String>,
}

impl Home {
    /// Makes a home whose database is in a folder.
    fn new() -> Self {
        Self {
            store: S3Server::start().unwrap(),
            folder: tempfile::tempdir().unwrap(),
            database: None,
        }
    }

    /// Makes a home whose database is one of PostgreSQL.
    pub(super) fn shared() -> Self {
        let mut home = Self::new();
        home.lose_database();
        home
    }

    /// Gives the home an empty database of PostgreSQL.
    fn lose_database(&mut self) {
        let server = PostgresServer::shared().unwrap();
        self.database = Some(server.new_url().unwrap());
    }

    /// Returns a command of the program on this home, which reaches the store at this address.
    fn command(&self, store: SocketAddr, arguments: &[&str]) -> Command {
        let mut command = program();
        command
            .args(arguments)
            .env("MOCK_ATLAS_BLOBS", format!("s3://{BUCKET}/files"))
            .envs(s3::variables(store));
        match &self.database {
            Some(url) => command.env("MOCK_ATLAS_DATABASE", url),
            None => command.env("MOCK_ATLAS_DATA", self.data()),
        };
        command
    }

    /// Returns the log of the emulator that was started last.
    fn log(&self) -> PathBuf {
        self.folder.path().join("log")
    }

    fn data(&self) -> PathBuf {
        self.folder.path().join("data")
    }

    pub(super) async fn start(&self, arguments: &[&str]) -> Server {
        self.start_over(self.store.address(), arguments).await
    }

    async fn start_over(&self, store: SocketAddr, arguments: &[&str]) -> Server {
        let arguments = [&SERVE[..], &["--token", TOKEN], arguments].concat();
        let mut command = self.command(store, &arguments);
        command.stderr(File::create(self.log()).unwrap());
        Server::of(command).await
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
        let mut found = self.stored(is_object);
        assert_eq!(found.len(), 1, "{found:?}");
        found.remove(0)
    }

    /// Returns the object with these bytes of a file.
    fn object_with(&self, bytes: &str) -> PathBuf {
        let mut found = self.stored(is_object);
        found.retain(|object| fs::read(object).unwrap() == bytes.as_bytes());
        assert_eq!(found.len(), 1, "{found:?}");
        found.remove(0)
    }
}

/// A running emulator.
pub(super) struct Server {
    pub(super) program: Program,
    pub(super) url: String,
    http: Client,
}

impl Server {
    /// Starts the emulator of a command, which announces itself as JSON.
    pub(super) async fn of(command: Command) -> Self {
        let mut program = Program::of(command);
        let url = program.json().await["address"].as_str().unwrap().to_owned();
        Self {
            program,
            url,
            http: http(),
        }
    }

    fn request(&self, method: Method, path: &str) -> RequestBuilder {
        let request = self.http.request(method, format!("{}{path}", self.url));
        request.header("X-Atlas-Token", TOKEN)
    }

    pub(super) async fn get(&self, path: &str) -> Response {
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

    /// Publishes a box with one file, and returns the path of its download.
    async fn publish_box(&self) -> String {
        let new = json!({"username": "acme", "name": "debian", "is_private": false});
        let boxes = "/api/v2/box/acme/debian";
        let version = format!("{boxes}/version/1.0.0");
        self.post("/api/v2/boxes", &json!({ "box": new })).await;
        let new = json!({"version": {"version": "1.0.0"}});
        self.post(&format!("{boxes}/versions"), &new).await;
        let new = json!({"provider": {"name": "virtualbox", "architecture": "amd64"}});
        self.post(&format!("{version}/providers"), &new).await;
        let provider = "virtualbox/amd64";
        let upload = self
            .get(&format!("{version}/provider/{provider}/upload"))
            .await;
        let upload: Value = upload.json().await.unwrap();
        let put = self
            .http
            .put(upload["upload_path"].as_str().unwrap())
            .body("a box");
        assert_eq!(put.send().await.unwrap().status(), 200);
        let released = self.request(Method::PUT, &format!("{version}/release"));
        assert_eq!(released.send().await.unwrap().status(), 200);
        format!("/acme/boxes/debian/versions/1.0.0/providers/{provider}/vagrant.box")
    }
}

/// Returns whether an object of this name has the bytes of a file.
fn is_object(name: &str) -> bool {
    name.len() == 32
}

/// Returns the path of the file of the first version.
fn first_file() -> String {
    format!("{FILE}/1/file")
}

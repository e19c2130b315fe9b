//! Tests that Debian's Vagrant 2.3.4 manages, adds and updates boxes. Each run has a home of its own.

mod box_add;
mod cloud;
mod homes;

use std::io::Write;
use std::path::PathBuf;
use std::process::Stdio;
use std::time::Duration;

use flate2::{Compression, write::GzEncoder};
use mock_atlas::{MockAtlas, User};
use reqwest::Method;
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::process::Command;

use crate::support::http;

/// The longest run of Vagrant, which takes far less.
const LIMIT: Duration = Duration::from_secs(120);

/// A Vagrant with a home of its own, in which it also runs.
pub(super) struct Vagrant {
    home: TempDir,
    server: String,
    token: Option<(&'static str, String)>,
}

/// The exit code of a run, and what it printed to both streams.
pub(super) struct Run {
    pub(super) code: i32,
    pub(super) printed: String,
}

impl Vagrant {
    pub(super) fn at(server: &str) -> Self {
        Self {
            home: tempfile::tempdir().unwrap(),
            server: server.to_owned(),
            token: None,
        }
    }

    /// Gives it a token in this variable.
    pub(super) fn with_token(mut self, variable: &'static str, token: &str) -> Self {
        self.token = Some((variable, token.to_owned()));
        self
    }

    pub(super) fn path(&self, name: &str) -> PathBuf {
        self.home.path().join(name)
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new("vagrant");
        command
            .args(arguments)
            .env_clear()
            .env("PATH", std::env::var_os("PATH").unwrap_or_default())
            .env("HOME", self.home.path())
            .env("VAGRANT_HOME", self.home.path())
            .env("VAGRANT_SERVER_URL", &self.server)
            .env("VAGRANT_CHECKPOINT_DISABLE", "1")
            .env("VAGRANT_NO_COLOR", "1")
            .env("NO_PROXY", "127.0.0.1")
            .env("LANG", "C.UTF-8")
            .current_dir(self.home.path())
            .stdin(Stdio::null())
            .kill_on_drop(true);
        if let Some((variable, token)) = &self.token {
            command.env(variable, token);
        }
        command
    }

    pub(super) async fn run(&self, arguments: &[&str]) -> Run {
        let output = tokio::time::timeout(LIMIT, self.command(arguments).output()).await;
        let output = output.expect("Vagrant must end");
        let output = output.expect("vagrant must be installed");
        let printed = [output.stdout, output.stderr].map(|it| String::from_utf8(it).unwrap());
        Run {
            code: output.status.code().unwrap(),
            printed: printed.concat(),
        }
    }

    /// Runs Vagrant, which must succeed, and returns what it printed.
    pub(super) async fn succeed(&self, arguments: &[&str]) -> String {
        let run = self.run(arguments).await;
        assert_eq!(run.code, 0, "{arguments:?}: {}", run.printed);
        run.printed
    }

    /// Returns the boxes that are installed.
    async fn installed(&self) -> Vec<String> {
        let printed = self.succeed(&["box", "list"]).await;
        printed.lines().map(str::to_owned).collect()
    }

    /// Returns a file of an installed box.
    fn file_of(&self, folder: &str, file: &str) -> String {
        let path = self.path("boxes").join(folder).join(file);
        std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{path:?}: {error}"))
    }
}

/// Returns a box with a disk of this content, which Packer, too, can read.
pub(super) fn vagrant_box(provider: &str, disk: &[u8]) -> Vec<u8> {
    let metadata = json!({"provider": provider}).to_string();
    let mut archive = tar::Builder::new(Vec::new());
    for (name, content) in [("metadata.json", metadata.as_bytes()), ("disk.img", disk)] {
        let mut header = tar::Header::new_gnu();
        header.set_size(content.len() as u64);
        header.set_mode(0o644);
        archive.append_data(&mut header, name, content).unwrap();
    }
    let archive = archive.into_inner().unwrap();
    let mut gzip = GzEncoder::new(Vec::new(), Compression::fast());
    gzip.write_all(&archive).unwrap();
    gzip.finish().unwrap()
}

/// An emulator with the user `acme`, and a client of its API.
pub(super) struct Registry {
    pub(super) atlas: MockAtlas,
    http: reqwest::Client,
}

/// The token of the user `acme`.
pub(super) const TOKEN: &str = "token-of-acme";

impl Registry {
    pub(super) async fn start() -> Self {
        let acme = User::new("acme").password("secret").token(TOKEN);
        Self {
            atlas: MockAtlas::builder().user(acme).start().await.unwrap(),
            http: http(),
        }
    }

    pub(super) fn url(&self) -> &str {
        self.atlas.url()
    }

    /// Calls the API, version 2, and returns the reply to a success.
    pub(super) async fn api(&self, method: Method, path: &str, body: &Value) -> Value {
        let url = format!("{}/api/v2/{path}", self.url());
        let mut request = self.http.request(method, &url).bearer_auth(TOKEN);
        if !body.is_null() {
            request = request.json(body);
        }
        let reply = request.send().await.unwrap();
        let status = reply.status();
        let text = reply.text().await.unwrap();
        assert_eq!(status, 200, "{path}: {text}");
        serde_json::from_str(&text).unwrap()
    }

    pub(super) async fn make_box(&self, name: &str, is_private: bool) {
        let body = json!({"box": {"username": "acme", "name": name, "is_private": is_private}});
        self.api(Method::POST, "boxes", &body).await;
    }

    /// Makes a provider with this file in a version, which is made and released with its first one.
    async fn publish(&self, name: &str, version: &str, provider: &Value, file: Vec<u8>) {
        let of_box = format!("box/acme/{name}");
        let body = json!({"version": {"version": version}});
        self.api(Method::POST, &format!("{of_box}/versions"), &body)
            .await;
        let of_version = format!("{of_box}/version/{version}");
        self.add_provider(&of_version, provider, file).await;
        self.api(Method::PUT, &format!("{of_version}/release"), &Value::Null)
            .await;
    }

    async fn add_provider(&self, of_version: &str, provider: &Value, file: Vec<u8>) {
        let body = json!({ "provider": provider });
        let providers = format!("{of_version}/providers");
        let made = self.api(Method::POST, &providers, &body).await;
        let text = |key: &str| made[key].as_str().unwrap();
        let (name, architecture) = (text("name"), text("architecture"));
        let upload = format!("{of_version}/provider/{name}/{architecture}/upload");
        let upload = self.api(Method::GET, &upload, &Value::Null).await;
        let to = upload["upload_path"].as_str().unwrap();
        let sent = self.http.put(to).body(file).send().await.unwrap();
        assert_eq!(sent.status(), 200);
    }
}

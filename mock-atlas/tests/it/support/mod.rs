//! Provides helpers that start an emulator, send requests to it, and run the program; the tests judge the results.

pub(crate) mod archive;
pub(crate) mod kept;
pub(crate) mod program;

use std::process::{Output, Stdio};

use bytes::Bytes;
use mock_atlas::{Builder, MockAtlas, User};
use reqwest::{Certificate, Client, Method, RequestBuilder, Response, StatusCode};
use serde_json::{Value, json};
use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;
use tokio::process::Command;

pub(crate) const FILE: &str = "/api/v1/artifacts/acme/web/custom.image";

/// An emulator with a second user, `rival`, and a public artifact, `acme/public`.
pub(crate) struct Fixture {
    pub(crate) atlas: MockAtlas,
    pub(crate) http: Client,
}

/// Returns a client that uses no proxy, whatever the environment names.
pub(crate) fn http() -> Client {
    Client::builder().no_proxy().build().unwrap()
}

/// Returns a client that trusts this CA and no other.
pub(crate) fn trusting(pem: &str) -> Client {
    let ca = Certificate::from_pem(pem.as_bytes()).unwrap();
    let builder = Client::builder().no_proxy().tls_certs_only([ca]);
    builder.build().unwrap()
}

/// Returns the status of a GET, if there is a reply.
pub(crate) async fn status_of(url: &str) -> Option<u16> {
    Some(http().get(url).send().await.ok()?.status().as_u16())
}

/// Returns a command of the program without the environment's `MOCK_ATLAS_*` variables.
pub(crate) fn program() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_mock-atlas"));
    for (name, _) in std::env::vars_os() {
        if name.to_string_lossy().starts_with("MOCK_ATLAS_") {
            command.env_remove(name);
        }
    }
    command
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .kill_on_drop(true);
    command
}

/// Runs the program to its end against an emulator with this token, and returns its output.
pub(crate) async fn run(atlas: &MockAtlas, token: &str, arguments: &[&str]) -> Output {
    program()
        .args(arguments)
        .env("ATLAS_ADDRESS", atlas.url())
        .env("ATLAS_TOKEN", token)
        .output()
        .await
        .unwrap()
}

/// Runs the program, checks that it succeeds, and returns its stdout.
pub(crate) async fn printed(atlas: &MockAtlas, arguments: &[&str]) -> String {
    let output = run(atlas, "ROOT", arguments).await;
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(0), "{arguments:?}: {stderr}");
    String::from_utf8(output.stdout).unwrap()
}

/// The status and the body of a reply.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Reply {
    pub(crate) status: StatusCode,
    pub(crate) body: String,
}

impl Reply {
    pub(crate) async fn of(response: Response) -> Self {
        Self {
            status: response.status(),
            body: response.text().await.unwrap(),
        }
    }

    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap_or_else(|error| panic!("{error}: {}", self.body))
    }
}

impl Fixture {
    pub(crate) async fn new() -> Self {
        Self::with(|builder| builder).await
    }

    pub(crate) async fn with(change: impl FnOnce(Builder) -> Builder) -> Self {
        let builder = MockAtlas::builder()
            .token("ROOT")
            .user(User::new("rival").password("secret").token("RIVAL"))
            .public_artifact("acme/public");
        let atlas = change(builder).start().await.unwrap();
        Self {
            atlas,
            http: http(),
        }
    }

    pub(crate) fn anonymous(&self, method: Method, path: &str) -> RequestBuilder {
        self.http
            .request(method, format!("{}{path}", self.atlas.url()))
    }

    pub(crate) fn request(&self, method: Method, path: &str) -> RequestBuilder {
        self.anonymous(method, path).header("X-Atlas-Token", "ROOT")
    }

    /// Sends a request to the emulator's own API with the root token, and returns the reply.
    pub(crate) async fn mock(&self, method: Method, path: &str, body: Option<Value>) -> Reply {
        let mut request = self.request(method, &format!("/_mock{path}"));
        if let Some(body) = body {
            request = request.json(&body);
        }
        Reply::of(request.send().await.unwrap()).await
    }

    pub(crate) async fn get(&self, path: &str) -> Reply {
        Reply::of(self.request(Method::GET, path).send().await.unwrap()).await
    }

    pub(crate) async fn post(&self, path: &str, body: Value) -> Reply {
        Reply::of(
            self.request(Method::POST, path)
                .json(&body)
                .send()
                .await
                .unwrap(),
        )
        .await
    }

    pub(crate) async fn make_artifact(&self, username: &str, name: &str) {
        let body = json!({"artifact": {"username": username, "name": name}});
        assert_eq!(self.post("/api/v1/artifacts", body).await.status, 200);
    }

    /// Creates a version, and returns the reply.
    pub(crate) async fn make_version(&self, version: Value) -> Value {
        let reply = self
            .post(FILE, json!({ "artifact_version": version }))
            .await;
        assert_eq!(reply.status, 200, "{}", reply.body);
        reply.json()
    }

    /// Creates a version of `acme/web` with this file, and returns the version.
    pub(crate) async fn push(&self, bytes: &'static [u8]) -> Value {
        let version = self.make_version(json!({"id": "x", "file": true})).await;
        let reply = self.put(&upload_path(&version), bytes).await;
        assert_eq!(reply.status, 200, "{}", reply.body);
        version
    }

    /// Pushes a box with one file through its own API, releases it, and returns the path of its provider.
    pub(crate) async fn push_box(&self) -> String {
        let boxes = "/api/v2/box/acme/debian";
        let new = json!({"box": {"username": "acme", "name": "debian", "is_private": false,
            "short_description": "a box"}});
        for (path, body) in [
            ("/api/v2/boxes".to_owned(), new),
            (
                format!("{boxes}/versions"),
                json!({"version": {"version": "1.0.0"}}),
            ),
            (
                format!("{boxes}/version/1.0.0/providers"),
                json!({"provider": {"name": "virtualbox", "architecture": "amd64"}}),
            ),
        ] {
            let reply = self.post(&path, body).await;
            assert_eq!(reply.status, 200, "{}", reply.body);
        }
        let provider = format!("{boxes}/version/1.0.0/provider/virtualbox/amd64");
        let direct = self.get(&format!("{provider}/upload/direct")).await.json();
        let upload_path = direct["upload_path"].as_str().unwrap();
        assert_eq!(self.put(upload_path, b"a box").await.status, 200);
        let callback = direct["callback"].as_str().unwrap();
        let called = self.http.put(callback).header("X-Atlas-Token", "ROOT");
        assert_eq!(called.send().await.unwrap().status(), 200);
        let release = format!("{boxes}/version/1.0.0/release");
        let released = self.request(Method::PUT, &release).send().await.unwrap();
        assert_eq!(released.status(), 200);
        provider
    }

    pub(crate) async fn put(&self, url: &str, bytes: &'static [u8]) -> Reply {
        Reply::of(self.http.put(url).body(bytes).send().await.unwrap()).await
    }

    /// Returns the numbers of the versions that a search of `acme/web` finds.
    pub(crate) async fn found(&self, query: &str) -> Vec<u64> {
        let reply = self.get(&format!("{FILE}/search?{query}")).await;
        assert_eq!(reply.status, 200, "{}", reply.body);
        let versions = reply.json()["versions"].as_array().unwrap().clone();
        versions
            .iter()
            .map(|version| version["version"].as_u64().unwrap())
            .collect()
    }
}

pub(crate) fn upload_path(version: &Value) -> String {
    version["upload_path"].as_str().unwrap().to_owned()
}

/// Parses a body as JSON; returns `null` if it is none.
pub(crate) fn said(body: &[u8]) -> Value {
    serde_json::from_slice(body).unwrap_or_default()
}

/// Repeats a request until the reply is 200 and complete, valid JSON if it claims to be; returns `None` when the
/// reply is 404.
pub(crate) async fn persist(request: impl Fn() -> RequestBuilder) -> Option<Bytes> {
    loop {
        let Ok(reply) = request().send().await else {
            continue;
        };
        let status = reply.status();
        let is_json = reply.headers()["content-type"] == "application/json";
        match reply.bytes().await {
            Ok(body) if status == 200 && !(is_json && said(&body).is_null()) => break Some(body),
            Ok(_) if status == 404 => break None,
            _ => {}
        }
    }
}

/// Sends the head of an upload with these header lines, each with its CRLF, and leaves the body to the caller.
pub(crate) async fn begin_upload(url: &str, headers: &str) -> TcpStream {
    let (host, path) = url
        .strip_prefix("http://")
        .unwrap()
        .split_once('/')
        .unwrap();
    let mut stream = TcpStream::connect(host).await.unwrap();
    let head = format!("PUT /{path} HTTP/1.1\r\nHost: x\r\n{headers}\r\n");
    stream.write_all(head.as_bytes()).await.unwrap();
    stream
}

pub(crate) const NOT_FOUND: &str = r#"{"errors":["Resource not found!"],"success":false}"#;

//! Tests HCP's registry of boxes, its operations, and its tokens.

mod architectures;
mod boxes;
mod errors;
mod lists;
mod packer;
mod registries;
mod search;
mod token;
mod uploads;
mod versions;

use mock_atlas::{Builder, Seed};
use reqwest::Method;
use serde_json::{Value, json};

use crate::support::{Fixture, Reply};

pub(crate) const REGISTRY: &str = "/vagrant/2022-09-30";

/// An emulator with the organisation `acme`, in which amy is an administrator, wendy may write and rita may read.
pub(crate) struct Hcp {
    pub(crate) fixture: Fixture,
}

impl Hcp {
    pub(crate) async fn new() -> Self {
        Self::with(|builder| builder).await
    }

    pub(crate) async fn with(change: impl FnOnce(Builder) -> Builder) -> Self {
        let seed = r#"{
            "users": [
                {"username": "amy", "tokens": [{"token": "AMYS-TOKEN"}]},
                {"username": "wendy", "tokens": [{"token": "WENDYS-TOKEN"}]},
                {"username": "rita", "tokens": [{"token": "RITAS-TOKEN"}]}
            ],
            "organizations": [{"name": "acme", "members": [
                {"username": "amy", "role": "admin"},
                {"username": "wendy", "role": "write"},
                {"username": "rita", "role": "read"}
            ]}]
        }"#;
        let seed = Seed::from_json(seed).unwrap();
        let fixture = Fixture::with(|builder| change(builder.seed(seed))).await;
        Self { fixture }
    }

    /// Sends a request below the registry's path, with a token unless it is empty.
    pub(crate) async fn call_as(
        &self,
        token: &str,
        method: Method,
        path: &str,
        body: Option<Value>,
    ) -> Reply {
        let path = format!("{REGISTRY}{path}");
        let mut request = self.fixture.anonymous(method, &path);
        if !token.is_empty() {
            request = request.bearer_auth(token);
        }
        if let Some(body) = body {
            request = request.json(&body);
        }
        Reply::of(request.send().await.unwrap()).await
    }

    /// Sends a request with amy's token, and returns the JSON of the reply, which must be 200.
    pub(crate) async fn ok(&self, method: Method, path: &str, body: Option<Value>) -> Value {
        let reply = self.call_as("AMYS-TOKEN", method, path, body).await;
        assert_eq!(reply.status, 200, "{path}: {}", reply.body);
        reply.json()
    }

    pub(crate) async fn get(&self, path: &str) -> Value {
        self.ok(Method::GET, path, None).await
    }

    pub(crate) async fn post(&self, path: &str, body: Value) -> Value {
        self.ok(Method::POST, path, Some(body)).await
    }

    pub(crate) async fn put(&self, path: &str, body: Option<Value>) -> Value {
        self.ok(Method::PUT, path, body).await
    }

    pub(crate) async fn delete(&self, path: &str) -> Value {
        self.ok(Method::DELETE, path, None).await
    }

    /// Sends a request with amy's token, and returns its status, the code and the message, since the request is
    /// refused.
    pub(crate) async fn refused(
        &self,
        method: Method,
        path: &str,
        body: Option<Value>,
    ) -> (u16, u64, String) {
        refusal(&self.call_as("AMYS-TOKEN", method, path, body).await)
    }

    /// Creates the public box `acme/web`, and a version with one architecture of virtualbox.
    pub(crate) async fn make_box(&self, version: &str) {
        let new = json!({"name": "web", "description": "*W*", "short_description": "w"});
        let made = self
            .call_as(
                "AMYS-TOKEN",
                Method::POST,
                "/registry/acme/boxes",
                Some(new),
            )
            .await;
        assert!([200, 409].contains(&made.status.as_u16()), "{}", made.body);
        self.post(&path_of("/versions"), json!({ "name": version }))
            .await;
        let of_version = path_of(&format!("/version/{version}"));
        self.post(
            &format!("{of_version}/providers"),
            json!({"name": "virtualbox"}),
        )
        .await;
        let architectures = format!("{of_version}/provider/virtualbox/architectures");
        self.post(&architectures, json!({"architecture_type": "amd64"}))
            .await;
    }

    /// Uploads the file of an architecture, not directly.
    pub(crate) async fn upload(&self, architecture: &str, bytes: &'static [u8]) {
        let begun = self.get(&format!("{architecture}/upload")).await;
        let sent = self
            .fixture
            .put(begun["url"].as_str().unwrap(), bytes)
            .await;
        assert_eq!(sent.status, 200, "{}", sent.body);
    }
}

/// Returns a path of the box `acme/web`.
pub(crate) fn path_of(tail: &str) -> String {
    format!("/registry/acme/box/web{tail}")
}

/// Returns the status, the code and the message of an error, whose form must be HCP's.
pub(crate) fn refusal(reply: &Reply) -> (u16, u64, String) {
    let error = reply.json();
    let names: Vec<_> = error.as_object().unwrap().keys().collect();
    assert_eq!(names, ["code", "message", "details"], "{error}");
    assert_eq!(error["details"], json!([]));
    (
        reply.status.as_u16(),
        error["code"].as_u64().unwrap(),
        error["message"].as_str().unwrap().to_owned(),
    )
}

/// Returns the values of a field of all objects in a list.
pub(crate) fn all<'a>(list: &'a Value, field: &str) -> Vec<&'a str> {
    let list = list.as_array().unwrap().iter();
    list.map(|one| one[field].as_str().unwrap()).collect()
}

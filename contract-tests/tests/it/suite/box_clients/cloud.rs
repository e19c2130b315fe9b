//! Publishes in the order of `vagrant cloud publish`, by version 2 of the API.

use reqwest::Method;
use serde_json::{Value, json};

use super::{Build, client, send, sha256, upload};

pub(super) struct CloudClient {
    server: String,
    token: String,
    http: reqwest::Client,
}

impl CloudClient {
    pub(super) fn new(server: &str, token: &str) -> Self {
        Self {
            server: server.to_owned(),
            token: token.to_owned(),
            http: client(),
        }
    }

    /// Publishes and releases a public box of the token's user.
    pub(super) async fn publish(&self, build: &Build<'_>) {
        let caller = self.get("authenticate").await;
        let username = caller["user"]["username"].as_str().unwrap();
        let of_box = self.find_or_make_box(username, build).await;
        let path = format!("box/{username}/{}", build.name);
        let version = self.find_or_make_version(&path, &of_box, build).await;
        let path = format!("{path}/version/{}", build.version);
        let provider = self.put_provider(&path, &version, build).await;
        self.upload(&path, &provider, build.file).await;
        if version["status"] != "active" {
            let release = format!("{path}/release");
            let released = self.call(Method::PUT, &release, &Value::Null).await;
            assert_eq!(released["status"], "active");
        }
    }

    async fn find_or_make_box(&self, username: &str, build: &Build<'_>) -> Value {
        let owner = self.get(&format!("user/{username}")).await;
        let mut boxes = owner["boxes"].as_array().unwrap().iter();
        if boxes.any(|it| it["name"] == build.name) {
            return self.get(&format!("box/{username}/{}", build.name)).await;
        }
        let of_box = json!({"username": username, "name": build.name, "is_private": false});
        let made = self
            .call(Method::POST, "boxes", &json!({ "box": of_box }))
            .await;
        assert_eq!(made["tag"], format!("{username}/{}", build.name));
        made
    }

    async fn find_or_make_version(&self, path: &str, of_box: &Value, build: &Build<'_>) -> Value {
        let versions = of_box["versions"].as_array().unwrap();
        match versions.iter().find(|it| it["version"] == build.version) {
            Some(version) => version.clone(),
            None => {
                let body = json!({"version": {"version": build.version}});
                self.call(Method::POST, &format!("{path}/versions"), &body)
                    .await
            }
        }
    }

    /// Makes the provider; says nothing new of one that is there, except for the checksum of its next file.
    async fn put_provider(&self, path: &str, version: &Value, build: &Build<'_>) -> Value {
        let providers = version["providers"].as_array().unwrap();
        let is_this =
            |it: &&Value| it["name"] == build.provider && it["architecture"] == build.architecture;
        let mut provider = json!({
            "name": build.provider, "checksum": sha256(build.file), "checksum_type": "sha256",
            "architecture": build.architecture,
        });
        match providers.iter().find(is_this) {
            None => {
                let body = json!({ "provider": provider });
                self.call(Method::POST, &format!("{path}/providers"), &body)
                    .await
            }
            Some(known) => {
                provider["url"] = Value::Null;
                provider["default_architecture"] = known["default_architecture"].clone();
                let path = format!("{path}/provider/{}/{}", build.provider, build.architecture);
                self.call(Method::PUT, &path, &json!({ "provider": provider }))
                    .await
            }
        }
    }

    async fn upload(&self, path: &str, provider: &Value, file: &[u8]) {
        let text = |key: &str| provider[key].as_str().unwrap();
        let (name, architecture) = (text("name"), text("architecture"));
        let direct = format!("{path}/provider/{name}/{architecture}/upload/direct");
        let direct = self.get(&direct).await;
        let to = direct["upload_path"].as_str().unwrap();
        assert_eq!(upload(to, file).await, 200);
        let callback = direct["callback"].as_str().unwrap();
        let callback = self.http.put(callback).bearer_auth(&self.token);
        let (status, completed) = send(callback).await;
        assert_eq!((status, &completed["hosted"]), (200, &json!(true)));
        assert_eq!(completed["checksum"], sha256(file));
    }

    async fn get(&self, path: &str) -> Value {
        self.call(Method::GET, path, &Value::Null).await
    }

    /// Returns the reply to a call, which must succeed.
    async fn call(&self, method: Method, path: &str, body: &Value) -> Value {
        let url = format!("{}/api/v2/{path}", self.server);
        let mut request = self.http.request(method, url).bearer_auth(&self.token);
        if !body.is_null() {
            request = request
                .header("Content-Type", "application/json")
                .body(body.to_string());
        }
        let (status, reply) = send(request).await;
        assert_eq!(status, 200, "{path}: {reply}");
        assert!(reply.get("errors").is_none(), "{path}: {reply}");
        reply
    }
}

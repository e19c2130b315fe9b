//! Publishes in the order of Packer's post-processor `vagrant-registry`, by HCP's API with OAuth.

use std::time::Duration;

use reqwest::Method;
use serde_json::{Value, json};

use super::{Build, client, send, upload};

/// The time that Packer waits for an operation.
const PATIENCE: Duration = Duration::from_secs(60);

pub(super) struct RegistryClient {
    server: String,
    /// The registry, which is a user or an organisation.
    registry: String,
    access_token: String,
    http: reqwest::Client,
}

impl RegistryClient {
    /// Gets an access token for client credentials: first in the header, and after a refusal in the form.
    ///
    /// # Errors
    /// The statuses of both attempts.
    pub(super) async fn log_in(server: &str, id: &str, secret: &str) -> Result<Self, Vec<u16>> {
        let http = client();
        let url = format!("{server}/oauth2/token");
        let form = "audience=https%3A%2F%2Fapi.hashicorp.cloud&grant_type=client_credentials";
        let post = |body: String| {
            let request = http.post(&url).body(body);
            request.header("Content-Type", "application/x-www-form-urlencoded")
        };
        let attempts = [
            post(form.to_owned()).basic_auth(id, Some(secret)),
            post(format!("{form}&client_id={id}&client_secret={secret}")),
        ];
        let mut statuses = Vec::new();
        for attempt in attempts {
            let (status, reply) = send(attempt).await;
            if status == 200 {
                assert!(reply["expires_in"].as_u64().unwrap() > 0);
                return Ok(Self {
                    server: server.to_owned(),
                    registry: id.to_owned(),
                    access_token: reply["access_token"].as_str().unwrap().to_owned(),
                    http: http.clone(),
                });
            }
            assert_eq!(reply["error"], "invalid_client", "{reply}");
            statuses.push(status);
        }
        Err(statuses)
    }

    pub(super) fn access_token(&self) -> &str {
        &self.access_token
    }

    /// Publishes and releases a private box of the registry.
    pub(super) async fn publish(&self, build: &Build<'_>) {
        let of_box = format!("box/{}", build.name);
        if self.find(&of_box, "box").await.is_none() {
            let body = bare(json!({"name": build.name, "description": "", "is_private": true}));
            let made = self.call(Method::POST, "boxes", &body).await;
            self.wait_for(&made["operation"]).await;
        }
        let of_version = format!("{of_box}/version/{}", build.version);
        let body = json!({"name": build.version, "description": ""});
        let parent = format!("{of_box}/versions");
        let version = self
            .find_or_make(&of_version, &parent, "version", body)
            .await;
        let of_provider = format!("{of_version}/provider/{}", build.provider);
        let body = json!({"name": build.provider});
        let parent = format!("{of_version}/providers");
        self.find_or_make(&of_provider, &parent, "provider", body)
            .await;
        self.put_architecture(&of_provider, build).await;
        if version["state"] == "UNRELEASED" {
            let release = format!("{of_version}/release");
            self.call(Method::PUT, &release, &Value::Null).await;
        }
    }

    async fn put_architecture(&self, of_provider: &str, build: &Build<'_>) {
        let path = format!("{of_provider}/architecture/{}", build.architecture);
        let data = bare(json!({"checksum_type": "NONE"}));
        if self.find(&path, "architecture").await.is_some() {
            let body = bare(json!({ "box_data": data }));
            self.call(Method::PUT, &path, &body).await;
        } else {
            let body = bare(json!({"architecture_type": build.architecture, "box_data": data}));
            let architectures = format!("{of_provider}/architectures");
            self.call(Method::POST, &architectures, &body).await;
        }
        let direct = format!("{path}/direct/upload");
        let direct = self.call(Method::GET, &direct, &Value::Null).await;
        let to = direct["url"].as_str().unwrap();
        assert_eq!(upload(to, build.file).await, 200);
        let object = direct["object"].as_str().unwrap();
        let complete = format!("{path}/direct/complete/{object}");
        self.call(Method::PUT, &complete, &Value::Null).await;
        let found = self.find(&path, "architecture").await.unwrap();
        assert_eq!(found["box_data"]["size"], build.file.len().to_string());
    }

    /// Returns the file of an architecture, from the address that the API tells.
    pub(super) async fn download(
        &self,
        name: &str,
        version: &str,
        provider: &str,
        architecture: &str,
    ) -> Vec<u8> {
        let path = format!(
            "box/{name}/version/{version}/provider/{provider}/architecture/{architecture}/download"
        );
        let told = self.call(Method::GET, &path, &Value::Null).await;
        let url = told["url"].as_str().unwrap();
        let request = self.http.get(url).bearer_auth(&self.access_token);
        request
            .send()
            .await
            .unwrap()
            .bytes()
            .await
            .unwrap()
            .to_vec()
    }

    /// Returns the names of all versions, page by page.
    pub(super) async fn versions(&self, name: &str) -> Vec<String> {
        let (mut names, mut token) = (Vec::new(), String::new());
        loop {
            let query = format!("pagination.page_size=1&pagination.next_page_token={token}");
            let path = format!("box/{name}/versions?{query}");
            let page = self.call(Method::GET, &path, &Value::Null).await;
            let versions = page["versions"].as_array().unwrap().iter();
            names.extend(versions.map(|it| it["name"].as_str().unwrap().to_owned()));
            match page["pagination"]["next_page_token"].as_str() {
                Some(next) if !next.is_empty() => next.clone_into(&mut token),
                _ => return names,
            }
        }
    }

    async fn find_or_make(&self, path: &str, parent: &str, key: &str, body: Value) -> Value {
        match self.find(path, key).await {
            Some(found) => found,
            None => self.call(Method::POST, parent, &bare(body)).await[key].take(),
        }
    }

    /// Returns an object, which is wrapped in a field of its kind.
    async fn find(&self, path: &str, kind: &str) -> Option<Value> {
        let (status, mut reply) = send(self.request(Method::GET, path)).await;
        if status == 404 {
            assert_eq!(reply["code"], 5, "{path}: {reply}");
            return None;
        }
        assert_eq!(status, 200, "{path}: {reply}");
        Some(reply[kind].take())
    }

    async fn wait_for(&self, operation: &Value) {
        let text = |value: &Value| value.as_str().unwrap().to_owned();
        let (id, location) = (text(&operation["id"]), &operation["location"]);
        let url = format!(
            "{}/operation/2020-05-05/organizations/{}/projects/{}/operations/{id}/wait?timeout=60s",
            self.server,
            text(&location["organization_id"]),
            text(&location["project_id"]),
        );
        let wait = self.http.get(url).bearer_auth(&self.access_token);
        let waited = tokio::time::timeout(PATIENCE, send(wait)).await;
        let (status, reply) = waited.unwrap();
        assert_eq!(
            (status, &reply["operation"]["state"]),
            (200, &json!("DONE"))
        );
    }

    fn request(&self, method: Method, path: &str) -> reqwest::RequestBuilder {
        let (server, registry) = (&self.server, &self.registry);
        let url = format!("{server}/vagrant/2022-09-30/registry/{registry}/{path}");
        self.http
            .request(method, url)
            .bearer_auth(&self.access_token)
    }

    /// Returns the reply to a call, which must succeed.
    async fn call(&self, method: Method, path: &str, body: &Value) -> Value {
        let mut request = self.request(method, path);
        if !body.is_null() {
            request = request
                .header("Content-Type", "application/json")
                .body(body.to_string());
        }
        let (status, reply) = send(request).await;
        assert_eq!(status, 200, "{path}: {reply}");
        reply
    }
}

/// Returns an object with the fields that HashiCorp's SDK adds, although they say nothing.
fn bare(mut object: Value) -> Value {
    for time in ["created_at", "updated_at"] {
        object[time] = json!("0001-01-01T00:00:00.000Z");
    }
    object
}

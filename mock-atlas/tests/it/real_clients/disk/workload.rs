//! Clients of an emulator that remember what they were told, and when.

use std::time::{SystemTime, UNIX_EPOCH};

use reqwest::{Client, Method, Response};
use serde_json::{Value, json};

use crate::support::{FILE, http, upload_path};

/// A fact that a client was told, or a change that it asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Fact {
    /// The artifact of all versions is there.
    Artifact,
    /// A version has this number and this id.
    Created(u64, String),
    /// The file of a version is stored.
    Stored(u64),
    /// A deletion was asked for; it may be done from now on.
    Deleting(u64),
    /// A version is deleted.
    Deleted(u64),
    /// A box of this name has a released version with a file.
    Released(String),
}

/// A fact with the time from which it holds, in seconds since 1970.
pub(super) type Known = (f64, Fact);

pub(super) fn now() -> f64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH);
    since.unwrap().as_secs_f64()
}

/// Returns the bytes of the file of a version or a box, up to 40 kB.
pub(super) fn bytes(id: &str) -> Vec<u8> {
    let len = id
        .bytes()
        .fold(7, |sum, byte| (sum * 31 + usize::from(byte)) % 40_000);
    id.bytes().cycle().take(1 + len).collect()
}

/// A client that works until the emulator is gone.
pub(super) struct Writer {
    pub(super) url: String,
    /// The beginning of the ids, which no other writer has.
    pub(super) name: String,
    http: Client,
    known: Vec<Known>,
}

impl Writer {
    pub(super) fn new(url: &str, name: String) -> Self {
        let (url, known) = (url.to_owned(), Vec::new());
        Self {
            url,
            name,
            http: http(),
            known,
        }
    }

    /// Creates the artifact.
    pub(super) async fn artifact(mut self) -> Vec<Known> {
        let new = json!({"artifact": {"username": "acme", "name": "web"}});
        self.ask(Method::POST, "/api/v1/artifacts", &new)
            .await
            .unwrap();
        self.know(Fact::Artifact);
        self.known
    }

    /// Creates versions with and without files, and deletes some, `times` times or until the emulator is
    /// gone.
    pub(super) async fn versions(mut self, times: usize) -> Vec<Known> {
        for number in 0..times {
            if self.version(number).await.is_none() {
                break;
            }
        }
        self.known
    }

    async fn version(&mut self, at: usize) -> Option<()> {
        let first = self
            .create(format!("{}-{at}-file", self.name), true)
            .await?;
        self.create(format!("{}-{at}-plain", self.name), false)
            .await?;
        if at % 3 == 2 {
            self.known.push((now(), Fact::Deleting(first)));
            let path = format!("/_mock{}/{first}", FILE.trim_start_matches("/api/v1"));
            self.ask(Method::DELETE, &path, &Value::Null).await?;
            self.know(Fact::Deleted(first));
        }
        Some(())
    }

    async fn create(&mut self, id: String, file: bool) -> Option<u64> {
        let metadata = json!({"arch": "amd64", "of": self.name, "id": id});
        let new = json!({"artifact_version": {"id": id, "file": file, "metadata": metadata}});
        let version = self.ask(Method::POST, FILE, &new).await?;
        let number = version["version"].as_u64()?;
        self.know(Fact::Created(number, id.clone()));
        if file {
            let put = self.http.put(upload_path(&version)).body(bytes(&id));
            succeeded(put.send().await)?;
            self.know(Fact::Stored(number));
        }
        Some(number)
    }

    /// Publishes boxes, `times` times or until the emulator is gone.
    pub(super) async fn boxes(mut self, times: usize) -> Vec<Known> {
        for number in 0..times {
            if self
                .publish(format!("{}-{number}", self.name))
                .await
                .is_none()
            {
                break;
            }
        }
        self.known
    }

    async fn publish(&mut self, name: String) -> Option<()> {
        let path = format!("/api/v2/box/acme/{name}");
        let new = json!({"box": {"username": "acme", "name": name, "is_private": false}});
        self.ask(Method::POST, "/api/v2/boxes", &new).await?;
        let version = json!({"version": {"version": "1.0.0"}});
        self.ask(Method::POST, &format!("{path}/versions"), &version)
            .await?;
        let path = format!("{path}/version/1.0.0");
        let provider = json!({"provider": {"name": "virtualbox", "architecture": "amd64"}});
        self.ask(Method::POST, &format!("{path}/providers"), &provider)
            .await?;
        let direct = format!("{path}/provider/virtualbox/amd64/upload/direct");
        let direct = self.ask(Method::GET, &direct, &Value::Null).await?;
        let put = self.http.put(upload_path(&direct)).body(bytes(&name));
        succeeded(put.send().await)?;
        let callback = self.http.put(direct["callback"].as_str()?);
        succeeded(callback.bearer_auth("ROOT").send().await)?;
        self.ask(Method::PUT, &format!("{path}/release"), &Value::Null)
            .await?;
        self.know(Fact::Released(name));
        Some(())
    }

    fn know(&mut self, fact: Fact) {
        self.known.push((now(), fact));
    }

    /// Returns the reply, which must be a success; `None` if the emulator is gone.
    async fn ask(&self, method: Method, path: &str, body: &Value) -> Option<Value> {
        let mut request = self
            .http
            .request(method, format!("{}{path}", self.url))
            .bearer_auth("ROOT");
        if !body.is_null() {
            request = request.json(body);
        }
        let body = succeeded(request.send().await)?.bytes().await.ok()?;
        Some(serde_json::from_slice(&body).unwrap_or_default())
    }
}

fn succeeded(reply: reqwest::Result<Response>) -> Option<Response> {
    reply.ok()?.error_for_status().ok()
}

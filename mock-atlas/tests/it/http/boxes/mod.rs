//! Tests of the calls for Vagrant boxes, and of what `vagrant box add` reads.

mod changes;
mod documents;
mod files;
mod logins;
mod own_api;
mod providers;
mod search;
mod tokens;
mod uploads;
mod versions;

use reqwest::Method;
use serde_json::{Value, json};

use crate::support::{Fixture, Reply};

/// The bytes of a file of a box.
const BYTES: &[u8] = b"the bytes of a box";

/// The SHA-256 digest of [`BYTES`].
const SHA256: &str = "9bb5c2d5fe81051c0d5d279427c46997e80c864b476d3c9b173c37084bdd4258";

/// Sends a request with this token, and returns the reply.
async fn call_as(
    fixture: &Fixture,
    token: Option<&str>,
    method: Method,
    path: &str,
    body: Option<Value>,
) -> Reply {
    let mut request = fixture.anonymous(method, path);
    if let Some(token) = token {
        request = request.bearer_auth(token);
    }
    if let Some(body) = body {
        request = request.json(&body);
    }
    Reply::of(request.send().await.unwrap()).await
}

/// Sends a request with the root token, and returns the reply.
async fn call(fixture: &Fixture, method: Method, path: &str, body: Option<Value>) -> Reply {
    call_as(fixture, Some("ROOT"), method, path, body).await
}

async fn get(fixture: &Fixture, path: &str) -> Reply {
    call(fixture, Method::GET, path, None).await
}

/// Sends a request that must succeed, and returns its JSON.
async fn done(fixture: &Fixture, method: Method, path: &str, body: Option<Value>) -> Value {
    let reply = call(fixture, method, path, body).await;
    assert_eq!(reply.status, 200, "{path}: {}", reply.body);
    reply.json()
}

async fn shown(fixture: &Fixture, path: &str) -> Value {
    done(fixture, Method::GET, path, None).await
}

async fn post(fixture: &Fixture, path: &str, body: Value) -> Value {
    done(fixture, Method::POST, path, Some(body)).await
}

async fn put(fixture: &Fixture, path: &str, body: Value) -> Value {
    done(fixture, Method::PUT, path, Some(body)).await
}

async fn delete(fixture: &Fixture, path: &str) -> Value {
    done(fixture, Method::DELETE, path, None).await
}

/// Checks that a request is refused, and returns the message.
async fn refused(
    fixture: &Fixture,
    method: Method,
    path: &str,
    body: Option<Value>,
    status: u16,
) -> String {
    let reply = call(fixture, method, path, body).await;
    assert_eq!(reply.status, status, "{path}: {}", reply.body);
    let error = reply.json();
    assert_eq!(error["success"], false);
    error["errors"][0].as_str().unwrap().to_owned()
}

/// Creates the public box `acme/web` with these versions, none of which has a provider.
async fn make_box(fixture: &Fixture, versions: &[&str]) {
    let body = json!({"box": {"username": "acme", "name": "web", "is_private": false}});
    post(fixture, "/api/v2/boxes", body).await;
    for version in versions {
        let body = json!({"version": {"version": version}});
        post(fixture, "/api/v2/box/acme/web/versions", body).await;
    }
}

/// Returns the path of a version of `acme/web`.
fn version_path(version: &str) -> String {
    format!("/api/v2/box/acme/web/version/{version}")
}

/// Creates a provider of a version of `acme/web`.
async fn make_provider(fixture: &Fixture, version: &str, provider: Value) -> Value {
    let path = format!("{}/providers", version_path(version));
    post(fixture, &path, json!({ "provider": provider })).await
}

/// Uploads the file of a provider, directly or not, and returns the provider.
async fn upload(fixture: &Fixture, provider: &str, bytes: &'static [u8]) -> Value {
    let begun = shown(fixture, &format!("{provider}/upload")).await;
    let path = begun["upload_path"].as_str().unwrap();
    let reply = fixture.put(path, bytes).await;
    assert_eq!(reply.status, 200, "{}", reply.body);
    shown(fixture, provider).await
}

/// Creates a released version of `acme/web` with a file for virtualbox on amd64, and returns the provider's path.
async fn publish(fixture: &Fixture, version: &str, bytes: &'static [u8]) -> String {
    let body = json!({"version": {"version": version}});
    post(fixture, "/api/v2/box/acme/web/versions", body).await;
    let provider = json!({"name": "virtualbox", "architecture": "amd64"});
    make_provider(fixture, version, provider).await;
    let provider = format!("{}/provider/virtualbox/amd64", version_path(version));
    upload(fixture, &provider, bytes).await;
    let release = format!("{}/release", version_path(version));
    done(fixture, Method::PUT, &release, None).await;
    provider
}

/// Returns the values of one field of an array's objects.
fn each(list: &Value, field: &str) -> Vec<String> {
    let list = list.as_array().unwrap().iter();
    let text = |value: &Value| match value {
        Value::String(text) => text.clone(),
        other => other.to_string(),
    };
    list.map(|object| text(&object[field])).collect()
}

/// Returns the path of a URL at the emulator.
fn path_of<'a>(fixture: &Fixture, url: &'a Value) -> &'a str {
    let url = url.as_str().unwrap();
    url.strip_prefix(fixture.atlas.url()).unwrap()
}

//! Uploads any bytes as the file of a Vagrant box: the emulator stores them, whatever it finds in them.

#![no_main]

use std::sync::LazyLock;

use axum::Router;
use axum::body::Body;
use axum::http::Request;
use http_body_util::BodyExt as _;
use libfuzzer_sys::fuzz_target;
use mock_atlas::MockAtlas;
use serde_json::{Value, json};
use tokio::runtime::Runtime;
use tower::ServiceExt as _;

static RUNTIME: LazyLock<Runtime> = LazyLock::new(|| {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build();
    runtime.expect("a runtime")
});

static ATLAS: LazyLock<Router> = LazyLock::new(|| {
    let builder = MockAtlas::builder()
        // The paths of `/_mock/` are refused to a host that nobody allowed.
        .allow_host("atlas")
        .token("T")
        .public_artifact("acme/web");
    builder.router().expect("an emulator")
});

fuzz_target!(|file: &[u8]| {
    RUNTIME.block_on(upload(file.to_vec()));
});

async fn upload(file: Vec<u8>) {
    // The version of the box is always the same, so that the box does not grow.
    let metadata = json!({"provider": "x", "version": "1.0.0"});
    let version = json!({"artifact_version": {"file": true, "metadata": metadata}});
    let of_type = "/api/v1/artifacts/acme/web/vagrant.box";
    let version = ask("POST", of_type, version.to_string().into()).await;
    let version: Value = serde_json::from_slice(&version).expect("JSON");
    let path = version["upload_path"].as_str().expect("a path");
    let path = path.strip_prefix("http://atlas").expect("the host");
    ask("PUT", path, file.into()).await;
    // Otherwise all files would stay in memory.
    let number = &version["version"];
    let version = format!("/_mock/artifacts/acme/web/vagrant.box/{number}");
    ask("DELETE", &version, Body::empty()).await;
}

/// Sends a request, and returns the body of the reply, which must be a success.
async fn ask(method: &str, path: &str, body: Body) -> Vec<u8> {
    let request = Request::builder()
        .method(method)
        .uri(path)
        .header("Host", "atlas")
        .header("X-Atlas-Token", "T")
        .body(body);
    let reply = ATLAS.clone().oneshot(request.expect("a request")).await;
    let reply = match reply {
        Ok(reply) => reply,
        Err(never) => match never {},
    };
    let status = reply.status();
    let body = reply.into_body().collect().await.expect("a whole reply");
    assert!(status.is_success(), "{method} {path}: {status}");
    body.to_bytes().to_vec()
}

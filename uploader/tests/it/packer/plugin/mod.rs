//! Tests the plugin with calls like those of Packer from 1.7 on.

mod boxes;
mod configuration;
mod interpolation;
mod process;
mod push;

use std::path::Path;
use std::sync::Arc;

use atlas_uploader::packer::plugin::protocol::CallError;
use rmpv::Value;
use serde_json::json;

use crate::support::plugin::{Built, map};
use crate::support::server::{Reply, Server};
use crate::support::until;

fn settings(more: &[(&str, Value)]) -> Value {
    let own = [
        ("artifact", "hashicorp/foobar".into()),
        ("artifact_type", "custom.image".into()),
    ];
    map(&[&own, more].concat())
}

fn packers() -> Value {
    map(&[
        ("packer_build_name", "vm".into()),
        ("packer_builder_type", "file".into()),
        ("packer_core_version", "1.11.2".into()),
        ("packer_debug", false.into()),
        ("packer_template_path", "/templates/t.json".into()),
        ("packer_user_variables", map(&[("who", "me".into())])),
    ])
}

/// Returns the bytes that Packer sends for these settings of an HCL2 template.
fn hcl(values: serde_json::Value) -> Value {
    Value::Binary(
        json!({"value": values, "type": ["object", {}]})
            .to_string()
            .into_bytes(),
    )
}

fn built(id: &str, files: &[&Path]) -> Arc<Built> {
    Arc::new(Built {
        id: id.to_owned(),
        files: files.iter().map(|path| (*path).to_owned()).collect(),
        ..Built::default()
    })
}

fn refused(result: Result<Value, CallError>) -> String {
    match result {
        Err(CallError::Refused(words)) => words,
        other => panic!("{other:?}"),
    }
}

/// Starts a server that forwards all requests but never replies to an upload.
async fn mute(upstream: String) -> Server {
    Server::start(move |_, request| match request.method.as_str() {
        "PUT" => Reply::Silence,
        _ => Reply::Forward(upstream.clone(), None),
    })
    .await
}

async fn wait_for_the_upload(server: &Server) {
    until(|| server.lines().iter().any(|line| line.starts_with("PUT "))).await;
}

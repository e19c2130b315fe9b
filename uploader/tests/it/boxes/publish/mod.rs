//! Tests the publication of boxes.

mod emulator;
mod faults;
mod wire;

use serde_json::json;

use crate::support::server::{Reply, Request, Server};
use crate::support::{gzip, tarred};

/// Returns a box for a provider, as Packer's `vagrant` post-processor makes one.
pub(crate) fn a_box(provider: &str, disk: &[u8]) -> Vec<u8> {
    let json = format!(
        r#"{{"provider": "{provider}", "architecture": "amd64", "format": "qcow2", "virtual_size": 40}}"#
    );
    gzip(&tarred(&[
        ("metadata.json", json.as_bytes()),
        ("box.img", disk),
    ]))
}

/// Starts a registry that has no box yet, and takes everything.
pub(crate) async fn a_service() -> Server {
    Server::start(taking_everything).await
}

/// Returns the reply of a registry, of v1 or v2, that has no box yet, and takes everything.
pub(crate) fn taking_everything(url: &str, request: &Request) -> Reply {
    let target = &*request.target;
    match request.method.as_str() {
        "GET" if target.ends_with("/authenticate") => {
            Reply::json(200, json!({"user": {"username": "acme"}}))
        }
        "GET" if target.ends_with("/upload/direct") => {
            let callback = target.replace("/direct", "/complete/0123456789abcdef");
            let upload_path = format!("{url}/_store/fedcba9876543210");
            let callback = format!("{url}{callback}");
            Reply::json(
                200,
                json!({"upload_path": upload_path, "callback": callback}),
            )
        }
        "GET" if target.contains("/provider/") => Reply::json(200, json!({"hosted": true})),
        "GET" => Reply::json(
            404,
            json!({"errors": ["Resource not found!"], "success": false}),
        ),
        _ => Reply::json(200, json!({})),
    }
}

//! Tests imports of versions and boxes, and the list of all contents.

use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

use crate::support::{Fixture, Reply};

const VERSION: &str = "/_mock/artifacts/acme/web/custom.image/7";

fn line(bytes: &[u8]) -> Value {
    json!({
        "plan": false, "private": true, "last_number": 9, "id": "seven",
        "metadata": {"os": "debian"}, "build": 3, "created_at": "2017-07-14T02:40:00.123Z",
        "file": {"size": bytes.len(), "blake3": blake3(bytes)},
    })
}

fn blake3(bytes: &[u8]) -> String {
    blake3::hash(bytes).to_string()
}

async fn put(fixture: &Fixture, path: &str, line: &Value, bytes: &[u8]) -> Reply {
    let body = [format!("{line}\n").as_bytes(), bytes].concat();
    let request = fixture.request(Method::PUT, path).body(body);
    Reply::of(request.send().await.unwrap()).await
}

async fn contents(fixture: &Fixture) -> Vec<Value> {
    let reply = fixture.mock(Method::GET, "/contents", None).await;
    let lines = reply.body.lines();
    lines
        .map(|line| serde_json::from_str(line).unwrap())
        .collect()
}

#[tokio::test]
async fn a_version_is_compared_added_and_there_from_then_on() {
    let fixture = Fixture::new().await;
    let mut plan = line(b"bytes");
    plan["plan"] = true.into();
    for (line, state) in [
        (&plan, "missing"),
        (&line(b"bytes"), "added"),
        (&line(b"bytes"), "present"),
        (&plan, "present"),
    ] {
        let bytes: &[u8] = if line["plan"] == true { b"" } else { b"bytes" };
        let reply = put(&fixture, VERSION, line, bytes).await;
        assert_eq!(reply.json(), json!({"state": state, "reason": null}));
    }
    let other = put(&fixture, VERSION, &line(b"other"), b"other").await;
    assert_eq!(
        other.json(),
        json!({"state": "different", "reason": "the file"})
    );
    let listed = contents(&fixture).await;
    let version = json!({"version": {
        "number": 7, "id": "seven", "metadata": {"os": "debian"}, "build": 3,
        "created_at": "2017-07-14T02:40:00.123Z", "has_file": true,
        "file": {"size": 5, "blake3": blake3(b"bytes")},
    }});
    let artifact = |name: &str, private| json!({"artifact": {"owner": "acme", "name": name, "private": private}});
    let of_type = json!({"type": {"type": "custom.image", "last_number": 9}});
    let expected = [
        artifact("public", false),
        artifact("web", true),
        of_type,
        version,
    ];
    assert_eq!(listed, expected);
}

#[tokio::test]
async fn half_a_file_or_another_one_adds_nothing() {
    let fixture = Fixture::new().await;
    let before = contents(&fixture).await;
    let mut wrong = Vec::new();
    for (line, bytes, status, message) in [
        (
            line(b"bytes"),
            &b"byt"[..],
            400,
            "2 bytes of the file are missing",
        ),
        (
            line(b"bytes"),
            b"other",
            422,
            "the bytes are not those that are described",
        ),
        (json!({"plan": 1}), b"", 422, "the description: "),
        (
            json!({"plan": false, "private": true, "created_at": "now"}),
            b"",
            422,
            "no time of RFC 3339",
        ),
        (
            json!({"plan": false, "private": true, "what": 1}),
            b"",
            422,
            "unknown field",
        ),
    ] {
        let reply = put(&fixture, VERSION, &line, bytes).await;
        let is_right = reply.status == status && reply.body.contains(message);
        wrong.extend((!is_right).then_some(reply));
    }
    assert!(wrong.is_empty(), "{wrong:?}");
    let request = fixture.request(Method::PUT, VERSION);
    let empty = Reply::of(request.send().await.unwrap()).await;
    assert_eq!(empty.status, StatusCode::UNPROCESSABLE_ENTITY);
    let zero = VERSION.replace("/7", "/0");
    let zero = put(&fixture, &zero, &line(b""), b"").await;
    assert_eq!(zero.status, StatusCode::UNPROCESSABLE_ENTITY, "{zero:?}");
    assert_eq!(contents(&fixture).await, before);
}

#[tokio::test]
async fn limits_are_those_of_uploads() {
    let fixture = Fixture::with(|builder| builder.max_file_bytes(4).max_id_length(3)).await;
    let reply = put(&fixture, VERSION, &line(b"bytes"), b"bytes").await;
    assert_eq!(reply.status, StatusCode::UNPROCESSABLE_ENTITY, "{reply:?}");
    let mut short = line(b"bytes");
    short["id"] = "7".into();
    let reply = put(&fixture, VERSION, &short, b"bytes").await;
    assert_eq!(reply.status, StatusCode::PAYLOAD_TOO_LARGE, "{reply:?}");
}

/// Returns the description of a box with one version, whose two providers have files.
fn box_line(files: &[&[u8]; 2]) -> Value {
    let provider = |architecture: &str| {
        json!({
            "provider": "libvirt", "architecture": architecture,
            "default_architecture": architecture == "arm64", "hosted": true, "url": null,
            "file": format!("acme/box/1.0.0/libvirt/{architecture}/vagrant.box"),
            "created_at": "2017-07-14T02:40:00Z", "updated_at": "2017-07-15T02:40:00Z",
        })
    };
    let sizes: Vec<Value> = files
        .iter()
        .map(|bytes| json!({"size": bytes.len(), "sha256": sha256(bytes), "number": null}))
        .collect();
    json!({
        "plan": false, "files": sizes, "box": {
            "owner": "acme", "name": "box", "private": false, "description": "long",
            "versions": [{
                "version": "1.0.0", "state": "active", "description": "first",
                "created_at": "2017-07-14T02:40:00Z", "updated_at": "2017-07-14T02:40:00Z",
                "providers": [provider("amd64"), provider("arm64")],
            }],
        },
    })
}

fn sha256(bytes: &[u8]) -> String {
    use sha2::Digest;
    let digest = sha2::Sha256::digest(bytes);
    digest.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[tokio::test]
async fn a_box_comes_with_all_files_of_a_version_or_not_at_all() {
    let fixture = Fixture::new().await;
    let files: [&[u8]; 2] = [b"one", b"other"];
    let line = box_line(&files);
    let path = "/_mock/boxes/acme/box";
    let half = put(&fixture, path, &line, b"oneoth").await;
    assert_eq!(half.status, StatusCode::BAD_REQUEST, "{half:?}");
    let wrong = put(&fixture, path, &line, b"oneothes").await;
    assert_eq!(wrong.status, StatusCode::UNPROCESSABLE_ENTITY, "{wrong:?}");
    let elsewhere = put(&fixture, "/_mock/boxes/acme/web", &line, b"oneother").await;
    assert_eq!(
        elsewhere.status,
        StatusCode::UNPROCESSABLE_ENTITY,
        "{elsewhere:?}"
    );
    let show = async || fixture.get("/api/v2/box/acme/box").await;
    assert_eq!(show().await.status, StatusCode::NOT_FOUND);
    for state in ["added", "present"] {
        let reply = put(&fixture, path, &line, b"oneother").await;
        assert_eq!(reply.json()["state"], state);
    }
    let shown = show().await.json();
    let version = &shown["versions"][0];
    assert_eq!(version["status"], "active");
    assert_eq!(version["updated_at"], "2017-07-14T02:40:00.000Z");
    let arm64 = &version["providers"][1];
    assert_eq!(arm64["default_architecture"], true);
    assert_eq!(arm64["updated_at"], "2017-07-15T02:40:00.000Z");
    assert_eq!(arm64["checksum"], sha256(b"other"));
    let mut other = line;
    other["box"]["versions"][0]["state"] = "revoked".into();
    let reply = put(&fixture, path, &other, b"oneother").await;
    assert_eq!(
        reply.json(),
        json!({"state": "different", "reason": "the status"})
    );
}

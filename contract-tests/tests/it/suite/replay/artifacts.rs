//! Packer 1.2.5 and Terraform 0.9.11 push and find artifacts.
//!
//! The replies in a recording come from a stand-in, so only their status and the values of their fields count.

use atlas_contract_tests::run::target::Target;
use serde_json::{Value, json};

use super::wire::{Reply, Wire, file_of, recording, target_of};

/// An emulator, and the connection to it.
struct Atlas {
    _target: Target,
    wire: Wire,
}

impl Atlas {
    async fn start() -> Self {
        let target = Target::emulator().await.unwrap();
        let wire = Wire {
            address: target.root().strip_prefix("http://").unwrap().to_owned(),
            placeholders: vec![("TOKEN", target.token().to_owned())],
        };
        Self {
            _target: target,
            wire,
        }
    }

    /// Makes the data that a recording presupposes.
    async fn prepare(&self, path: &str, body: Value) -> Reply {
        let request = json!({
            "method": "POST",
            "headers": [["Host", "atlas.test"], ["Content-Length", body.to_string().len().to_string()],
                ["Content-Type", "application/json"], ["X-Atlas-Token", "TOKEN"], ["Connection", "close"]],
            "body": body.to_string()
        });
        let reply = self.wire.replay(&request, path).await;
        assert_eq!(
            reply.status,
            200,
            "{path}: {}",
            String::from_utf8_lossy(&reply.body)
        );
        reply
    }
}

/// Asserts the recorded status and, for a success, every field with its value. Values that only the server can choose
/// must be present as text.
fn satisfies(recorded: &Value, reply: &Reply) {
    let answered = &recorded["answered"];
    let shown = format!(
        "{}\n{}",
        recorded["request"],
        String::from_utf8_lossy(&reply.body)
    );
    assert_eq!(answered["status"], reply.status, "{shown}");
    let of_interest = reply.status == 200
        && answered["body"]
            .as_object()
            .is_some_and(|it| !it.is_empty());
    if of_interest && !target_of(&recorded["request"]).ends_with("/authenticate") {
        contains(&reply.json(), &answered["body"], &shown);
    }
}

fn contains(value: &Value, expected: &Value, shown: &str) {
    let Value::Object(fields) = expected else {
        assert_eq!(value, expected, "{shown}");
        return;
    };
    for (key, expected) in fields {
        match key.as_str() {
            "upload_path" => absolute_path(value),
            "upload_token" => assert!(
                value[key].as_str().is_some_and(|it| !it.is_empty()),
                "{shown}"
            ),
            _ => contains(&value[key], expected, shown),
        }
    }
}

/// Returns the path of an upload as the request target that the client would send.
fn upload_target(version: &Value) -> String {
    let rest = version["upload_path"]
        .as_str()
        .unwrap()
        .strip_prefix("http://")
        .unwrap();
    let (host, path) = rest.split_once('/').unwrap();
    assert!(!host.is_empty());
    format!("/{path}")
}

fn absolute_path(version: &Value) {
    assert!(upload_target(version).len() > 1, "{version}");
}

/// Asserts that the reply names the user: one client crashes on an empty body, and another one reads the name.
fn names_the_user(reply: &Reply) {
    assert!(
        reply.json()["user"]["username"]
            .as_str()
            .is_some_and(|it| !it.is_empty())
    );
}

/// Asserts everything that Terraform decodes of the single element that it accepts.
fn one_version(reply: &Reply, number: u64) -> Value {
    assert_eq!(reply.status, 200);
    let versions = reply.json()["versions"].as_array().unwrap().clone();
    assert_eq!(versions.len(), 1, "Terraform refuses more than one");
    let version = versions[0].clone();
    assert_eq!(version["version"], number);
    assert_eq!(
        version["slug"],
        format!("hashicorp/foobar/aws.ami/{number}")
    );
    assert!(version["file"].is_boolean());
    assert!(version["id"].as_str().is_some_and(|it| !it.is_empty()));
    assert!(
        version["metadata"]
            .as_object()
            .unwrap()
            .values()
            .all(Value::is_string)
    );
    version
}

fn ami_version(build: u64, ami: &str, created_at: &str) -> Value {
    json!({"artifact_version": {
        "id": format!("us-east-1:{ami}"), "file": false, "build_id": build, "compile_id": 0,
        "metadata": {"created_at": created_at, "region.us-east-1": ami}
    }})
}

async fn with_artifact() -> Atlas {
    let atlas = Atlas::start().await;
    let artifact = json!({"artifact": {"username": "hashicorp", "name": "foobar"}});
    atlas.prepare("/api/v1/artifacts", artifact).await;
    atlas
}

#[tokio::test]
async fn packer_pushes_a_file_to_an_artifact_that_is_not_there_yet() {
    let lines = recording(include_str!(
        "../../../../testdata/wire/packer-1.2.5-file-builder.jsonl"
    ));
    assert_eq!(lines.len(), 5);
    let atlas = Atlas::start().await;
    let mut upload = None;
    for line in &lines {
        let request = &line["request"];
        let is_upload = request["method"] == "PUT";
        let target = if is_upload {
            upload.clone().unwrap()
        } else {
            target_of(request).to_owned()
        };
        let reply = atlas.wire.replay(request, &target).await;
        satisfies(line, &reply);
        if target.ends_with("/authenticate") {
            names_the_user(&reply);
        }
        if target.ends_with("/custom.image") {
            upload = Some(upload_target(&reply.json()));
        }
    }
    let uploaded = file_of(&lines[4]["request"]["body"]);
    let target = "/api/v1/artifacts/hashicorp/foobar/custom.image/1/file";
    let headers = &lines[0]["request"]["headers"];
    let request = json!({"method": "GET", "headers": headers, "body": ""});
    let file = atlas.wire.replay(&request, target).await;
    assert_eq!((file.status, file.body), (200, uploaded));
}

#[tokio::test]
async fn packer_pushes_an_ami_as_the_second_version_of_an_artifact() {
    let lines = recording(include_str!(
        "../../../../testdata/wire/packer-1.2.5-amazon-ebs.jsonl"
    ));
    assert_eq!(lines.len(), 3);
    let atlas = with_artifact().await;
    let first = ami_version(0, "ami-1", "1");
    atlas
        .prepare("/api/v1/artifacts/hashicorp/foobar/aws.ami", first)
        .await;
    for line in &lines {
        let target = target_of(&line["request"]);
        let reply = atlas.wire.replay(&line["request"], target).await;
        satisfies(line, &reply);
        if target.ends_with("/authenticate") {
            names_the_user(&reply);
        }
    }
}

#[tokio::test]
async fn terraform_finds_exactly_one_version_by_build_and_by_metadata() {
    let lines = recording(include_str!(
        "../../../../testdata/wire/terraform-0.9.11-atlas_artifact.jsonl"
    ));
    assert_eq!(lines.len(), 2);
    let atlas = with_artifact().await;
    let path = "/api/v1/artifacts/hashicorp/foobar/aws.ami";
    atlas.prepare(path, ami_version(4, "ami-1", "1")).await;
    atlas.prepare(path, ami_version(5, "ami-2", "2")).await;
    atlas
        .prepare(path, ami_version(0, "ami-3", "1795352171"))
        .await;
    let by_build = atlas
        .wire
        .replay(&lines[0]["request"], target_of(&lines[0]["request"]))
        .await;
    satisfies(&lines[0], &by_build);
    one_version(&by_build, 2);
    let by_metadata = atlas
        .wire
        .replay(&lines[1]["request"], target_of(&lines[1]["request"]))
        .await;
    satisfies(&lines[1], &by_metadata);
    let found = one_version(&by_metadata, 3);
    assert_eq!(found["metadata"]["region.us-east-1"], "ami-3");
}

#[tokio::test]
async fn terraform_gets_one_version_of_a_build_that_made_two() {
    let lines = recording(include_str!(
        "../../../../testdata/wire/terraform-0.9.11-atlas_artifact.jsonl"
    ));
    let atlas = with_artifact().await;
    let path = "/api/v1/artifacts/hashicorp/foobar/aws.ami";
    for ami in ["ami-1", "ami-2"] {
        atlas.prepare(path, ami_version(5, ami, "1")).await;
    }
    let reply = atlas
        .wire
        .replay(&lines[0]["request"], target_of(&lines[0]["request"]))
        .await;
    assert_eq!(reply.json()["versions"].as_array().unwrap().len(), 1);
}

#[tokio::test]
async fn the_file_url_that_older_clients_of_terraform_build_without_a_version_leads_nowhere() {
    let atlas = with_artifact().await;
    let path = "/api/v1/artifacts/hashicorp/foobar/aws.ami";
    let made = atlas.prepare(path, ami_version(0, "ami-1", "1")).await;
    let headers = json!([
        ["Host", "atlas.test"],
        ["X-Atlas-Token", "TOKEN"],
        ["Connection", "close"]
    ]);
    let request = json!({"method": "GET", "headers": headers, "body": ""});
    let reply = atlas.wire.replay(&request, &format!("{path}/file")).await;
    assert_eq!(reply.status, 404);
    assert_eq!(reply.json()["errors"][0], "Resource not found!");
    // docs/terraform.md builds the address of the file from this slug.
    assert_eq!(made.json()["slug"], "hashicorp/foobar/aws.ami/1");
}

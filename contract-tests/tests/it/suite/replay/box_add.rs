//! Vagrant 2.4.9 adds boxes, updates them, and looks whether they are outdated.

use reqwest::Method;
use serde_json::{Value, json};

use super::scene::{Scene, assert_are_steps, steps};

const RECORDED: &str = include_str!("../../../../testdata/wire/vagrant-2.4.9-box.jsonl");

/// Steps whose server was made to behave as this one never does, and why there is nothing to replay.
const LEFT_OUT: [(&str, &str); 7] = [
    (
        "box add, v2 path 404, root path serves",
        "the paths serve the same boxes",
    ),
    (
        "box add, root path 404, v2 serves",
        "the paths serve the same boxes",
    ),
    ("box add, both paths answer HTML 200", "there is no HTML"),
    (
        "box add, root path answers HTML 200, v2 JSON",
        "there is no HTML",
    ),
    ("box add again, server ignores Range", "ranges are served"),
    (
        "box add, checksum_type none, wrong sum",
        "such a type is shown as null",
    ),
    (
        "box add, checksum_type sha3, wrong sum",
        "such a type is refused",
    ),
];

/// The other host to which the recorded downloads are redirected.
const STORAGE: &str = "http://storage.test/_up/acme.multi.1.1.0.virtualbox.amd64";

/// Returns the size of the file that a step downloads.
fn size_of_file(lines: &[Value]) -> Option<usize> {
    let mut answers = lines.iter().rev().map(|line| &line["answered"]);
    answers.find_map(|answered| match answered["content_range"].as_str() {
        Some(range) => range.rsplit('/').next().unwrap().parse().ok(),
        None => answered["bytes"].as_u64().map(|size| size as usize),
    })
}

/// Starts the server that a step met.
async fn server(step: &str, lines: &[Value]) -> Scene {
    let has = |status| {
        lines
            .iter()
            .any(|line| line["answered"]["status"] == status)
    };
    match step {
        "box add, metadata answered 401 on both paths" => {
            Scene::start().await.failing("box.document:status=401")
        }
        "box add, HCP credentials refused 401" => {
            Scene::start().await.sending("CLIENT_SECRET", "wrong")
        }
        "box add, connection cut half way" | "box add, cut (2)" => Scene::start()
            .await
            .failing("box.download:cut-after=100205"),
        _ if has(429) => Scene::start().await.failing("box.download:status=429"),
        // Vagrant fails for a 416 with a Content-Range, and goes on after a 200.
        _ if has(416) => Scene::start().await.expecting(416, 200),
        _ => Scene::start().await,
    }
}

/// Makes what a step presupposes. Returns the lines that concern this server.
async fn prepared<'a>(scene: Scene, step: &str, lines: &'a [Value]) -> (Scene, &'a [Value]) {
    let size = if step.contains("cut") {
        200_410
    } else {
        size_of_file(lines).unwrap_or(2048)
    };
    if step.contains("checksum") && !step.contains("--checksum") {
        let recorded = &lines[2]["answered"]["body"]["versions"][0]["providers"][0];
        let mut provider = json!({"name": "virtualbox", "architecture": "unknown"});
        for key in ["checksum", "checksum_type"] {
            provider[key] = recorded[key].clone();
        }
        scene.make_box("old").await;
        scene.make_version("old", "0.1.0").await;
        scene.make_provider("old", "0.1.0", &provider).await;
        scene
            .upload("old", "0.1.0", ("virtualbox", "unknown"), size)
            .await;
        scene.release("old", "0.1.0").await;
        return (scene, lines);
    }
    let scene = scene.with_boxes(size).await;
    if !step.contains("redirected") {
        return (scene, lines);
    }
    let provider = "box/acme/multi/version/1.1.0/provider/virtualbox/amd64";
    let elsewhere = json!({"url": STORAGE, "checksum": "00", "checksum_type": "sha256"});
    let body = json!({ "provider": elsewhere });
    scene.api(Method::PUT, provider, &body).await;
    // The last request goes to the other host.
    (scene, &lines[..lines.len() - 1])
}

/// Returns the lines of a step as Vagrant sent them: the recording has cleaned the slash away that Vagrant doubles.
fn as_sent(step: &str, mut lines: Vec<Value>) -> Vec<Value> {
    if step == "box add, server URL with trailing slash" {
        for line in &mut lines[..3] {
            let target = line["request"]["target"].as_str().unwrap();
            line["request"]["target"] = json!(format!("/{target}"));
        }
    }
    lines.iter_mut().for_each(only_defaults);
    lines
}

/// Leaves only the default architecture of each provider in a document of the root: those that read it there know no
/// architectures.
fn only_defaults(line: &mut Value) {
    if line["request"]["target"] == "/acme/multi" && line["answered"]["body"].is_object() {
        let versions = line["answered"]["body"]["versions"].as_array_mut().unwrap();
        for version in versions {
            let providers = version["providers"].as_array_mut().unwrap();
            providers.retain(|provider| provider["default_architecture"] == true);
            for provider in providers {
                let provider = provider.as_object_mut().unwrap();
                provider.remove("architecture");
                provider.remove("default_architecture");
            }
        }
    }
}

#[tokio::test]
async fn vagrant_adds_and_updates_boxes_and_meets_each_failure_as_before() {
    let steps = steps(RECORDED);
    assert_are_steps(&LEFT_OUT, &steps);
    let mut played = 0;
    for (step, lines) in steps {
        if LEFT_OUT.iter().any(|(left_out, _)| *left_out == step) {
            continue;
        }
        let lines = as_sent(&step, lines);
        let scene = server(&step, &lines).await;
        let (mut scene, lines) = prepared(scene, &step, &lines).await;
        scene.play(&step, lines).await;
        played += lines.len();
    }
    assert_eq!(played, 122);
}

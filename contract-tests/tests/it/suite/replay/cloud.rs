//! Vagrant 2.4.9 manages boxes with `vagrant cloud`.

use reqwest::Method;
use serde_json::{Value, json};

use super::scene::{Scene, steps};

const RECORDED: &str = include_str!("../../../../testdata/wire/vagrant-2.4.9-cloud.jsonl");

/// From this step on, the recording is of other runs, each with a server of its own.
const OTHER_RUNS: &str = "cloud auth whoami, 401";

/// Starts the server that one of the other runs met.
async fn server(step: &str) -> Scene {
    match step {
        OTHER_RUNS => Scene::start().await.sending("TOKEN", "wrong"),
        "cloud auth login, second factor asked for (406)" => Scene::with_two_factor().await,
        _ => Scene::start().await,
    }
}

/// Makes the box that is published again, and those of the runs before.
async fn make_others(scene: &Scene) {
    let provider = [("virtualbox", "amd64")];
    for (name, description, is_private, version) in [
        ("q1", "BD", true, "2.0.0"),
        ("q2", "BD", true, "2.0.0"),
        ("q4", "BD", true, "2.0.0"),
        ("again", "", false, "1.0.0"),
    ] {
        let of_box = json!({"name": name, "description": description, "is_private": is_private});
        scene.make_box_with(of_box).await;
        scene.publish(name, version, &provider, 2048).await;
        if is_private {
            let path = format!("box/acme/{name}/version/{version}");
            let change = json!({"version": {"description": "VD"}});
            scene.api(Method::PUT, &path, &change).await;
        }
    }
}

/// Removes the checksum from the reply to a request that tells one for the next file: until that has come, the server
/// shows the checksum of the file that is there.
fn forget_checksum_ahead(line: &mut Value) {
    if line["request"]["method"] == "PUT" && line["request"]["body"]["provider"].is_object() {
        let reply = line["answered"]["body"].as_object_mut().unwrap();
        reply.remove("checksum");
    }
}

#[tokio::test]
async fn every_command_of_vagrant_cloud_is_served_in_the_recorded_order() {
    let steps = steps(RECORDED);
    let others = steps.iter().position(|(step, _)| step == OTHER_RUNS);
    // The stand-in answered some requests with 201, which Vagrant takes as well.
    let scene = Scene::start().await.expecting(201, 200);
    let mut scene = scene.with_boxes(2048).await;
    for (step, lines) in &steps[..others.unwrap()] {
        if step == "cloud publish, storage answers 500" {
            scene = scene.failing("upload:discard=500,times=1");
        }
        scene.play(step, lines).await;
    }
}

#[tokio::test]
async fn vagrant_cloud_meets_each_refusal_as_before_and_publishes_again() {
    let mut steps = steps(RECORDED);
    let others = steps.iter().position(|(step, _)| step == OTHER_RUNS);
    for (step, lines) in &mut steps[others.unwrap()..] {
        lines.iter_mut().for_each(forget_checksum_ahead);
        let scene = server(step).await.with_boxes(2048).await;
        if step.contains("again") {
            make_others(&scene).await;
        }
        let mut scene = scene;
        scene.play(step, lines).await;
    }
}

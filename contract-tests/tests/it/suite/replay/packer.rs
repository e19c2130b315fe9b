//! Packer's post-processors `vagrant-cloud` and `vagrant-registry`, of packer-plugin-vagrant 1.1.7.

use reqwest::Method;
use serde_json::json;

use super::scene::{Scene, assert_are_steps, steps};

const CLOUD: &str =
    include_str!("../../../../testdata/wire/packer-plugin-vagrant-1.1.7-vagrant-cloud.jsonl");
const REGISTRY: &str =
    include_str!("../../../../testdata/wire/packer-plugin-vagrant-1.1.7-vagrant-registry.jsonl");

/// Steps whose server was made to behave as this one never does, and why there is nothing to replay.
const LEFT_OUT: [(&str, &str); 9] = [
    (
        "vagrant-registry: box create answered 201",
        "success is always 200",
    ),
    ("vagrant-registry: fault hcp201", "success is always 200"),
    ("vagrant-registry: fault hcp401html", "there is no HTML"),
    ("vagrant-registry: fault hcp404html", "there is no HTML"),
    (
        "vagrant-registry: fault hcp404v1",
        "errors have the form of these paths",
    ),
    (
        "vagrant-registry: fault noop",
        "an operation is always there",
    ),
    (
        "vagrant-registry: fault noloc",
        "an operation is always there",
    ),
    (
        "vagrant-registry: fault running",
        "an operation is done at once",
    ),
    (
        "vagrant-registry: release refused 400",
        "the version has a provider with a file",
    ),
];

#[tokio::test]
async fn vagrant_cloud_publishes_by_either_version_of_the_api() {
    let scene = Scene::start().await.expecting(201, 200);
    let mut scene = scene.with_boxes(2048).await;
    for (step, lines) in steps(CLOUD) {
        match &*step {
            "vagrant-cloud: authenticate 401" => {
                let mut refused = Scene::start().await.sending("TOKEN", "wrong");
                refused.play(&step, &lines).await;
            }
            // To Packer, a version that has been released already is a success.
            "vagrant-cloud: same again (version released)" => {
                let (release, before) = lines.split_last().unwrap();
                scene.play(&step, before).await;
                scene = scene.expecting(200, 422);
                scene
                    .play_refused(&step, release, "already been released")
                    .await;
                scene = scene.expecting(200, 200);
            }
            // To Packer, an upload that is answered with 201 has failed as well.
            "vagrant-cloud: upload answers 201" => {
                scene = scene
                    .failing("upload:status=500,times=3")
                    .expecting(201, 500);
                scene.play(&step, &lines).await;
            }
            _ => scene.play(&step, &lines).await,
        }
    }
}

/// Makes the box that a run of the recording found, with a released version.
async fn make_existing(scene: &Scene) {
    let of_box = json!({"name": "hcp3", "description": "BD", "is_private": true});
    scene.make_box_with(of_box).await;
    let version = json!({"version": {"version": "2.0.0", "description": "VD"}});
    let versions = "box/acme/hcp3/versions";
    scene.api(Method::POST, versions, &version).await;
    let provider = json!({"name": "virtualbox", "architecture": "amd64"});
    scene.make_provider("hcp3", "2.0.0", &provider).await;
    scene.release("hcp3", "2.0.0").await;
}

#[tokio::test]
async fn vagrant_registry_publishes_and_goes_on_with_what_is_there() {
    let steps = steps(REGISTRY);
    assert_are_steps(&LEFT_OUT, &steps);
    let mut scene = Scene::start().await;
    make_existing(&scene).await;
    for (step, lines) in steps {
        let mut other = match &*step {
            _ if LEFT_OUT.iter().any(|(left_out, _)| *left_out == step) => continue,
            _ if step.contains("token refused") => {
                Scene::start().await.sending("CLIENT_SECRET", "wrong")
            }
            "vagrant-registry: fault hcp401" => Scene::start().await.sending("HCP_TOKEN", "wrong"),
            "vagrant-registry: fault put500" => Scene::start().await.failing("upload:status=500"),
            // Somebody else makes the box after it was looked for.
            "vagrant-registry: create box refused 409" => {
                scene.play(&step, &lines[..1]).await;
                scene.make_box("hcp9").await;
                scene.play(&step, &lines[1..]).await;
                continue;
            }
            _ => {
                scene.play(&step, &lines).await;
                continue;
            }
        };
        other.play(&step, &lines).await;
    }
}

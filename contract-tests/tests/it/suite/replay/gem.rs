//! The gem vagrant_cloud 3.1.3, which Vagrant and scripts use.

use super::scene::{Scene, steps};

const RECORDED: &str = include_str!("../../../../testdata/wire/vagrant_cloud-3.1.3.jsonl");

/// Starts the server of a step that met another one than the steps around it.
async fn server(step: &str) -> Option<Scene> {
    Some(match step {
        "GET answered 500" => Scene::start().await.failing("authenticate:status=500"),
        "GET answered 429" => Scene::start().await.failing("authenticate:status=429"),
        "GET answered 401" => Scene::start().await.sending("TOKEN", "wrong"),
        // It ends the token with which it was sent.
        "authentication_token_delete" => Scene::start().await,
        "authentication_request_2fa_code" => Scene::with_two_factor().await,
        _ => return None,
    })
}

#[tokio::test]
async fn every_call_of_the_gem_is_answered_and_its_model_reads_the_answers() {
    let mut scene = Scene::start().await.with_boxes(2048).await;
    for (step, lines) in steps(RECORDED) {
        match server(&step).await {
            Some(mut other) => other.play(&step, &lines).await,
            None => scene.play(&step, &lines).await,
        }
    }
}

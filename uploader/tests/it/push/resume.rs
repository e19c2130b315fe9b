//! These tests resume broken pushes: they check the messages of the program and the plugin, and which checks are
//! repeated.

use std::sync::Arc;

use mock_atlas::MockAtlas;
use serde_json::{Value, json};

use crate::support::command_lines::RESUME;
use crate::support::plugin::{Built, Plugin, map};
use crate::support::program::Program;
use crate::support::server::{Reply, Server};
use crate::support::{CANARY, entries, tarred, well};

#[tokio::test(flavor = "multi_thread")]
async fn the_plugin_says_once_and_as_a_shell_takes_it_how_to_try_a_refused_address_again() {
    let server = Server::start(|url, request| match request.method.as_str() {
        "PUT" => Reply::json(403, json!({})),
        _ => well(url, request),
    })
    .await;
    let program = Program::at(server.url(), CANARY);
    program.write("disk.img", "disk");
    std::fs::create_dir(program.path("my receipts")).unwrap();
    let plugin = Plugin::start(&program, &[]).await;
    let settings = map(&[
        ("artifact", "acme/web".into()),
        ("artifact_type", "t".into()),
        ("atlas_upload_receipts", "my receipts".into()),
    ]);
    plugin.configure(vec![settings]).await.unwrap();
    let built = Arc::new(Built {
        id: "disk".to_owned(),
        files: vec![program.path("disk.img")],
        ..Built::default()
    });
    let words = plugin.post_process(&built).await.error.unwrap();
    let again = "try again with: atlas-upload push --resume 'my receipts/web-";
    assert!(words.contains(again), "{words}");
    let give_up = "if that fails in the same way, remove 'my receipts/web-";
    assert!(words.contains(give_up), "{words}");
    assert_eq!(words.matches("--resume").count(), 1, "{words}");
}

/// Writes the receipt of a box without a version, as an older release wrote it.
async fn with_planned_box(atlas: &MockAtlas) -> Program {
    let server = Server::start(|url, request| match request.line().as_str() {
        "POST /api/v1/artifacts/acme/web/vagrant.box" => Reply::json(422, json!({})),
        _ => well(url, request),
    })
    .await;
    let broken = Program::at(server.url(), CANARY);
    broken.write("b.box", tarred(&[("metadata.json", b"{}")]));
    let push = [
        "push",
        "acme/web",
        "--type",
        "vagrant.box",
        "b.box",
        "-m",
        "provider=kvm",
    ];
    let push = [&push[..], &["--receipt", "push.json"]].concat();
    let run = broken.run(&push).await;
    assert_eq!(run.code, 6, "{run}");
    let text = std::fs::read_to_string(broken.path("push.json")).unwrap();
    let program = Program::at(atlas.url(), CANARY);
    program.write("b.box", std::fs::read(broken.path("b.box")).unwrap());
    let text = text.replace(server.url(), atlas.url());
    let mut receipt: Value = serde_json::from_str(&text).unwrap();
    let entry = &mut receipt["pushes"][0];
    assert_eq!(entry["state"], "planned");
    entry["push"]["paths"] = json!([program.path("b.box")]);
    let packing = entry["push"]["packing"].as_object_mut().unwrap();
    packing.remove("keep_tar").unwrap();
    program.write("push.json", receipt.to_string());
    program
}

#[tokio::test(flavor = "multi_thread")]
async fn a_box_is_not_packed_into_another_archive_by_an_older_receipt() {
    let atlas = MockAtlas::builder().token(CANARY).start().await.unwrap();
    let program = with_planned_box(&atlas).await;
    let run = program.run(&RESUME).await;
    assert_eq!(run.code, 0, "{run}");
    let bytes = program.pulled("acme/web", "vagrant.box").await;
    let file = ("metadata.json".to_owned(), Some(b"{}".to_vec()));
    assert_eq!(entries(bytes.as_slice()), [file]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_box_for_which_there_is_no_version_yet_is_checked_when_it_is_resumed() {
    let atlas = MockAtlas::builder().token(CANARY).start().await.unwrap();
    let program = with_planned_box(&atlas).await;
    program.write("b.box", "no box");
    let run = program.run(&RESUME).await;
    assert_eq!(run.code, 3, "{run}");
    assert!(run.stderr.contains("b.box: is not a Vagrant box"), "{run}");
    assert!(run.stderr.contains("with --no-box-check"), "{run}");
    let run = program
        .run(&[&RESUME[..], &["--no-box-check"]].concat())
        .await;
    assert_eq!(run.code, 0, "{run}");
}

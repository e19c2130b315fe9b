//! Tests pushes through the plugin, and compares the requests with those of the genuine post-processor.

use std::sync::Arc;

use mock_atlas::MockAtlas;
use rmpv::Value;
use serde_json::json;

use super::{built, hcl, mute, packers, refused, settings, wait_for_the_upload};
use crate::support::plugin::{Built, Plugin, map};
use crate::support::program::Program;
use crate::support::recorded::{assert_same, recorded};
use crate::support::server::{Reply, Server};
use crate::support::{CANARY, entries, noise, started, well};

#[tokio::test]
async fn a_file_is_pushed_with_the_requests_of_the_genuine_one() {
    let server = Server::start(|url, request| match request.line().as_str() {
        "GET /api/v1/artifacts/hashicorp/foobar" => {
            Reply::json(404, json!({"errors": ["Not found"]}))
        }
        "POST /api/v1/artifacts/hashicorp/foobar/custom.image" => Reply::json(
            200,
            json!({"version": 1, "upload_path": format!("{url}/_binstore/tok-1")}),
        ),
        _ => well(url, request),
    })
    .await;
    let program = Program::at(server.url(), CANARY);
    program.write("out.txt", "hello");
    let plugin = Plugin::start(&program, &[]).await;
    let metadata = map(&[("created_at", "1795352054".into()), ("n", Value::F64(3.0))]);
    let configs = vec![settings(&[("metadata", metadata)]), packers()];
    assert_eq!(plugin.configure(configs).await, Ok(Value::Nil));
    let built = built("File", &[&program.path("out.txt")]);
    let processed = plugin.post_process(&built).await;
    assert_eq!((processed.error, processed.keep), (None, true));

    let recorded = recorded(include_str!(
        "../../../data/packer-1.2.5-file-builder.jsonl"
    ));
    let requests = server.requests();
    assert_eq!(requests.len(), recorded.len());
    for (ours, theirs) in requests.iter().zip(&recorded) {
        assert_same(ours, theirs);
    }
    assert_eq!(
        entries(requests[4].body.as_slice()),
        [("out.txt".to_owned(), Some(b"hello".to_vec()))]
    );
    let size = requests[4].body.len();
    assert_eq!(
        built.told(),
        [
            "Creating artifact: hashicorp/foobar".to_owned(),
            format!("Uploading artifact ({size} bytes)"),
            "Ui.NewTrackProgress".to_owned(),
            format!("bar {size}"),
            "Uibar.Close".to_owned(),
        ]
    );

    let artifact = plugin.artifact(processed.stream).await;
    for (method, expected) in [
        ("Artifact.BuilderId", "packer.post-processor.atlas".into()),
        ("Artifact.Id", "hashicorp/foobar/custom.image/1".into()),
        (
            "Artifact.String",
            "hashicorp/foobar/custom.image (v1)".into(),
        ),
        ("Artifact.Files", Value::Nil),
        ("Artifact.State", Value::Nil),
        ("Artifact.Destroy", Value::Nil),
    ] {
        assert_eq!(
            artifact.call(method, Value::Nil).await,
            Ok(expected),
            "{method}"
        );
    }
}

#[tokio::test]
async fn an_image_is_pushed_with_the_builders_metadata_and_the_genuine_requests() {
    let server = Server::start(|url, request| match request.line().as_str() {
        "POST /api/v1/artifacts/hashicorp/foobar/aws.ami" => {
            Reply::json(200, json!({"version": 3}))
        }
        _ => well(url, request),
    })
    .await;
    let program = Program::at("http://elsewhere.test", CANARY);
    let plugin = Plugin::start(&program, &["--protobuf"]).await;
    let configs = vec![
        hcl(json!({
            "artifact": "hashicorp/foobar", "artifact_type": "aws.ami", "token": null,
            "atlas_url": format!("{}/", server.url()), "metadata": {"created_at": "1795352171"},
        })),
        packers(),
    ];
    // Packer configures twice for a template in HCL2.
    plugin
        .configure(vec![settings(&[
            ("atlas_url", server.url().into()),
            ("metadata", map(&[("old", "x".into())])),
        ])])
        .await
        .unwrap();
    plugin.configure(configs).await.unwrap();
    let ami = "ami-fa0bcaf0d16ad4d29";
    let built = Arc::new(Built {
        id: format!("us-east-1:{ami}"),
        states: vec![(
            "atlas.artifact.metadata",
            map(&[
                ("region.us-east-1", ami.into()),
                ("created_at", "overlaid".into()),
            ]),
        )],
        ..Built::default()
    });
    let processed = plugin.post_process(&built).await;
    assert_eq!(processed.error, None);
    let recorded = recorded(include_str!("../../../data/packer-1.2.5-amazon-ebs.jsonl"));
    let requests = &server.requests()[1..];
    assert_eq!(requests.len(), recorded.len());
    for (ours, theirs) in requests.iter().zip(&recorded) {
        assert_same(ours, theirs);
    }
    assert_eq!(built.told(), ["Uploading artifact (0 bytes)"]);
}

#[tokio::test]
async fn what_goes_beyond_the_original_is_done_when_a_setting_asks_for_it() {
    let (_atlas, program) = started().await;
    program.write("disk.img", noise(10_000));
    let receipts = program.path("receipts");
    let more = settings(&[
        ("atlas_upload_digest", true.into()),
        ("atlas_upload_skip_existing", "true".into()),
        ("atlas_upload_verify", 1.into()),
        ("atlas_upload_receipts", receipts.to_str().unwrap().into()),
    ]);
    let file = program.path("disk.img");
    let plugin = Plugin::start(&program, &[]).await;
    let words = refused(plugin.configure(vec![more.clone()]).await);
    let told = format!(
        "atlas_upload_receipts: the folder {} does not exist",
        receipts.display()
    );
    assert!(words.contains(&told), "{words}");
    std::fs::create_dir(&receipts).unwrap();
    plugin.configure(vec![more]).await.unwrap();
    let first = built("disk", &[&file]);
    assert_eq!(plugin.post_process(&first).await.error, None);
    let second = built("disk", &[&file]);
    assert_eq!(plugin.post_process(&second).await.error, None);
    assert_eq!(
        second.told(),
        ["Nothing was pushed: hashicorp/foobar/custom.image/1 is identical"]
    );
    assert_eq!(
        std::fs::read_dir(receipts).unwrap().count(),
        0,
        "what is done needs none"
    );
    let run = program
        .run(&[
            "show",
            "hashicorp/foobar",
            "--type",
            "custom.image",
            "--output",
            "json",
        ])
        .await;
    assert!(run.stdout.contains("\"atlas-upload.push\""), "{run}");
}

#[tokio::test]
async fn what_a_cancelled_push_left_can_be_finished_from_its_receipt() {
    let atlas = MockAtlas::builder().token(CANARY).start().await.unwrap();
    let server = mute(atlas.url().to_owned()).await;
    let program = Program::at(server.url(), CANARY);
    program.write("disk.img", noise(10_000));
    std::fs::create_dir(program.path("receipts")).unwrap();
    let plugin = Plugin::start(&program, &[]).await;
    let receipts = [
        ("atlas_upload_receipts", "receipts".into()),
        ("atlas_upload_digest", true.into()),
    ];
    plugin.configure(vec![settings(&receipts)]).await.unwrap();
    let built = built("disk", &[&program.path("disk.img")]);
    let cancel = async {
        wait_for_the_upload(&server).await;
        plugin
            .calls
            .call("PostProcessor.Cancel", Value::Nil)
            .await
            .unwrap();
    };
    let (processed, ()) = tokio::join!(plugin.post_process(&built), cancel);
    let words = processed.error.unwrap();
    let how = "cancelled\nfinish the push with: atlas-upload push --resume ";
    let receipt = words.strip_prefix(how).expect(&words);
    let kept = std::fs::read_to_string(program.path(receipt)).unwrap();
    assert!(!kept.contains(CANARY), "{kept}");
    // Packer removes what it built after a failure.
    std::fs::remove_file(program.path("disk.img")).unwrap();
    // The first server never completes uploads, so the receipt must name the emulator instead.
    std::fs::write(
        program.path(receipt),
        kept.replace(server.url(), atlas.url()),
    )
    .unwrap();
    let resumed = Program::at(atlas.url(), CANARY);
    let receipt = program.path(receipt);
    let run = resumed
        .run(&["push", "--resume", receipt.to_str().unwrap()])
        .await;
    assert_eq!(run.stdout, "hashicorp/foobar/custom.image/1\n", "{run}");
    let archive = resumed.pulled("hashicorp/foobar", "custom.image").await;
    assert_eq!(
        entries(archive.as_slice()),
        [("disk.img".to_owned(), Some(noise(10_000)))]
    );
}

#[tokio::test]
async fn a_refused_version_is_told_in_the_originals_words_and_an_unverified_server_at_all() {
    let server = Server::start(|url, request| match request.line().as_str() {
        "POST /api/v1/artifacts/hashicorp/foobar/custom.image" => {
            Reply::json(422, json!({"errors": ["id is not unique"]}))
        }
        _ => well(url, request),
    })
    .await;
    let program = Program::at("not an address", CANARY).with("ATLAS_TLS_NOVERIFY", "1");
    let plugin = Plugin::start(&program, &[]).await;
    // The template overrides this variable, so its value may be invalid.
    plugin
        .configure(vec![settings(&[("atlas_url", server.url().into())])])
        .await
        .unwrap();
    let built = built("x", &[]);
    let words = plugin.post_process(&built).await.error.unwrap();
    assert!(
        words.starts_with("Error uploading (0 bytes): POST http"),
        "{words}"
    );
    assert!(
        words.ends_with("422 Unprocessable Entity: id is not unique"),
        "{words}"
    );
    let told = built.told();
    assert!(
        told[0].starts_with(
            "WARNING: server certificates are not verified, because of the variable ATLAS_TLS_NOVERIFY"
        ),
        "{told:?}"
    );
}

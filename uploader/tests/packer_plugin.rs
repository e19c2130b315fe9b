//! The plugin as a process, driven as Packer from 1.7 on drives it.
#![cfg(unix)]
#![allow(
    clippy::expect_used,
    clippy::panic,
    clippy::unwrap_used,
    reason = "tests, helpers included"
)]

mod support;

use std::path::Path;
use std::sync::Arc;

use atlas_uploader::packer::plugin::protocol::CallError;
use mock_atlas::MockAtlas;
use rmpv::Value;
use serde_json::json;
use support::packer::{latest, pulled};
use support::plugin::{Built, Plugin, Processed, map, plugin};
use support::program::Program;
use support::recorded::{assert_same, recorded};
use support::server::{Reply, Server};
use support::{entries, noise, until, well};

const CANARY: &str = "canary-T0ken";

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

/// What a template in HCL2 becomes.
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

#[tokio::test]
async fn describe_needs_no_packer_and_the_rest_does() {
    let program = Program::new();
    let describe = plugin(&program, "packer-plugin-atlas")
        .arg("describe")
        .output()
        .await
        .unwrap();
    let version = env!("CARGO_PKG_VERSION");
    let expected = format!(
        "{{\"version\":\"{version}\",\"sdk_version\":\"0.6.10\",\"api_version\":\"x5.0\",\"builders\":[],\"post_processors\":[\"-packer-default-plugin-name-\"],\"provisioners\":[],\"datasources\":[],\"protocol_version\":\"v2\"}}\n"
    );
    assert_eq!(String::from_utf8(describe.stdout).unwrap(), expected);
    assert!(describe.status.success() && describe.stderr.is_empty());
    for (name, arguments) in [
        ("packer-post-processor-atlas", &[][..]),
        ("packer-plugin-atlas", &[]),
        (
            "packer-plugin-atlas",
            &["start", "post-processor", "-packer-default-plugin-name-"],
        ),
        ("packer-plugin-atlas", &["start", "builder", "x"]),
    ] {
        let run = plugin(&program, name)
            .args(arguments)
            .output()
            .await
            .unwrap();
        let words = String::from_utf8(run.stderr).unwrap();
        assert_eq!(run.status.code(), Some(1), "{name} {arguments:?}");
        assert!(
            words.contains("this is a plugin, which Packer runs by itself"),
            "{words}"
        );
        assert!(run.stdout.is_empty());
    }
}

#[tokio::test]
async fn the_settings_are_described_in_the_encoding_that_was_asked_for() {
    let program = Program::new();
    for (flags, start) in [
        (&[][..], &b"\x1a\xff\x81\x04\x01\x01\x0aObjectSpec"[..]),
        (&["--protobuf"], b"\x0a"),
    ] {
        let plugin = Plugin::start(&program, flags).await;
        let reply = plugin
            .calls
            .call("PostProcessor.ConfigSpec", Value::Nil)
            .await
            .unwrap();
        let Value::Map(fields) = reply else { panic!() };
        assert_eq!(fields[0].0.as_str(), Some("ConfigSpec"));
        let Value::Binary(spec) = &fields[0].1 else {
            panic!()
        };
        assert!(spec.starts_with(start));
        let text = String::from_utf8_lossy(spec);
        for setting in [
            "artifact_type_override",
            "metadata",
            "token",
            "packer_user_variables",
        ] {
            assert!(text.contains(setting), "{setting}");
        }
    }
}

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

    let recorded = recorded(include_str!("data/packer-1.2.5-file-builder.jsonl"));
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
    // Packer configures twice where the template is in HCL2.
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
    let recorded = recorded(include_str!("data/packer-1.2.5-amazon-ebs.jsonl"));
    let requests = &server.requests()[1..];
    assert_eq!(requests.len(), recorded.len());
    for (ours, theirs) in requests.iter().zip(&recorded) {
        assert_same(ours, theirs);
    }
    assert_eq!(built.told(), ["Uploading artifact (0 bytes)"]);
}

#[tokio::test]
async fn values_are_interpolated_before_and_what_the_build_tells_after_it() {
    let atlas = MockAtlas::builder().token(CANARY).start().await.unwrap();
    let program = Program::at(atlas.url(), CANARY);
    let plugin = Plugin::start(&program, &[]).await;
    let metadata = map(&[
        ("{{user `who`}}-user", "{{user `who`}}".into()),
        ("build", "{{build_name}}/{{build_type}}".into()),
        ("dir", "{{template_dir}}".into()),
        ("packer", "{{packer_version}}".into()),
        ("told", "{{build `ID`}} {{build `PackerRunUUID`}}".into()),
        ("yes", true.into()),
    ]);
    let placeholders = map(&[
        ("ID", "Build_ID. To set this dynamically in the Packer template, you must use the `build` function".into()),
        ("PackerRunUUID", "Build_PackerRunUUID. To set this dynamically".into()),
    ]);
    let configs = vec![settings(&[("metadata", metadata)]), packers(), placeholders];
    plugin.configure(configs).await.unwrap();
    let built = Arc::new(Built {
        id: "image".to_owned(),
        states: vec![("generated_data", map(&[("ID", "i-77".into())]))],
        ..Built::default()
    });
    assert_eq!(plugin.post_process(&built).await.error, None);
    let found = latest(&program, "hashicorp/foobar", "custom.image").await;
    assert_eq!(
        found["metadata"],
        json!({
            "me-user": "me", "build": "vm/file", "dir": "/templates", "packer": "1.11.2",
            "told": "i-77 the-run", "yes": "1",
        })
    );
}

#[tokio::test]
async fn all_mistakes_are_told_at_once_and_before_any_request() {
    let server = Server::start(well).await;
    let program = Program::at(server.url(), CANARY).with("ATLAS_BUILD_ID", "one");
    let plugin = Plugin::start(&program, &[]).await;
    let wrong = map(&[
        ("artifact", "x".into()),
        ("bogus", 1.into()),
        ("packer_something_new", 1.into()),
        ("metadata", map(&[("k", "{{env `HOME`}}".into())])),
    ]);
    let words = refused(plugin.configure(vec![wrong, packers()]).await);
    assert_eq!(
        words,
        "5 error(s) occurred:\n\n\
         * unknown configuration key: '\"bogus\"'\n\
         * Error parsing build ID: the variable ATLAS_BUILD_ID: \"one\" is no number\n\
         * metadata: k: env vars are not allowed here\n\
         * artifact_type must be set\n\
         * artifact: malformed slug \"x\""
    );
    assert_eq!(
        refused(plugin.configure(vec![hcl(json!({}))]).await)
            .lines()
            .count(),
        5
    );
    assert!(server.lines().is_empty());
}

#[tokio::test]
async fn a_token_that_is_not_accepted_is_told_in_the_originals_words_and_never_shown() {
    let atlas = MockAtlas::start().await.unwrap();
    let program = Program::at(atlas.url(), "");
    for (token, origin) in [
        (Some(CANARY), "the token came from the template's token"),
        (None, "no token was sent: set token, or ATLAS_TOKEN"),
    ] {
        let mut plugin = Plugin::start(&program, &[]).await;
        let token: Vec<_> = token
            .iter()
            .map(|token| ("token", Value::from(*token)))
            .collect();
        let words = refused(plugin.configure(vec![settings(&token)]).await);
        assert_eq!(
            words,
            format!(
                "Error connecting to atlas server, please check your ATLAS_TOKEN env: authentication failed\n{origin}"
            )
        );
        drop(plugin.calls);
        plugin.child.start_kill().unwrap();
        let output = plugin.child.wait_with_output().await.unwrap();
        let log = String::from_utf8(output.stderr).unwrap();
        assert!(
            log.contains("Packer calls") && !log.contains(CANARY),
            "{log}"
        );
    }
}

#[tokio::test]
async fn files_without_a_common_folder_and_calls_out_of_order_are_refused_in_words() {
    let atlas = MockAtlas::builder().token(CANARY).start().await.unwrap();
    let program = Program::at(atlas.url(), CANARY);
    let plugin = Plugin::start(&program, &[]).await;
    let early = plugin.post_process(&built("x", &[])).await;
    assert_eq!(
        early.error.unwrap(),
        "PostProcess is called before Configure"
    );
    plugin.configure(vec![settings(&[])]).await.unwrap();
    program.write("a", "a");
    program.write("b", "b");
    let processed = plugin
        .post_process(&built("x", &[Path::new("a"), Path::new("b")]))
        .await;
    assert_eq!(
        processed,
        Processed {
            error: Some("No common prefix for archiving files: [a b]".to_owned()),
            keep: false,
            stream: 0,
        }
    );
    let unknown = plugin.calls.call("PostProcessor.Dance", Value::Nil).await;
    assert_eq!(
        refused(unknown),
        "rpc: can't find method PostProcessor.Dance"
    );
}

/// Takes the bytes of a file and never says that it has them.
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

#[tokio::test]
async fn while_an_upload_hangs_pings_are_answered_and_cancel_ends_it_with_nothing_visible() {
    let atlas = MockAtlas::builder().token(CANARY).start().await.unwrap();
    let server = mute(atlas.url().to_owned()).await;
    let program = Program::at(server.url(), CANARY);
    program.write("disk.img", noise(2_000_000));
    let plugin = Plugin::start(&program, &[]).await;
    plugin.configure(vec![settings(&[])]).await.unwrap();
    let built = built("disk", &[&program.path("disk.img")]);
    let cancel = async {
        wait_for_the_upload(&server).await;
        plugin.ping().await;
        plugin.ping().await;
        plugin
            .calls
            .call("PostProcessor.Cancel", Value::Nil)
            .await
            .unwrap();
    };
    let (processed, ()) = tokio::join!(plugin.post_process(&built), cancel);
    assert_eq!(processed.error.unwrap(), "cancelled");
    let run = program
        .run(&["search", "hashicorp/foobar", "--type", "custom.image"])
        .await;
    assert_eq!((run.code, run.stdout.as_str()), (0, ""), "{run}");
}

#[tokio::test]
async fn a_plugin_ends_when_packer_is_gone_and_leaves_no_socket() {
    let atlas = MockAtlas::builder().token(CANARY).start().await.unwrap();
    let server = mute(atlas.url().to_owned()).await;
    let program = Program::at(server.url(), CANARY);
    let program = program.with("TMPDIR", "/tmp");
    program.write("disk.img", noise(100_000));
    let plugin = Plugin::start(&program, &[]).await;
    let socket = plugin
        .handshake
        .strip_prefix("5|0|unix|")
        .unwrap()
        .to_owned();
    plugin.configure(vec![settings(&[])]).await.unwrap();
    assert!(
        !Path::new(&socket).parent().unwrap().exists(),
        "unlinked once connected"
    );
    let built = built("disk", &[&program.path("disk.img")]);
    tokio::select! {
        processed = plugin.post_process(&built) => panic!("{processed:?}"),
        () = wait_for_the_upload(&server) => {}
    }
    let mut child = plugin.hang_up().await;
    assert!(child.wait().await.unwrap().success());
}

#[tokio::test]
async fn where_a_socket_cannot_have_so_long_a_path_it_has_a_short_one() {
    let program = Program::new();
    let deep = program.path(&"deep/".repeat(30));
    std::fs::create_dir_all(&deep).unwrap();
    let program = program.with("TMPDIR", deep.to_str().unwrap());
    let plugin = Plugin::start(&program, &[]).await;
    let handshake = &plugin.handshake;
    assert!(
        handshake.starts_with("5|0|unix|/tmp/atlas-upload-"),
        "{handshake}"
    );
    plugin.ping().await;
}

#[tokio::test]
async fn a_setting_of_megabytes_arrives() {
    let server = Server::start(well).await;
    let program = Program::at(server.url(), CANARY);
    let plugin = Plugin::start(&program, &[]).await;
    let large = "x".repeat(3_000_000);
    let configs = vec![settings(&[(
        "metadata",
        map(&[("k", large.as_str().into())]),
    )])];
    plugin.configure(configs).await.unwrap();
    assert_eq!(plugin.post_process(&built("x", &[])).await.error, None);
    let requests = server.requests();
    let version = requests.last().unwrap();
    assert!(String::from_utf8_lossy(&version.body).contains(&large));
}

#[tokio::test]
async fn what_goes_beyond_the_original_is_done_when_a_setting_asks_for_it() {
    let atlas = MockAtlas::builder().token(CANARY).start().await.unwrap();
    let program = Program::at(atlas.url(), CANARY);
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
    assert!(
        words.contains("atlas_upload_receipts: there is no folder"),
        "{words}"
    );
    std::fs::create_dir(&receipts).unwrap();
    plugin.configure(vec![more]).await.unwrap();
    let first = built("disk", &[&file]);
    assert_eq!(plugin.post_process(&first).await.error, None);
    let second = built("disk", &[&file]);
    assert_eq!(plugin.post_process(&second).await.error, None);
    assert_eq!(
        second.told(),
        ["Nothing new: hashicorp/foobar/custom.image/1 is the same"]
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
    let how = "cancelled\nfinish it with: atlas-upload push --resume ";
    let receipt = words.strip_prefix(how).expect(&words);
    let kept = std::fs::read_to_string(program.path(receipt)).unwrap();
    assert!(!kept.contains(CANARY), "{kept}");
    // Packer removes what it built after a failure.
    std::fs::remove_file(program.path("disk.img")).unwrap();
    // The bytes never come through to this address, and so the receipt must not know it.
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
    let archive = pulled(&resumed, "custom.image").await;
    assert_eq!(
        entries(archive.as_slice()),
        [("disk.img".to_owned(), Some(noise(10_000)))]
    );
}

#[tokio::test]
async fn settings_that_are_refused_leave_none_in_force() {
    let server = Server::start(well).await;
    let program = Program::at(server.url(), CANARY);
    let plugin = Plugin::start(&program, &[]).await;
    plugin.configure(vec![settings(&[])]).await.unwrap();
    refused(
        plugin
            .configure(vec![settings(&[("artifact", "zzz".into())])])
            .await,
    );
    let processed = plugin.post_process(&built("x", &[])).await;
    assert_eq!(
        processed.error.unwrap(),
        "PostProcess is called before Configure"
    );
    assert_eq!(server.lines(), ["GET /api/v1/authenticate"]);
}

#[tokio::test]
async fn a_cancel_that_comes_first_is_kept_for_the_push() {
    let server = Server::start(well).await;
    let program = Program::at(server.url(), CANARY);
    let plugin = Plugin::start(&program, &[]).await;
    plugin.configure(vec![settings(&[])]).await.unwrap();
    plugin
        .calls
        .call("PostProcessor.Cancel", Value::Nil)
        .await
        .unwrap();
    let processed = plugin.post_process(&built("x", &[])).await;
    assert_eq!(processed.error.unwrap(), "cancelled");
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
    // The variable that the template goes over may be anything.
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
            "WARNING: no server's certificate is verified, by the variable ATLAS_TLS_NOVERIFY"
        ),
        "{told:?}"
    );
}

//! Tests the plugin's process: its handshake, cancellation, and its end when Packer ends.

use std::path::Path;

use mock_atlas::MockAtlas;
use rmpv::Value;

use super::{built, mute, settings, wait_for_the_upload};
use crate::support::plugin::{Plugin, plugin};
use crate::support::program::Program;
use crate::support::server::Server;
use crate::support::{CANARY, noise, well};

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
            words.contains("this program is a plugin, which Packer starts by itself"),
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

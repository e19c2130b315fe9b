//! Tests the plugin's configuration: values are interpolated, and mistakes are refused.

use std::path::Path;
use std::sync::Arc;

use mock_atlas::MockAtlas;
use rmpv::Value;
use serde_json::json;

use super::{built, hcl, packers, refused, settings};
use crate::support::plugin::{Built, Plugin, Processed, map};
use crate::support::program::Program;
use crate::support::server::Server;
use crate::support::{CANARY, started, well};

#[tokio::test]
async fn values_are_interpolated_before_and_what_the_build_tells_after_it() {
    let (_atlas, program) = started().await;
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
    let found = program.latest("hashicorp/foobar", "custom.image").await;
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
         * Error parsing build ID: the variable ATLAS_BUILD_ID: \"one\" is not a number\n\
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
    let (_atlas, program) = started().await;
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

//! Tests `show`, which prints the versions of an artifact, and `config`, which prints the settings.

use serde_json::{Value, json};

use crate::support::program::{Program, assert_run};
use crate::support::server::{Reply, Server};
use crate::support::started;

#[tokio::test(flavor = "multi_thread")]
async fn show_has_the_latest_version_of_each_type_with_its_metadata() {
    let (_atlas, program) = started().await;
    for (kind, id) in [
        ("qemu.image", "old"),
        ("qemu.image", "new"),
        ("amazon.image", "us-east-1:ami-1"),
        ("acme.rootfs", "own"),
    ] {
        let push = [
            "push",
            "acme/web",
            "--type",
            kind,
            "--id",
            id,
            "-m",
            "os=linux",
            "--no-digest",
        ];
        assert_eq!(program.run(&push).await.code, 0);
    }
    assert_run("show_recommended", program.run(&["show", "acme/web"]).await);
    let own = [
        "show",
        "acme/web",
        "--type",
        "acme.rootfs",
        "--type",
        "qemu.image",
    ];
    assert_run("show_named", program.run(&own).await);
    let json = [&own[..], &["--output", "json"]].concat();
    assert_run("show_json", program.run(&json).await);
    let nothing = ["show", "acme/web", "--type", "other"];
    assert_run("show_nothing", program.run(&nothing).await);
    assert_run("show_not_found", program.run(&["show", "acme/other"]).await);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_does_not_know_a_type_does_not_hide_the_others() {
    let server = Server::start(|_, request| {
        if request.target.contains("/qemu.image/") {
            let version = json!({
                "username": "acme", "name": "web", "tag": "acme/web", "slug": "acme/web/qemu.image/3",
                "artifact_type": "qemu.image", "version": 3,
            });
            return Reply::json(200, json!({"versions": [version]}));
        }
        Reply::json(404, json!({"errors": ["Resource not found!"]}))
    })
    .await;
    let run = Program::at(server.url(), "T0ken")
        .run(&["show", "acme/web"])
        .await;
    assert_eq!(run.code, 0, "{run}");
    assert!(run.stdout.contains("qemu.image  3"), "{run}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_fails_for_one_type_is_not_asked_for_the_rest() {
    let server = Server::start(|_, _| Reply::Hangup).await;
    let program = Program::at(server.url(), "T0ken");
    let run = program.run(&["show", "acme/web", "--retries", "0"]).await;
    assert_eq!(run.code, 7, "{run}");
    // A few searches of the sixteen recommended types run at the same time.
    assert!(server.requests().len() <= 8, "{:?}", server.lines());
}

#[tokio::test(flavor = "multi_thread")]
async fn config_tells_every_setting_its_value_and_its_origin() {
    let program = Program::at("https://atlas.test", "canary-T0ken")
        .with("ATLAS_BUILD_ID", "5")
        .with("HTTPS_PROXY", "http://user:canary-T0ken-2@proxy.test:3128");
    let config = ["config", "--ca-file", "ca.pem", "--progress", "plain"];
    assert_run("config_text", program.run(&config).await);
    let run = program
        .run(&[&config[..], &["--output", "json"]].concat())
        .await;
    let rows: Vec<Value> = serde_json::from_str(&run.stdout).unwrap();
    let row = |name: &str| rows.iter().find(|row| row["setting"] == name).unwrap();
    assert_eq!(
        row("token"),
        &json!({"setting": "token", "value": "[REDACTED]", "from": "variable", "name": "ATLAS_TOKEN"})
    );
    assert_eq!(row("ca-file")["name"], "--ca-file");
    assert_eq!(row("ca-path")["value"], Value::Null);
    assert!(!run.to_string().contains("T0ken"), "{run}");
    assert_run("config_nothing_set", Program::new().run(&["config"]).await);
}

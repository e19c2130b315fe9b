//! Scripts with curl and this project's plugin in Packer 1.6.6 keep the rules that `atlas-contract client` checks.

use std::{fs, path::Path};

use serde_json::{Value, json};
use tempfile::TempDir;

use crate::support::{
    program::{Output, atlas_upload, output, program},
    uploader::GZIP,
};

const SCRIPT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/data/push.sh");
const WRONG_SCRIPT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/data/push-wrong.sh");

/// Runs a script that pushes a file of some megabytes.
async fn script(script: &str, options: &[&str]) -> Output {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("disk.img.gz");
    let content = GZIP
        .iter()
        .copied()
        .chain(std::iter::repeat_n(0, 3_000_000));
    fs::write(&file, content.collect::<Vec<_>>()).unwrap();
    let push = [
        "bash",
        script,
        "{artifact}",
        "custom.image",
        file.to_str().unwrap(),
    ];
    output(program(&[&["client"], options, &["--"], &push].concat())).await
}

fn ids(output: &Output, status: &str) -> Vec<String> {
    let lines = output.stdout.lines();
    let lines = lines.filter(|line| line.split(' ').next() == Some(status));
    lines
        .map(|line| line.split_whitespace().nth(1).unwrap().to_owned())
        .collect()
}

/// Returns the rules that had no occasion, without those for clients that publish boxes.
fn disabled(output: &Output) -> Vec<String> {
    let mut ids = ids(output, "disabled");
    ids.retain(|id| !id.starts_with("client.box"));
    ids
}

#[tokio::test]
async fn a_script_with_curl_keeps_every_rule() {
    let options = ["--profile", "post-processor", "--scenario", "all"];
    let output = script(SCRIPT, &options).await;
    assert_eq!(output.code, 0, "{}{}", output.stdout, output.stderr);
    assert_eq!(
        disabled(&output),
        ["client.id-is-text", "client.no-file-no-upload"]
    );
}

#[tokio::test]
async fn a_careless_script_breaks_what_everybody_must_keep_and_its_secrets_stay_out_of_the_report()
{
    let output = script(WRONG_SCRIPT, &["--scenario", "all"]).await;
    assert_eq!(output.code, 1, "{}{}", output.stdout, output.stderr);
    let expected = [
        "client.version-fields",
        "client.metadata-is-texts",
        "client.upload-without-token",
        "client.upload-without-type",
        "client.failure-told",
        "client.token-not-shown",
        "client.upload-path-not-shown",
    ];
    assert_eq!(ids(&output, "fail"), expected, "{}", output.stdout);
    assert!(output.stderr.contains("X-Atlas-Token: canary-"));
    assert!(!output.stdout.contains("canary-"), "{}", output.stdout);
}

/// A home folder in which Packer finds our plugin.
struct Home(TempDir);

impl Home {
    async fn with_plugin() -> Self {
        let home = Self(tempfile::tempdir().unwrap());
        let plugins = home.path().join(".packer.d/plugins");
        let status = tokio::process::Command::new(atlas_upload())
            .args(["packer", "install", "--dir", plugins.to_str().unwrap()])
            .env("HOME", home.path())
            .status();
        assert!(status.await.unwrap().success());
        home
    }

    fn path(&self) -> &Path {
        self.0.path()
    }

    /// Builds a template against a recording server, with the most detailed log.
    async fn build(&self, options: &[&str], template: &Value) -> Output {
        let file = self.path().join("template.json");
        fs::write(&file, template.to_string()).unwrap();
        let own = [
            "client",
            "--profile",
            "post-processor",
            "--artifact",
            "hashicorp/foobar",
        ];
        let build = [
            "--",
            "packer",
            "build",
            "-color=false",
            file.to_str().unwrap(),
        ];
        let mut command = program(&[&own[..], options, &build].concat());
        command
            .env("HOME", self.path())
            .env("PACKER_CONFIG_DIR", self.path())
            .env("PACKER_CACHE_DIR", self.path().join("cache"))
            .env("PACKER_LOG", "1")
            .env("TMPDIR", self.path())
            .env("CHECKPOINT_DISABLE", "1")
            .current_dir(self.path());
        output(command).await
    }
}

fn builder(name: &str) -> Value {
    json!({"type": "file", "name": name, "content": "what Packer wrote", "target": format!("{name}.txt")})
}

fn block(more: Value) -> Value {
    let mut block = json!({
        "type": "atlas", "artifact": "hashicorp/foobar", "artifact_type": "custom.image",
        "metadata": {"build": "{{build_name}}", "n": 3},
    });
    let settings = block.as_object_mut().unwrap();
    settings.append(&mut more.as_object().unwrap().clone());
    block
}

#[tokio::test]
async fn our_plugin_in_packer_keeps_every_rule_in_every_scenario() {
    let home = Home::with_plugin().await;
    let template = json!({"builders": [builder("file")], "post-processors": [block(json!({}))]});
    let output = home.build(&["--scenario", "all"], &template).await;
    assert_eq!(output.code, 0, "{}{}", output.stdout, output.stderr);
    assert_eq!(disabled(&output), ["client.no-file-no-upload"]);
}

#[tokio::test]
async fn builds_side_by_side_are_judged_together() {
    let home = Home::with_plugin().await;
    let template = json!({
        "builders": [builder("one"), builder("two"), builder("three")],
        "post-processors": [block(json!({}))],
    });
    for scenario in ["fresh", "existing"] {
        let output = home.build(&["--scenario", scenario], &template).await;
        assert_eq!(output.code, 0, "{}{}", output.stdout, output.stderr);
    }
}

//! Runs schemathesis, which makes requests of the description of all endpoints and compares the replies with it.

use std::path::Path;
use std::process::Output;
use std::time::Duration;

use mock_atlas::{Fault, MockAtlas, Seed};
use serde_json::Value;
use tokio::process::Command;
use tokio::time::timeout;

use crate::support::http;

/// The longest run, which takes a minute or two.
const LIMIT: Duration = Duration::from_secs(900);

/// A seed with what the examples of the description name.
const SEED: &str = r#"{
    "users": [{"username": "amy", "password": "correct horse"}],
    "organizations": [{"name": "acme", "members": [{"username": "amy", "role": "write"}]}],
    "artifacts": [{"name": "acme/web", "versions": [
        {"type": "custom.image", "metadata": {"os": "debian"}, "file": {"text": "bytes"}},
        {"type": "vagrant.box", "metadata": {"provider": "virtualbox", "version": "1.0.0"}, "file": {"text": "bytes"}}
    ]}]
}"#;

async fn emulator(faults: &[&str]) -> MockAtlas {
    let seed = Seed::from_json(SEED).unwrap();
    let mut builder = MockAtlas::builder().token("ROOT").seed(seed);
    for fault in faults {
        builder = builder.fault(fault.parse::<Fault>().unwrap());
    }
    builder.start().await.unwrap()
}

/// Runs schemathesis with a fixed seed. The statuses that it holds valid or invalid input to are not checked: the
/// description leaves out most of the rules that names and fields follow.
async fn schemathesis(atlas: &MockAtlas, arguments: &[&str]) -> Output {
    let program = std::env::var("SCHEMATHESIS").unwrap_or_else(|_| "schemathesis".to_owned());
    let folder = tempfile::tempdir().unwrap();
    let config =
        Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/schemathesis/schemathesis.toml");
    let mut command = Command::new(program);
    command
        .arg("--config-file")
        .arg(config)
        .arg("run")
        .arg(format!("{}/_mock/openapi.json", atlas.url()))
        .args([
            "--header",
            "X-Atlas-Token: ROOT",
            "--seed",
            "1",
            "--no-color",
        ])
        .args(["--request-timeout", "30", "--suppress-health-check", "all"])
        .args([
            "--exclude-checks",
            "positive_data_acceptance,negative_data_rejection",
        ])
        .args(arguments)
        .current_dir(folder.path())
        .env("NO_PROXY", "127.0.0.1")
        .kill_on_drop(true);
    let output = timeout(LIMIT, command.output()).await;
    output
        .expect("it must end")
        .expect("schemathesis is needed")
}

#[tokio::test(flavor = "multi_thread")]
async fn every_reply_to_a_stranger_is_one_that_is_described() {
    let atlas = emulator(&[]).await;
    let described = http().get(format!("{}/_mock/openapi.json", atlas.url()));
    let described: Value = described.send().await.unwrap().json().await.unwrap();
    let items = described["paths"].as_object().unwrap().values();
    let operations: usize = items.map(|item| item.as_object().unwrap().len()).sum();
    // The endpoint of the description itself is left out.
    let tested = format!("Tested: {}", operations - 1);

    let output = schemathesis(&atlas, &["--max-examples", "10"]).await;
    let printed = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{printed}");
    assert!(printed.contains(&tested), "{tested}: {printed}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reply_that_is_not_described_is_found() {
    for (fault, finding) in [
        ("search:status=418", "Undocumented status code"),
        ("search:status=500", "Server error"),
        ("search:malformed", "JSON deserialization error"),
    ] {
        let atlas = emulator(&[fault]).await;
        let search = [
            "--include-operation-id",
            "artifactsSearch",
            "--max-examples",
            "3",
        ];
        let output = schemathesis(&atlas, &search).await;
        let printed = String::from_utf8_lossy(&output.stdout);
        assert!(!output.status.success(), "{fault}: {printed}");
        assert!(printed.contains(finding), "{fault}: {printed}");
    }
}

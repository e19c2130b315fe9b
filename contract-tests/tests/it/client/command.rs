//! `atlas-contract client` runs a command, reports on its requests, and ends with a documented exit code.

use std::{fs, time::Duration};

use atlas_contract_tests::client::rules;
use serde_json::Value;
use tokio::{io::AsyncReadExt, net::TcpListener, time::timeout};

use crate::support::program::{Output, atlas_upload, run};

/// Runs a command against a recording server.
async fn client(options: &[&str], command: &[&str]) -> Output {
    run(&[&["client"], options, &["--"], command].concat()).await
}

/// Returns a command that gets its server only from its arguments, and uploads nothing: this program itself.
fn asking_only() -> Vec<&'static str> {
    let program = env!("CARGO_BIN_EXE_atlas-contract");
    let aim = ["run", "--atlas-url", "{url}", "--token", "{token}"];
    let choice = ["--read-only", "--filter", "auth.base-path"];
    [&[program], &aim[..], &choice].concat()
}

#[tokio::test]
async fn a_push_of_our_own_keeps_every_rule_in_every_scenario() {
    let folder = tempfile::tempdir().unwrap();
    let (file, report) = (
        folder.path().join("disk.img"),
        folder.path().join("report.json"),
    );
    fs::write(&file, "an image").unwrap();
    let options = [
        "--profile",
        "post-processor",
        "--scenario",
        "all",
        "--json",
        report.to_str().unwrap(),
    ];
    let push = [
        atlas_upload(),
        "push",
        "{artifact}",
        "--type",
        "custom.image",
        file.to_str().unwrap(),
    ];
    let output = client(&options, &push).await;
    assert_eq!(output.code, 0, "{}{}", output.stdout, output.stderr);
    let summary = "26 ran: 26 pass, 0 fail, 0 difference, 0 error; not run: 8 disabled, 0 skip";
    assert!(output.stdout.contains(summary), "{}", output.stdout);
    let report: Value = serde_json::from_str(&fs::read_to_string(&report).unwrap()).unwrap();
    let entries = report["clauses"].as_array().unwrap();
    assert_eq!(entries.len(), rules::all().count());
    let disabled = entries.iter().filter(|it| it["status"] == "disabled");
    let ids = disabled.filter_map(|it| it["id"].as_str());
    let of_artifacts: Vec<_> = ids.filter(|id| !id.starts_with("client.box")).collect();
    assert_eq!(of_artifacts, ["client.no-file-no-upload"]);
}

#[tokio::test]
async fn a_push_without_a_file_keeps_the_rules_that_are_left() {
    let push = [
        "push",
        "acme/ami",
        "--type",
        "amazon.image",
        "--id",
        "us-east-1:ami-1",
        "-m",
        "region.us-east-1=ami-1",
        "--atlas-url",
        "{url}/api/v1/",
    ];
    let options = [
        "--profile",
        "post-processor",
        "--scenario",
        "all",
        "--artifact",
        "acme/ami",
    ];
    let output = client(&options, &[&[atlas_upload()], &push[..]].concat()).await;
    assert_eq!(output.code, 0, "{}{}", output.stdout, output.stderr);
    assert!(
        output
            .stdout
            .contains("pass        client.no-file-no-upload"),
        "{}",
        output.stdout
    );
    assert!(
        output.stdout.contains("disabled    client.upload-path "),
        "{}",
        output.stdout
    );
}

#[tokio::test]
async fn a_command_that_fails_though_all_is_well_breaks_a_rule_and_is_heard() {
    let search = [
        atlas_upload(),
        "search",
        "acme/web",
        "--type",
        "custom.image",
    ];
    let output = client(&[], &search).await;
    assert_eq!(output.code, 1, "{}{}", output.stdout, output.stderr);
    let failed = output
        .stdout
        .lines()
        .filter(|line| line.starts_with("fail "));
    assert_eq!(failed.count(), 1);
    assert!(
        output.stdout.contains("fail        client.success-told"),
        "{}",
        output.stdout
    );
    assert!(
        output.stderr.starts_with("scenario fresh\n"),
        "{}",
        output.stderr
    );
    assert!(output.stderr.contains("404"), "{}", output.stderr);
}

#[tokio::test]
async fn a_command_can_get_the_recording_server_from_its_arguments() {
    let output = client(&["--filter", "token-sent"], &asking_only()).await;
    assert_eq!(output.code, 0, "{}{}", output.stdout, output.stderr);
    assert!(output.stdout.contains("1 ran: 1 pass"), "{}", output.stdout);
}

#[tokio::test]
async fn without_an_occasion_for_any_rule_that_was_chosen_nothing_ran() {
    let output = client(&["--filter", "gzip"], &asking_only()).await;
    assert_eq!(output.code, 3, "{}", output.stdout);
    let expected = "0 ran: 0 pass, 0 fail, 0 difference, 0 error; not run: 1 disabled, 33 skip";
    assert!(output.stdout.contains(expected), "{}", output.stdout);
}

#[tokio::test]
async fn a_filter_that_matches_no_rule_is_named_before_the_command_is_started() {
    let filters = ["--filter", "gzip", "--filter", "token-snet"];
    let output = client(&filters, &["/nowhere/uploader"]).await;
    assert_eq!(output.code, 3, "{}", output.stderr);
    let expected =
        "error: --filter token-snet: no rule has this in its id; near it are client.token-sent";
    assert!(output.stderr.starts_with(expected), "{}", output.stderr);
    assert_eq!(output.stdout, "");
}

#[tokio::test]
async fn a_command_that_sends_nothing_is_told_where_to_send_it() {
    let list = [env!("CARGO_BIN_EXE_atlas-contract"), "list"];
    let output = client(&["--scenario", "existing"], &list).await;
    assert_eq!(output.code, 3);
    let expected = "error: the command sent nothing to the recording server (scenario existing; it ended with exit status: 0): it must talk to ATLAS_ADDRESS";
    assert!(output.stderr.contains(expected), "{}", output.stderr);
    assert_eq!(output.stdout, "");
}

#[tokio::test]
async fn a_missing_command_and_an_invalid_artifact_are_bad_arguments() {
    let output = client(&[], &["/nowhere/uploader"]).await;
    assert_eq!(output.code, 2);
    let expected = "error: the command \"/nowhere/uploader\" cannot be started: ";
    assert!(output.stderr.contains(expected), "{}", output.stderr);
    for artifact in ["web", "acme/", "/web", "acme/web/x"] {
        let output = client(&["--artifact", artifact], &asking_only()).await;
        assert_eq!(output.code, 2, "{artifact}");
        assert!(
            output.stderr.contains("--artifact must be USER/NAME"),
            "{}",
            output.stderr
        );
    }
    assert_eq!(run(&["client"]).await.code, 2);
    assert_eq!(client(&["--scenario", "none"], &["x"]).await.code, 2);
}

#[tokio::test]
async fn a_command_that_does_not_end_is_killed() {
    // This server never answers, so that the command waits.
    let silent = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", silent.local_addr().unwrap());
    let waiting = [
        env!("CARGO_BIN_EXE_atlas-contract"),
        "run",
        "--atlas-url",
        &url,
        "--token",
        "T",
        "--namespace",
        "acme",
    ];
    let output = client(&["--timeout", "3"], &waiting).await;
    assert_eq!(output.code, 4, "{}{}", output.stdout, output.stderr);
    let expected =
        "error: the command did not end within 3 s (scenario fresh): give it more with --timeout";
    assert!(output.stderr.contains(expected), "{}", output.stderr);
    let (mut connection, _) = silent.accept().await.unwrap();
    let mut asked = Vec::new();
    let gone = timeout(Duration::from_secs(30), connection.read_to_end(&mut asked));
    gone.await.expect("it is killed").unwrap();
}

#[tokio::test]
async fn a_command_that_sends_or_writes_more_than_can_be_kept_ends_in_four() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("disk.img");
    // A sparse file takes no space on disk.
    let sparse = fs::File::create(&file).unwrap();
    sparse.set_len(260 * 1024 * 1024).unwrap();
    let as_it_is = [
        "--type",
        "custom.image",
        "--compression-level",
        "0",
        "--retries",
        "0",
    ];
    let push = [
        &[atlas_upload(), "push", "{artifact}", file.to_str().unwrap()][..],
        &as_it_is,
    ];
    let sends = client(&[], &push.concat()).await;
    assert_eq!(sends.code, 4, "{}{}", sends.stdout, sends.stderr);
    let told = "error: the command sent more than 256 MiB (scenario fresh)";
    assert!(sends.stderr.contains(told), "{}", sends.stderr);
    let chatty = ["sh", "-c", "head -c 68000000 /dev/zero"];
    let writes = client(&[], &chatty).await;
    assert_eq!(writes.code, 4);
    let told = "error: the command was lost: it wrote more than 64 MiB";
    assert!(writes.stderr.contains(told));
}

//! Tests that the program serves until a signal stops it.

use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::process::Command;

use crate::support::program::{Program, command};
use crate::support::{http, status_of};

#[tokio::test]
async fn it_prints_the_lines_to_export() {
    let mut program = Program::start(&["--listen", "127.0.0.1:0", "--token", "T"], &[]);
    let mut exports = Vec::new();
    while exports.len() < 2 {
        let line = program.line().await;
        exports.extend(line.trim().strip_prefix("export ").map(str::to_owned));
    }
    let address = exports[0].strip_prefix("ATLAS_ADDRESS=").unwrap();
    assert_eq!(exports[1], "ATLAS_TOKEN=T");
    let url = format!("{address}/api/v1/authenticate?access_token=T");
    assert_eq!(status_of(&url).await, Some(200));
    assert_eq!(program.stop(Signal::TERM).await, Some(0));
}

#[tokio::test]
async fn a_token_is_printed_so_that_a_shell_reads_it_back() {
    let mut program = Program::start(&["--listen", "127.0.0.1:0", "--token", "a'b$HOME"], &[]);
    let export = loop {
        let line = program.line().await;
        if line.contains("ATLAS_TOKEN") {
            break line;
        }
    };
    let shell = Command::new("sh")
        .args(["-c", &format!("{export}; printf %s \"$ATLAS_TOKEN\"")])
        .output();
    assert_eq!(shell.await.unwrap().stdout, b"a'b$HOME");
}

#[tokio::test]
async fn variables_and_json_are_for_programs() {
    let variables = [
        ("MOCK_ATLAS_LISTEN", "127.0.0.1:0"),
        ("MOCK_ATLAS_OUTPUT", "json"),
        // A variable that is set but empty counts as not set.
        ("MOCK_ATLAS_TOKEN", ""),
        ("MOCK_ATLAS_PUBLIC_URL", ""),
        ("MOCK_ATLAS_BINSTORE_LISTEN", ""),
        ("MOCK_ATLAS_TLS", ""),
        ("MOCK_ATLAS_TLS_CA_OUT", ""),
        ("MOCK_ATLAS_TLS_CERT", ""),
        ("MOCK_ATLAS_TLS_KEY", ""),
        ("MOCK_ATLAS_MAX_ID_LENGTH", ""),
        ("MOCK_ATLAS_MAX_FILE_BYTES", ""),
        ("MOCK_ATLAS_FAULT", ""),
        ("MOCK_ATLAS_CHAOS", ""),
        ("MOCK_ATLAS_LOG", ""),
    ];
    let mut program = Program::start(&[], &variables);
    let said = program.json().await;
    let (address, token) = (
        said["address"].as_str().unwrap(),
        said["token"].as_str().unwrap(),
    );
    assert_eq!(token.len(), 14 + ".atlasv1.".len() + 67);
    let url = format!("{address}/api/v1/authenticate?access_token={token}");
    assert_eq!(status_of(&url).await, Some(200));
    assert_eq!(program.stop(Signal::INT).await, Some(0));
}

#[tokio::test]
async fn a_flag_wins_over_a_variable() {
    let variables = [("MOCK_ATLAS_TOKEN", "variable")];
    let mut program = Program::serve(&["--token", "flag"], &variables);
    assert_eq!(program.json().await["token"], "flag");
}

#[tokio::test]
async fn the_public_url_starts_upload_paths_and_leaves_the_address_as_it_is() {
    let arguments = ["--token", "T", "--public-url", "https://proxy.test/atlas/"];
    let mut program = Program::serve(&arguments, &[]);
    let address = program.json().await["address"].as_str().unwrap().to_owned();
    assert!(address.starts_with("http://127.0.0.1:"), "{address}");
    let post = async |path: &str, body: &'static str| {
        let url = format!("{address}/api/v1/artifacts{path}?access_token=T");
        http()
            .post(url)
            .body(body)
            .send()
            .await
            .unwrap()
            .text()
            .await
            .unwrap()
    };
    post("", r#"{"artifact":{"username":"acme","name":"web"}}"#).await;
    let version = post("/acme/web/x", r#"{"artifact_version":{"id":"x"}}"#).await;
    assert!(
        version.contains(r#""upload_path":"https://proxy.test/atlas/_binstore/"#),
        "{version}"
    );
}

#[tokio::test]
async fn listening_on_every_address_announces_one_that_works() {
    let arguments = ["--listen", "0.0.0.0:0", "--output", "json"];
    let mut program = Program::start(&arguments, &[]);
    let said = program.json().await;
    let url = format!("{}/api/v1/token", said["address"].as_str().unwrap());
    assert!(url.starts_with("http://127.0.0.1:"), "{url}");
    assert_eq!(status_of(&url).await, Some(401));
}

#[tokio::test]
async fn an_address_in_use_says_what_to_do() {
    let mut program = Program::serve(&[], &[]);
    let said = program.json().await;
    let address = said["address"]
        .as_str()
        .unwrap()
        .strip_prefix("http://")
        .unwrap()
        .to_owned();
    let output = command(&["--listen", &address], &[])
        .output()
        .await
        .unwrap();
    assert_eq!(output.status.code(), Some(1));
    let stderr = String::from_utf8(output.stderr).unwrap();
    assert!(
        stderr.contains(&address) && stderr.contains("--listen 127.0.0.1:0"),
        "{stderr}"
    );
}

#[tokio::test]
async fn wrong_arguments_are_told_from_failures() {
    for arguments in [&["--no-such-flag"][..], &["--listen", "nowhere"], &["exec"]] {
        let output = command(arguments, &[]).output().await.unwrap();
        assert_eq!(output.status.code(), Some(2), "{arguments:?}");
    }
}

/// Returns the log, in a format, of requests with tokens, passwords and upload paths.
async fn log_of_secrets(format: &str) -> String {
    let arguments = ["--log", "trace", "--log-format", format];
    let mut program = Program::serve(&arguments, &[("MOCK_ATLAS_TOKEN", "canary")]);
    let address = program.json().await["address"].as_str().unwrap().to_owned();
    let http = http();
    let artifacts = format!("{address}/api/v1/artifacts?access_token=canary");
    let artifact = http
        .post(&artifacts)
        .body(r#"{"artifact":{"username":"acme","name":"web"}}"#);
    assert_eq!(artifact.send().await.unwrap().status(), 200);
    let version = http
        .post(format!("{address}/api/v1/artifacts/acme/web/x"))
        .header("X-Atlas-Token", "canary")
        .body(r#"{"artifact_version":{"id":"x","file":true}}"#);
    let version: serde_json::Value = version.send().await.unwrap().json().await.unwrap();
    let upload = version["upload_path"].as_str().unwrap();
    assert_eq!(
        http.put(upload)
            .body("bytes")
            .send()
            .await
            .unwrap()
            .status(),
        200
    );

    for login in [
        r#"{"user":{"login":"x","password":12345678}}"#,
        r#"{"user":"12345678"}"#,
    ] {
        let request = http
            .post(format!("{address}/api/v1/authenticate"))
            .body(login);
        let reply = request.send().await.unwrap();
        assert_eq!(reply.status(), 422);
        assert!(!reply.text().await.unwrap().contains("12345678"));
    }

    let mut stderr = program.child.stderr.take().unwrap();
    assert_eq!(program.stop(Signal::TERM).await, Some(0));
    let mut log = String::new();
    stderr.read_to_string(&mut log).await.unwrap();
    assert!(log.contains("/_binstore/{upload}"), "{log}");
    assert!(
        !log.contains("canary") && !log.contains("12345678"),
        "{log}"
    );
    assert!(
        !log.contains(version["upload_token"].as_str().unwrap()),
        "{log}"
    );
    log
}

#[tokio::test]
async fn no_log_and_no_help_shows_a_secret() {
    log_of_secrets("text").await;
    // Hyper logs too, so not every line is about a request.
    for line in log_of_secrets("json").await.lines() {
        let line: serde_json::Value = serde_json::from_str(line).unwrap();
        assert!(line["level"].is_string(), "{line}");
        let is_answer = line["message"] == "answered";
        assert!(
            !is_answer || line["span"]["request_id"].is_string(),
            "{line}"
        );
    }

    let help = command(&["--help"], &[("MOCK_ATLAS_TOKEN", "canary")])
        .output()
        .await
        .unwrap();
    assert!(!String::from_utf8(help.stdout).unwrap().contains("canary"));
}

#[tokio::test]
async fn a_second_signal_does_not_wait_for_requests_under_way() {
    let mut program = Program::serve(&[], &[]);
    let address = program.json().await["address"].as_str().unwrap().to_owned();
    let host = address.strip_prefix("http://").unwrap();
    let mut stream = TcpStream::connect(host).await.unwrap();
    let head = "POST /api/v1/authenticate HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\nExpect: 100-continue\r\n\r\n";
    stream.write_all(head.as_bytes()).await.unwrap();
    // `100 Continue` shows that the request is under way.
    let mut asked = [0; 25];
    stream.read_exact(&mut asked).await.unwrap();

    let pid = Pid::from_raw(program.child.id().unwrap().try_into().unwrap()).unwrap();
    kill_process(pid, Signal::INT).unwrap();
    while TcpStream::connect(host).await.is_ok() {
        tokio::task::yield_now().await;
    }
    // The timeout is shorter than the grace of ten seconds.
    let stopped = tokio::time::timeout(Duration::from_secs(5), program.stop(Signal::INT));
    assert_eq!(stopped.await.unwrap(), Some(0));
}

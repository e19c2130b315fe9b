//! The program's commands that ask a running emulator.

use rustix::process::Signal;
use serde_json::Value;

use crate::program::Program;
use crate::support::{Fixture, printed, program, run, status_of};

fn stderr(output: &std::process::Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

#[tokio::test]
async fn a_token_is_made_listed_and_revoked() {
    let fixture = Fixture::new().await;
    let atlas = &fixture.atlas;
    let made = printed(
        atlas,
        &["token", "create", "rival", "--description", "c\x1bi"],
    )
    .await;
    let url = format!(
        "{}/api/v1/token?access_token={}",
        atlas.url(),
        made.trim_end()
    );
    assert_eq!(status_of(&url).await, Some(200));

    let list = printed(atlas, &["token", "list"]).await;
    let lines: Vec<&str> = list.lines().collect();
    assert_eq!(lines.len(), 3, "{list}");
    assert!(
        !list.contains(made.trim_end()) && !list.contains("RIVAL"),
        "{list}"
    );
    let last: Vec<&str> = lines[2].split_whitespace().collect();
    assert_eq!((last[1], last[3]), ("rival", "c?i"), "{list}");

    assert_eq!(printed(atlas, &["token", "revoke", last[0]]).await, "");
    assert_eq!(status_of(&url).await, Some(401));
    let again = run(atlas, "ROOT", &["token", "revoke", last[0]]).await;
    assert_eq!(again.status.code(), Some(1));
    assert!(
        stderr(&again).contains("Resource not found!"),
        "{}",
        stderr(&again)
    );
}

#[tokio::test]
async fn json_is_what_the_emulator_answered() {
    let fixture = Fixture::new().await;
    let arguments = ["token", "create", "rival", "--output", "json"];
    let made: Value = serde_json::from_str(&printed(&fixture.atlas, &arguments).await).unwrap();
    assert_eq!(made["username"], "rival");
    let arguments = ["token", "list", "--output", "json"];
    let all: Value = serde_json::from_str(&printed(&fixture.atlas, &arguments).await).unwrap();
    assert_eq!(all["tokens"][2]["id"], made["id"]);
}

#[tokio::test]
async fn what_cannot_be_done_says_why() {
    let fixture = Fixture::new().await;
    let atlas = &fixture.atlas;
    for (token, arguments, message) in [
        (
            "RIVAL",
            &["token", "list"][..],
            "401 Unauthorized: This is for the token",
        ),
        (
            "canary",
            &["token", "list"],
            "401 Unauthorized: The token is missing or unknown",
        ),
        (
            "ROOT",
            &["token", "create", "eve"],
            "there is no user of this name",
        ),
        (
            "ROOT",
            &["token", "list", "--atlas-url", "https://127.0.0.1"],
            "must be like http://",
        ),
        (
            "ROOT",
            &["token", "list", "--atlas-url", "http://127.0.0.1:1"],
            "Is mock-atlas running there?",
        ),
        (
            "can\nary",
            &["token", "list"],
            "characters that no request can hold",
        ),
    ] {
        let output = run(atlas, token, arguments).await;
        assert_eq!(output.status.code(), Some(1), "{arguments:?}");
        let stderr = stderr(&output);
        assert!(stderr.contains(message), "{stderr}");
        assert!(
            !stderr.contains("canary") && !stderr.contains("ary\n"),
            "{stderr}"
        );
    }
    let output = run(atlas, "ROOT", &["token", "revoke", "../reset"]).await;
    assert_eq!(output.status.code(), Some(2));
}

#[tokio::test]
async fn the_settings_of_an_emulator_find_it_too() {
    let listen = ["--listen", "127.0.0.1:0", "--output", "json"];
    let mut emulator = Program::start(&listen, &[("MOCK_ATLAS_TOKEN", "T")]);
    let address = emulator.json().await["address"]
        .as_str()
        .unwrap()
        .to_owned();
    let port = address.rsplit(':').next().unwrap();
    let output = program()
        .args(["token", "list"])
        .env("ATLAS_ADDRESS", "")
        .env("ATLAS_TOKEN", "")
        .env("MOCK_ATLAS_LISTEN", format!("0.0.0.0:{port}"))
        .env("MOCK_ATLAS_TOKEN", "T")
        .output()
        .await
        .unwrap();
    assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
    let output = program()
        .args([
            "token",
            "list",
            "--atlas-url",
            &format!("{address}/api/v1/"),
        ])
        .env_remove("ATLAS_TOKEN")
        .output()
        .await
        .unwrap();
    assert_eq!(output.status.code(), Some(1));
    assert!(
        stderr(&output).contains("Set --token or ATLAS_TOKEN."),
        "{}",
        stderr(&output)
    );
    assert_eq!(emulator.stop(Signal::TERM).await, Some(0));
}

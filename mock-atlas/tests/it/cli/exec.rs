//! Tests that `mock-atlas exec -- COMMAND` runs a command beside an emulator of its own.

use std::process::{Output, Stdio};

use rustix::process::{Pid, Signal, kill_process};
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::process::Command;

use crate::support::{program, status_of};

fn exec(arguments: &[&str]) -> Command {
    let mut command = program();
    command.arg("exec").args(arguments);
    command
}

async fn run(arguments: &[&str]) -> Output {
    exec(arguments).output().await.unwrap()
}

#[tokio::test]
async fn the_command_reaches_an_emulator_of_its_own() {
    let script = r#"echo "$ATLAS_ADDRESS/api/v1/token?access_token=$ATLAS_TOKEN"; read line"#;
    let mut child = exec(&["--", "sh", "-c", script])
        .stdin(Stdio::piped())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let url = lines.next_line().await.unwrap().unwrap();
    assert_eq!(status_of(&url).await, Some(200));

    let mut stdin = child.stdin.take().unwrap();
    stdin.write_all(b"done\n").await.unwrap();
    assert_eq!(child.wait().await.unwrap().code(), Some(0));
    assert_eq!(status_of(&url).await, None);
}

#[tokio::test]
async fn the_commands_code_is_passed_on() {
    assert_eq!(
        run(&["--", "sh", "-c", "exit 42"]).await.status.code(),
        Some(42)
    );
    assert_eq!(
        run(&["--", "sh", "-c", "kill -KILL $$"])
            .await
            .status
            .code(),
        Some(128 + 9)
    );
    // The dashes may be absent, and flags after the command belong to the command.
    assert_eq!(run(&["sh", "-c", "exit 3"]).await.status.code(), Some(3));
}

#[tokio::test]
async fn flags_before_the_dashes_are_for_the_emulator() {
    let output = run(&["--token", "T", "--", "sh", "-c", "echo $ATLAS_TOKEN"]).await;
    assert_eq!(output.stdout, b"T\n");
}

#[tokio::test]
async fn a_command_that_cannot_be_run_is_named() {
    let output = run(&["--", "no-such-command"]).await;
    assert_eq!(output.status.code(), Some(127));
    assert_eq!(run(&["--", "/"]).await.status.code(), Some(126));
    assert!(
        String::from_utf8(output.stderr)
            .unwrap()
            .contains("no-such-command")
    );
}

#[tokio::test]
async fn signals_reach_the_command_and_its_answer_counts() {
    for (signal, name) in [
        (Signal::TERM, "TERM"),
        (Signal::INT, "INT"),
        (Signal::HUP, "HUP"),
        (Signal::QUIT, "QUIT"),
        (Signal::USR1, "USR1"),
        (Signal::USR2, "USR2"),
    ] {
        // The shell runs its trap only between commands, so each sleep is short.
        let script = format!("trap 'exit 7' {name}; echo ready; while :; do sleep 0.01; done");
        let mut child = exec(&["--", "sh", "-c", &script]).spawn().unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        assert_eq!(lines.next_line().await.unwrap().as_deref(), Some("ready"));
        let pid = Pid::from_raw(child.id().unwrap().try_into().unwrap()).unwrap();
        kill_process(pid, signal).unwrap();
        assert_eq!(child.wait().await.unwrap().code(), Some(7), "{name}");
    }
}

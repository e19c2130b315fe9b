//! Tests the progress that a run shows, on a terminal and elsewhere.

use mock_atlas::MockAtlas;
use serde_json::Value;

use crate::support::command_lines::PUSH;
use crate::support::program::{Program, assert_run};
use crate::support::{gzip, started};

async fn ready() -> (MockAtlas, Program) {
    let (atlas, program) = started().await;
    program.write("disk.img.gz", gzip(b"disk"));
    (atlas, program)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_program_gets_one_json_object_a_line() {
    let (_atlas, program) = ready().await;
    let run = program
        .run(&[&PUSH[..], &["--progress", "json"]].concat())
        .await;
    let events: Vec<Value> = run
        .stderr
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    let names: Vec<_> = events.iter().map(|event| &event["event"]).collect();
    assert_eq!(names, ["creating_artifact", "uploading", "sending"]);
    assert_eq!(events[2]["bytes"], events[2]["total"]);

    let refused = program
        .run(&["whoami", "--token", "wrong-T0ken", "--progress", "json"])
        .await;
    assert_run("progress_json_error", refused);
}

#[tokio::test(flavor = "multi_thread")]
async fn quiet_says_nothing_but_an_error() {
    let (_atlas, program) = ready().await;
    for style in ["auto", "bar", "plain", "json"] {
        let quiet = ["--quiet", "--progress", style];
        let run = program.run(&[&PUSH[..], &quiet].concat()).await;
        assert_eq!((run.code, run.stderr.as_str()), (0, ""), "{style}");
        assert!(run.stdout.starts_with("acme/web/t/"));
    }
    let run = program.run(&["whoami", "-q", "--token", "wrong"]).await;
    assert!(run.stderr.starts_with("error: "), "{run}");
}

#[tokio::test(flavor = "multi_thread")]
async fn away_from_a_terminal_nothing_moves_the_cursor() {
    let (_atlas, program) = ready().await;
    for style in ["auto", "plain", "json", "none"] {
        let run = program
            .run(&[&PUSH[..], &["--progress", style]].concat())
            .await;
        assert!(!run.stderr.contains(['\x1b', '\r']), "{run}");
    }
}

/// Runs the program with a terminal as its stderr, and returns the output there.
#[cfg(target_os = "linux")]
async fn on_a_terminal(program: &Program, arguments: &[&str]) -> String {
    use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};
    use std::io::Read as _;

    let terminal = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY).unwrap();
    grantpt(&terminal).unwrap();
    unlockpt(&terminal).unwrap();
    let name = ptsname(&terminal, Vec::new()).unwrap();
    let mut options = std::fs::File::options();
    let other_end = options
        .read(true)
        .write(true)
        .open(name.to_str().unwrap())
        .unwrap();
    let mut command = program.command();
    command
        .args(arguments)
        .stdout(std::process::Stdio::null())
        .stderr(other_end);
    assert!(command.status().await.unwrap().success());
    drop(command);
    let mut shown = Vec::new();
    // Reading ends in an error after the other end is closed.
    let _ = std::fs::File::from(terminal).read_to_end(&mut shown);
    String::from_utf8(shown).unwrap()
}

#[cfg(target_os = "linux")]
#[tokio::test(flavor = "multi_thread")]
async fn a_terminal_gets_a_bar_without_colours_that_leaves_no_trace() {
    let (_atlas, program) = ready().await;
    let shown = on_a_terminal(&program, &PUSH).await;
    assert!(shown.contains("Sending "), "{shown:?}");
    assert!(shown.contains("/s, "), "{shown:?}");
    // No escape sequence sets a colour, with or without NO_COLOR.
    let colours = shown.split('\x1b').filter(|rest| {
        rest.trim_start_matches(|c: char| c == '[' || c == ';' || c.is_ascii_digit())
            .starts_with('m')
    });
    assert_eq!(colours.count(), 0, "{shown:?}");
    let after = shown.rsplit(['\r', '\n']).next().unwrap();
    assert_eq!(after.trim_start_matches("\x1b[2K"), "", "{shown:?}");
}

#[cfg(target_os = "linux")]
#[tokio::test(flavor = "multi_thread")]
async fn a_terminal_that_cannot_redraw_gets_no_bar() {
    let (_atlas, program) = ready().await;
    let program = program.with("TERM", "dumb");
    let shown = on_a_terminal(&program, &PUSH).await;
    assert!(shown.contains("Uploading artifact"), "{shown:?}");
    assert!(!shown.contains("Sending "), "{shown:?}");
}

//! Tests `mock-atlas exec` in a terminal, where a key signals a whole process group. The tests need `setsid`, of
//! Debian's package `util-linux`.

use std::fs::File;
use std::io::{BufRead, BufReader, Write};
use std::process::{Child, Command};

use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};

/// The byte that the keyboard sends for Ctrl-C.
const CTRL_C: &[u8] = b"\x03";

/// Starts a command in a new session on a new terminal, and returns the terminal's other end and the command.
fn in_terminal(command: &[&str]) -> (File, Child) {
    let flags = OpenptFlags::RDWR | OpenptFlags::NOCTTY | OpenptFlags::CLOEXEC;
    let terminal = openpt(flags).unwrap();
    grantpt(&terminal).unwrap();
    unlockpt(&terminal).unwrap();
    let name = ptsname(&terminal, Vec::new())
        .unwrap()
        .into_string()
        .unwrap();
    let open = || File::options().read(true).write(true).open(&name).unwrap();
    let child = Command::new("setsid")
        .args(["--ctty", "--wait"])
        .args(command)
        .stdin(open())
        .stdout(open())
        .stderr(open())
        .spawn()
        .expect("setsid must be installed");
    (File::from(terminal), child)
}

/// Runs a script under `exec`, presses Ctrl-C, and returns the output from then on, and the exit code.
///
/// The log shows which signals were passed on. The script's own count would prove nothing, since two signals in
/// short order may arrive as one.
fn interrupted(before: &[&str]) -> (String, Option<i32>) {
    // The script waits for a second signal for a while after the first, and does not wait for the first for ever.
    let script = "n=0; t=1000; trap 'n=$((n+1)); t=20' INT; echo ready; \
                  while [ $t -gt 0 ]; do sleep 0.01; t=$((t-1)); done; echo heard $n; exit 7";
    let command = [
        &[
            env!("CARGO_BIN_EXE_mock-atlas"),
            "exec",
            "--log",
            "debug",
            "--",
        ],
        before,
        &["sh", "-c", script],
    ];
    let (mut terminal, mut child) = in_terminal(&command.concat());
    let mut lines = BufReader::new(terminal.try_clone().unwrap()).lines();
    assert!(lines.any(|line| line.unwrap().contains("ready")));
    terminal.write_all(CTRL_C).unwrap();
    // Reading fails after the last line, since no process holds the terminal's other end any more.
    let said: Vec<String> = lines.map_while(Result::ok).collect();
    (said.join("\n"), child.wait().unwrap().code())
}

#[test]
fn ctrl_c_reaches_the_command_once() {
    let (said, code) = interrupted(&[]);
    assert!(
        said.contains("heard 1") && !said.contains("passing on"),
        "{said}"
    );
    assert_eq!(code, Some(7));
}

#[test]
fn ctrl_c_reaches_a_command_that_left_the_group_of_the_terminal() {
    let (said, code) = interrupted(&["setsid"]);
    assert!(
        said.contains("heard 1") && said.contains("passing on"),
        "{said}"
    );
    assert_eq!(code, Some(7));
}

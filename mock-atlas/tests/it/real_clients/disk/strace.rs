//! Runs the program under strace.

use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};
use tokio::process::Command;
use tokio::time::timeout;

use crate::support::program::{Program, SERVE, command};

/// The longest wait for the end of a program.
const END: Duration = Duration::from_secs(60);

/// Returns the arguments of an emulator on a folder.
pub(super) fn arguments(data: &Path) -> Vec<&str> {
    let data = data.to_str().unwrap();
    [&SERVE[..], &["--token", "ROOT", "--data", data]].concat()
}

/// Starts an emulator on a folder under strace, and returns its URL, too.
pub(super) async fn start(options: &[&str], data: &Path) -> (Program, String) {
    let program = command(&arguments(data), &[]);
    let program = program.as_std();
    let mut strace = Command::new("strace");
    strace
        .args(options)
        .arg(program.get_program())
        .args(program.get_args());
    for (name, value) in program.get_envs() {
        match value {
            Some(value) => strace.env(name, value),
            None => strace.env_remove(name),
        };
    }
    strace
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .kill_on_drop(true);
    let mut program = Program::of(strace);
    let url = program.json().await["address"].as_str().unwrap().to_owned();
    (program, url)
}

/// Returns the process that has a folder.
pub(super) fn process(data: &Path) -> Pid {
    let id = std::fs::read_to_string(data.join("lock")).unwrap();
    Pid::from_raw(id.trim().parse().unwrap()).unwrap()
}

/// Ends the emulator on a folder with a signal, and waits for the end of strace.
pub(super) async fn end(mut program: Program, data: &Path, signal: Signal) {
    kill_process(process(data), signal).unwrap();
    timeout(END, program.child.wait()).await.unwrap().unwrap();
}

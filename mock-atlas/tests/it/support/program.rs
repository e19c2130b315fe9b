//! Runs the program and reads its output.

use rustix::process::{Pid, Signal, kill_process};
use tokio::io::{AsyncBufReadExt, AsyncReadExt, BufReader, Lines};
use tokio::process::{Child, ChildStdout, Command};

use super::program;

/// The arguments of a server on a free port, which announces itself as JSON.
pub(crate) const SERVE: [&str; 4] = ["--listen", "127.0.0.1:0", "--output", "json"];

pub(crate) struct Program {
    pub(crate) child: Child,
    stdout: Lines<BufReader<ChildStdout>>,
}

impl Program {
    pub(crate) fn start(arguments: &[&str], variables: &[(&str, &str)]) -> Self {
        Self::of(command(arguments, variables))
    }

    /// Starts a server on a free port, which announces itself as JSON, with more arguments.
    pub(crate) fn serve(arguments: &[&str], variables: &[(&str, &str)]) -> Self {
        Self::start(&[&SERVE[..], arguments].concat(), variables)
    }

    pub(crate) fn of(mut command: Command) -> Self {
        let mut child = command.spawn().unwrap();
        let stdout = BufReader::new(child.stdout.take().unwrap()).lines();
        Self { child, stdout }
    }

    pub(crate) async fn line(&mut self) -> String {
        match self.stdout.next_line().await.unwrap() {
            Some(line) => line,
            None => panic!("the program printed no line: {}", self.errors().await),
        }
    }

    /// Returns what the program has written to stderr, once it has ended; nothing if the test did not ask for it.
    async fn errors(&mut self) -> String {
        let mut errors = String::new();
        if let Some(mut stderr) = self.child.stderr.take() {
            stderr.read_to_string(&mut errors).await.unwrap();
        }
        errors
    }

    /// Returns a number of KiB from the status of the process.
    pub(crate) fn kib(&self, name: &str) -> usize {
        let status = format!("/proc/{}/status", self.child.id().unwrap());
        let status = std::fs::read_to_string(status).unwrap();
        let mut lines = status.lines().map(|line| line.split_whitespace());
        let mut line = lines
            .find(|line| line.clone().next() == Some(name))
            .unwrap();
        line.nth(1).unwrap().parse().unwrap()
    }

    pub(crate) async fn json(&mut self) -> serde_json::Value {
        serde_json::from_str(&self.line().await).unwrap()
    }

    pub(crate) async fn stop(mut self, signal: Signal) -> Option<i32> {
        let pid = Pid::from_raw(self.child.id().unwrap().try_into().unwrap()).unwrap();
        kill_process(pid, signal).unwrap();
        self.child.wait().await.unwrap().code()
    }
}

pub(crate) fn command(arguments: &[&str], variables: &[(&str, &str)]) -> Command {
    let mut command = program();
    command.args(arguments).envs(variables.iter().copied());
    command
}

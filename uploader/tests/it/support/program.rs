//! Runs the program as a user does, in a folder and with an environment of its own.

use std::fmt;
use std::path::{Path, PathBuf};
use std::process::Stdio;

use serde_json::Value;
use tempfile::TempDir;
use tokio::process::Command;

/// The folder in which the program runs, and its environment variables.
pub(crate) struct Program {
    folder: TempDir,
    variables: Vec<(String, String)>,
}

/// The result of a run: the exit code and both output streams.
#[derive(Debug)]
pub(crate) struct Run {
    pub(crate) code: i32,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl Program {
    pub(crate) fn new() -> Self {
        Self {
            folder: tempfile::tempdir().unwrap(),
            variables: Vec::new(),
        }
    }

    /// Creates a program with `ATLAS_ADDRESS` and `ATLAS_TOKEN` set.
    pub(crate) fn at(url: &str, token: &str) -> Self {
        Self::new()
            .with("ATLAS_ADDRESS", url)
            .with("ATLAS_TOKEN", token)
    }

    pub(crate) fn with(mut self, name: &str, value: &str) -> Self {
        self.variables.push((name.to_owned(), value.to_owned()));
        self
    }

    pub(crate) fn folder(&self) -> &Path {
        self.folder.path()
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub(crate) fn write(&self, name: &str, content: impl AsRef<[u8]>) {
        let path = self.path(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, content).unwrap();
    }

    pub(crate) fn command(&self) -> Command {
        self.command_of(Path::new(env!("CARGO_BIN_EXE_atlas-upload")))
    }

    /// Returns a command that runs another program, or this one under another name, in the same folder and
    /// environment.
    pub(crate) fn command_of(&self, path: &Path) -> Command {
        let mut command = Command::new(path);
        command
            .env_clear()
            .env("HOME", self.folder())
            .envs(self.variables.iter().map(|(name, value)| (name, value)))
            .current_dir(self.folder())
            .stdin(Stdio::null())
            .kill_on_drop(true);
        command
    }

    pub(crate) async fn run(&self, arguments: &[&str]) -> Run {
        let (code, stdout, stderr) = self.run_raw(arguments).await;
        let stdout = String::from_utf8(stdout).unwrap();
        Run {
            code,
            stdout,
            stderr,
        }
    }

    pub(crate) async fn run_raw(&self, arguments: &[&str]) -> (i32, Vec<u8>, String) {
        let output = self.command().args(arguments).output().await.unwrap();
        let stderr = String::from_utf8(output.stderr).unwrap();
        (output.status.code().unwrap(), output.stdout, stderr)
    }

    /// Returns the latest version of an artifact as a search prints it.
    pub(crate) async fn latest(&self, artifact: &str, artifact_type: &str) -> Value {
        let search = ["search", artifact, "--type", artifact_type];
        let latest = ["--version", "latest", "--output", "json"];
        let run = self.run(&[&search[..], &latest].concat()).await;
        assert_eq!(run.code, 0, "{run}");
        let mut found: Value = serde_json::from_str(&run.stdout).unwrap();
        assert_eq!(found.as_array().unwrap().len(), 1, "{run}");
        found[0].take()
    }

    /// Returns the file of the latest version of an artifact.
    pub(crate) async fn pulled(&self, artifact: &str, artifact_type: &str) -> Vec<u8> {
        let pull = ["pull", artifact, "--type", artifact_type, "-o", "-"];
        let (code, bytes, stderr) = self.run_raw(&pull).await;
        assert_eq!(code, 0, "{stderr}");
        bytes
    }
}

/// Prints the whole run as one text, for snapshots.
impl fmt::Display for Run {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            code,
            stdout,
            stderr,
        } = self;
        write!(
            f,
            "exit code: {code}\n--- stdout\n{stdout}--- stderr\n{stderr}"
        )
    }
}

/// Compares a run with its snapshot, after replacing values that differ between runs.
pub(crate) fn assert_run(name: &str, run: impl fmt::Display) {
    let filters = vec![
        (r"127\.0\.0\.1:\d+", "127.0.0.1:PORT"),
        (r"(sha256|blake3):[0-9a-f]{64}", "$1:DIGEST"),
        (
            r#""authenticate":\d+,"pack":\d+,"artifact":\d+,"version":\d+,"upload":\d+"#,
            r#""authenticate":N,"pack":N,"artifact":N,"version":N,"upload":N"#,
        ),
        (r"\([1-9]\d* bytes\)", "(N bytes)"),
        (r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", "UUID"),
        (r#""[0-9a-f]{64}""#, r#""DIGEST""#),
        (r#""bytes": [1-9]\d*"#, r#""bytes": N"#),
        (r"/tmp/\.tmp\w+", "FOLDER"),
        (r"trying again in \d+ ms", "trying again in N ms"),
        (r#""bytes":[1-9]\d*"#, r#""bytes":N"#),
    ];
    insta::with_settings!({
        filters => filters,
        snapshot_path => "../snapshots",
        prepend_module_to_snapshot => false,
        omit_expression => true,
    }, {
        insta::assert_snapshot!(name, run.to_string());
    });
}

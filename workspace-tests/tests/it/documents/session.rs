//! Runs the shell blocks of one document, one after the other in one shell.

use std::net::TcpListener;
use std::os::fd::AsFd as _;
use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

use mock_atlas::MockAtlas;
use rustix::process::{Pid, Signal, kill_process_group};
use tokio::process::Command;

use super::document::Document;

/// Far more than any document takes.
const LIMIT: Duration = Duration::from_secs(300);

/// Ends at the first command that fails, and says on which line of the document it stands.
const PREAMBLE: &str = r#"set -eEuo pipefail; trap 'echo "$0:$LINENO: exit code $?"' ERR; "#;

/// Runs a document in a folder of its own, with the programs of `programs` before all others, and says
/// which line failed, after all that was printed. What runs in the background ends with it.
///
/// These stand for something else in a document: `https://atlas.example.com` is an emulator, `…` its
/// token, and `127.0.0.1:28527` a port that is free.
pub(crate) async fn run(
    document: &Document,
    programs: &Path,
    real_clients: bool,
) -> Result<(), String> {
    let atlas = MockAtlas::start().await.unwrap();
    let script = script(document, real_clients)
        .replace("https://atlas.example.com", atlas.url())
        .replace('…', atlas.token())
        .replace("127.0.0.1:28527", &free_address());
    let folder = tempfile::tempdir().unwrap();
    // One file for both streams, as a terminal is, and not a pipe that the background holds open.
    let output = tempfile::NamedTempFile::new().unwrap();
    let stream = || Stdio::from(output.as_fd().try_clone_to_owned().unwrap());
    let path = std::env::var_os("PATH").unwrap_or_default();
    let path = std::iter::once(programs.to_owned()).chain(std::env::split_paths(&path));
    let mut shell = Command::new("bash")
        .args(["-c", &script, &document.path])
        .env_clear()
        .env("PATH", std::env::join_paths(path).unwrap())
        .env("HOME", folder.path())
        // An emulator that does not say where it listens must not meet another one.
        .env("MOCK_ATLAS_LISTEN", "127.0.0.1:0")
        .current_dir(folder.path())
        .stdin(Stdio::null())
        .stdout(stream())
        .stderr(stream())
        .process_group(0)
        .spawn()
        .unwrap();
    let group = Pid::from_raw(i32::try_from(shell.id().unwrap()).unwrap()).unwrap();
    let ended = tokio::time::timeout(LIMIT, shell.wait()).await;
    // Nobody may be left.
    let _ = kill_process_group(group, Signal::KILL);
    let why = match ended {
        Ok(status) if status.as_ref().unwrap().success() => return Ok(()),
        Ok(_) => "failed".to_owned(),
        Err(_) => format!("did not end within {LIMIT:?}"),
    };
    let printed = std::fs::read_to_string(output.path()).unwrap();
    Err(format!("{} {why}:\n{printed}", document.path))
}

/// Returns the script with each command on its line of the document, so that the shell names the right lines.
fn script(document: &Document, real_clients: bool) -> String {
    let mut lines = vec![""; document.text.lines().count()];
    for block in document.runs(real_clients) {
        for (line, code) in lines[block.line - 1..].iter_mut().zip(block.code.lines()) {
            *line = code;
        }
    }
    format!("{PREAMBLE}{}", lines.join("\n"))
}

fn free_address() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    listener.local_addr().unwrap().to_string()
}

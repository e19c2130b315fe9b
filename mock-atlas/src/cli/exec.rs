//! `mock-atlas exec -- COMMAND` runs a command with an emulator of its own.

use std::ffi::OsString;
use std::io;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::os::unix::process::ExitStatusExt;
use std::process::{ExitCode, ExitStatus};

use mock_atlas::MockAtlas;
use rustix::process::Pid;
use tokio::process::{Child, Command};

use super::serve::disk_failed;
use super::signals::Forwarded;
use super::tls::CaFile;
use super::{EmulatorArguments, complain};

/// A free port of 127.0.0.1.
const DEFAULT: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 0);

pub(super) async fn run(
    arguments: &EmulatorArguments,
    command: &[OsString],
) -> Result<ExitCode, String> {
    // The handlers are installed before the command starts, so that no signal is lost in between.
    let mut signals =
        Forwarded::new().map_err(|error| format!("cannot handle signals: {error}"))?;
    let atlas = tokio::select! {
        started = arguments.start(DEFAULT) => started?,
        // No command is running yet that the signal could be passed on to.
        signal = signals.next() => return Ok(ended_by(signal)),
    };
    if atlas.token().is_empty() {
        return Err(
            "the folder of --data has a root token already, of which only the hash is kept: give it \
             with --token"
                .to_owned(),
        );
    }
    if let Some(seed) = atlas.chaos_seed() {
        complain(&format!(
            "faults are random; to repeat the same faults: --chaos-seed {seed}"
        ));
    }
    let ca = arguments.tls.ca_file(&atlas).await?;
    let mut child = match spawn(command, &atlas, ca.as_ref()) {
        Ok(child) => child,
        Err(error) => {
            let program = command.first().map(OsString::as_os_str).unwrap_or_default();
            complain(&format!("cannot run {}: {error}", program.display()));
            return Ok(not_run(&error));
        }
    };
    tokio::select! {
        status = wait(&mut child, &mut signals) => Ok(exit_code(status?)),
        reason = atlas.failed() => Err(disk_failed(&reason)),
    }
}

fn spawn(command: &[OsString], atlas: &MockAtlas, ca: Option<&CaFile>) -> io::Result<Child> {
    let (program, arguments) = command.split_first().ok_or(io::ErrorKind::InvalidInput)?;
    Command::new(program)
        .args(arguments)
        .env("ATLAS_ADDRESS", atlas.url())
        .env("ATLAS_TOKEN", atlas.token())
        .envs(ca.map(|ca| ("ATLAS_CAFILE", ca.path())))
        .kill_on_drop(true)
        .spawn()
}

/// Returns 127 for a command that does not exist and 126 for a command that cannot be run, as
/// shells do, to distinguish them from failures of the command itself.
fn not_run(error: &io::Error) -> ExitCode {
    ExitCode::from(if error.kind() == io::ErrorKind::NotFound {
        127
    } else {
        126
    })
}

async fn wait(child: &mut Child, signals: &mut Forwarded) -> Result<ExitStatus, String> {
    let process = child
        .id()
        .and_then(|id| Pid::from_raw(i32::try_from(id).ok()?))
        .ok_or("the command has no process id")?;
    let status = tokio::select! {
        status = child.wait() => status,
        () = signals.pass_on(process) => return Err("signals ended".to_owned()),
    };
    status.map_err(|error| format!("cannot wait for the command: {error}"))
}

/// Returns the command's exit code, or 128 plus the number of the signal that ended it, as shells
/// do.
fn exit_code(status: ExitStatus) -> ExitCode {
    status
        .code()
        .map_or_else(|| ended_by(status.signal()), code)
}

fn ended_by(signal: Option<i32>) -> ExitCode {
    signal.map_or(ExitCode::FAILURE, |signal| code(128 + signal))
}

fn code(code: i32) -> ExitCode {
    u8::try_from(code).map_or(ExitCode::FAILURE, ExitCode::from)
}

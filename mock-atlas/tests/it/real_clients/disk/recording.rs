//! Records what an emulator does to its disk while clients work.

use std::path::Path;
use std::time::Duration;

use rustix::process::Signal;
use tokio::task::JoinSet;
use tokio::time::timeout;

use super::strace::{end, start};
use super::trace::{CALLS, Trace};
use super::workload::{Known, Writer};
use crate::support::{FILE, http};

const WRITERS: usize = 16;

/// The number of times that each writer creates its versions, unless the emulator is killed in the end.
const TIMES: usize = 3;

/// The number of versions after which an emulator is killed, beyond those that were there.
const ENOUGH: u64 = 60;

const PATIENCE: Duration = Duration::from_secs(120);

/// Starts an emulator on the folder `data` of `root`, lets clients work, and ends it: SIGKILL among the work,
/// another signal after it. Returns what it did, and what the clients know.
pub(super) async fn session(root: &Path, name: &str, signal: Signal) -> (Trace, Vec<Known>) {
    let output = tempfile::NamedTempFile::new().unwrap();
    let calls = format!("trace={CALLS}");
    let path = output.path().to_str().unwrap();
    // Calls that are not recorded do not stop the program.
    let options = [
        "-f",
        "--seccomp-bpf",
        "-ttt",
        "-y",
        "-xx",
        "-s",
        "1000000",
        "-e",
        "signal=none",
    ];
    let options = [&options[..], &["-e", &calls, "-o", path]].concat();
    let data = root.join("data");
    let (program, url) = start(&options, &data).await;
    let mut known = Vec::new();
    if name == "a" {
        known.extend(Writer::new(&url, name.to_owned()).artifact().await);
    }
    let before = latest(&url).await;
    let times = match signal {
        Signal::KILL => usize::MAX,
        _ => TIMES,
    };
    let mut writers = JoinSet::new();
    for number in 0..WRITERS {
        let writer = Writer::new(&url, format!("{name}{number}"));
        writers.spawn(writer.versions(times));
    }
    writers.spawn(Writer::new(&url, format!("box-{name}")).boxes(TIMES));
    if signal == Signal::KILL {
        let enough = async { while latest(&url).await < before + ENOUGH {} };
        timeout(PATIENCE, enough).await.unwrap();
        end(program, &data, signal).await;
        known.extend(all(writers).await);
    } else {
        known.extend(all(writers).await);
        end(program, &data, signal).await;
    }
    let trace = std::fs::read_to_string(output.path()).unwrap();
    (Trace::read(&trace), known)
}

/// Returns the names of all boxes that may be there after the sessions `a`, `b` and `c`.
pub(super) fn boxes() -> impl Iterator<Item = String> {
    let sessions = ["a", "b", "c"].into_iter();
    sessions.flat_map(|session| (0..TIMES).map(move |number| format!("box-{session}-{number}")))
}

async fn all(writers: JoinSet<Vec<Known>>) -> Vec<Known> {
    let known = timeout(PATIENCE, writers.join_all()).await.unwrap();
    known.into_iter().flatten().collect()
}

/// Returns the highest number of a visible version; 0 if there is none.
async fn latest(url: &str) -> u64 {
    let search = http().get(format!("{url}{FILE}/search?version=latest"));
    let reply = search.bearer_auth("ROOT").send().await.unwrap();
    let found: serde_json::Value = reply.json().await.unwrap();
    found["versions"][0]["version"].as_u64().unwrap_or(0)
}

//! Proves what a folder holds after a loss of power, and what the program does when its disk fails. Needs strace.
//!
//! - `recording`: the program under strace, with clients; `workload`: the clients; `trace`: what strace wrote
//! - `model`: what the disk may hold at each moment; `check`: opens it, and compares it with what clients know
//! - `failures`: the program with system calls that fail

mod check;
mod failures;
mod model;
mod recording;
mod strace;
mod trace;
mod workload;

use std::path::Path;
use std::sync::Arc;

use futures_util::{StreamExt, stream};
use rustix::process::Signal;
use tempfile::TempDir;

use self::check::problem;
use self::model::{Disk, Loss};
use self::recording::session;
use self::workload::{Fact, Known};

/// The number of states that are checked; the variable `DISK_STATES` sets another.
const STATES: usize = 120;

/// The number of states among which one must be found wrong when fsyncs are left out.
const STATES_WITHOUT: usize = 40;

/// Returns a folder in memory if there is one: thousands of files are written, and their fsyncs prove nothing.
fn in_memory() -> TempDir {
    tempfile::tempdir_in("/dev/shm")
        .or_else(|_| tempfile::tempdir())
        .unwrap()
}

/// Opens states that the disk may hold at random moments, and returns what is wrong with them.
async fn problems(
    disk: &Arc<Disk>,
    known: &Arc<Vec<Known>>,
    losses: &[Loss],
    states: usize,
) -> Vec<String> {
    let checked = stream::iter(0..states).map(|state| {
        let (disk, known) = (Arc::clone(disk), Arc::clone(known));
        let loss = losses[state % losses.len()];
        let checked = tokio::spawn(async move {
            let mut random = fastrand::Rng::with_seed(state as u64);
            let moment = random.usize(..disk.times.len());
            let folder = in_memory();
            disk.write(moment, loss, &mut random, folder.path());
            let held = known.iter().filter(|(at, _)| *at <= disk.times[moment]);
            let facts: Vec<Fact> = held.map(|(_, fact)| fact.clone()).collect();
            let problem = problem(&folder.path().join("data"), &facts).await.err()?;
            Some(format!(
                "state {state}, {loss:?} at {moment}, {} facts: {problem}",
                facts.len()
            ))
        });
        async { checked.await.unwrap() }
    });
    checked
        .buffer_unordered(4)
        .filter_map(async |found| found)
        .collect()
        .await
}

async fn record(root: &Path) -> (Disk, Vec<Known>) {
    let (mut disk, mut known) = (Disk::new(root), Vec::new());
    for (name, end) in [
        ("a", Signal::KILL),
        ("b", Signal::TERM),
        ("c", Signal::KILL),
    ] {
        let (trace, told) = session(root, name, end).await;
        disk.add(trace);
        known.extend(told);
    }
    (disk, known)
}

/// Says of the path of a file or folder, and of whether it is a folder, whether its fsyncs count.
type Counts = fn(&str, bool) -> bool;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_loss_of_power_at_any_moment_loses_nothing_acknowledged_and_shows_nothing_half() {
    const LOSSES: [Loss; 4] = [Loss::Dropped, Loss::Mixed, Loss::Torn, Loss::Kept];
    let root = tempfile::tempdir().unwrap();
    let (mut disk, known) = record(root.path()).await;
    assert!(known.len() >= 100, "{}", known.len());
    assert!(disk.has_checkpoint());
    let states = std::env::var("DISK_STATES").map_or(STATES, |number| number.parse().unwrap());
    let known = Arc::new(known);

    disk.settle(|_, _| true);
    let mut disk = Arc::new(disk);
    let found = problems(&disk, &known, &LOSSES, states).await;
    assert!(
        found.is_empty(),
        "{} of {states}:\n{}",
        found.len(),
        found.join("\n")
    );

    // The same disk without some fsyncs must be found wrong.
    let without: [(&str, Counts); 4] = [
        ("all", |_, _| false),
        ("those of the database", |path, _| !is_database(path)),
        ("those of files", |path, is_folder| {
            is_folder || is_database(path)
        }),
        ("those of the folders of files", |path, is_folder| {
            !(is_folder && path.contains("/files/"))
        }),
    ];
    for (what, counts) in without {
        Arc::get_mut(&mut disk).unwrap().settle(counts);
        let found = problems(&disk, &known, &LOSSES[..3], STATES_WITHOUT).await;
        assert!(
            !found.is_empty(),
            "nothing is wrong without the fsyncs: {what}"
        );
    }
}

fn is_database(path: &str) -> bool {
    path.contains("sqlite3")
}

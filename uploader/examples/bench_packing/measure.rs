//! Measures a command and all processes that it starts, through Linux' `/proc`.

use std::collections::HashMap;
use std::fs;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use crate::Result;

/// The interval between two samples. A shorter peak is missed, but peaks last longer.
const STEP: Duration = Duration::from_millis(10);

/// The resources that a run took. Sizes are in bytes.
pub(crate) struct Figures {
    pub(crate) time: Duration,
    pub(crate) memory: u64,
    pub(crate) temporary: u64,
    pub(crate) sent: u64,
}

impl Figures {
    /// Returns the shorter time, and the larger of all other figures.
    pub(crate) fn best(self, other: Self) -> Self {
        Self {
            time: self.time.min(other.time),
            memory: self.memory.max(other.memory),
            temporary: self.temporary.max(other.temporary),
            sent: self.sent.max(other.sent),
        }
    }

    pub(crate) fn row(&self, first: f64) -> String {
        let mib = |bytes: u64| format!("{:.1} MiB", bytes as f64 / 1024.0 / 1024.0);
        let time = self.time.as_secs_f64();
        format!(
            "{time:6.2} s {:6.3} {:>10} {:>10} {:>10} ",
            time / first,
            mib(self.memory),
            mib(self.temporary),
            mib(self.sent)
        )
    }
}

/// Runs a command to its end. The caller finds out how much it sent.
pub(crate) fn measure(mut command: Command, scratch: &Path) -> Result<Figures> {
    let start = Instant::now();
    // The output is a few lines, which fit into the buffer of a pipe.
    let mut child = command
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()?;
    let mut peaks: HashMap<u32, u64> = HashMap::new();
    let mut temporary = 0;
    let status = loop {
        for process in family(child.id()) {
            let peak = peaks.entry(process).or_default();
            *peak = (*peak).max(memory(process).unwrap_or(0));
        }
        temporary = temporary.max(space(scratch, peaks.keys()));
        if let Some(status) = child.try_wait()? {
            break status;
        }
        std::thread::sleep(STEP);
    };
    let time = start.elapsed();
    if !status.success() {
        let said = child.wait_with_output()?.stderr;
        let said = String::from_utf8_lossy(&said);
        return Err(format!("{command:?}: {status}: {said}").into());
    }
    Ok(Figures {
        time,
        memory: peaks.values().sum(),
        temporary,
        sent: 0,
    })
}

/// Returns a process and all its descendants.
fn family(root: u32) -> Vec<u32> {
    let mut family = vec![root];
    let mut next = 0;
    while let Some(process) = family.get(next).copied() {
        let children = format!("/proc/{process}/task/{process}/children");
        let children = fs::read_to_string(children).unwrap_or_default();
        family.extend(
            children
                .split_whitespace()
                .filter_map(|id| id.parse::<u32>().ok()),
        );
        next += 1;
    }
    family
}

fn memory(process: u32) -> Option<u64> {
    let status = fs::read_to_string(format!("/proc/{process}/status")).ok()?;
    let peak = status
        .lines()
        .find_map(|line| line.strip_prefix("VmHWM:"))?;
    let kibibytes: u64 = peak.trim().strip_suffix(" kB")?.parse().ok()?;
    Some(kibibytes * 1024)
}

/// Returns the size of a folder, including unlinked files that a process still has open.
fn space<'a>(folder: &Path, processes: impl Iterator<Item = &'a u32>) -> u64 {
    let named = paths(folder);
    let open = processes.flat_map(|process| paths(&PathBuf::from(format!("/proc/{process}/fd"))));
    let unlinked =
        open.filter(|open| fs::read_link(open).is_ok_and(|leads| leads.starts_with(folder)));
    let mut sizes = HashMap::new();
    for metadata in named.into_iter().chain(unlinked).flat_map(fs::metadata) {
        sizes.insert(metadata.ino(), metadata.blocks() * 512);
    }
    sizes.values().sum()
}

fn paths(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).into_iter().flatten();
    entries.flatten().map(|entry| entry.path()).collect()
}

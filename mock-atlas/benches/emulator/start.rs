//! Measures the time of a start: of the program until its first reply, and of each of a thousand emulators in this
//! process.

use std::fs;
use std::time::Instant;

use mock_atlas::MockAtlas;

use crate::http::{self, Connection};
use crate::peers::{self, Server, memory_of};
use crate::{Result, median, row};

const STARTS: usize = 51;
const EMULATORS: usize = 1_000;

pub(crate) fn run() -> Result<()> {
    let mut times = Vec::new();
    for _ in 0..STARTS {
        let start = Instant::now();
        let server = Server::emulator(peers::program(), &[])?;
        Connection::open(&server.address)?.ask(&http::get("/_mock/health"))?;
        times.push(start.elapsed().as_secs_f64() * 1e3);
    }
    let time = median(times);
    row(
        "from exec to the first answer",
        format!("{time:.1} ms"),
        "20 ms".to_owned(),
        time / 20.0,
        "at most 1",
    );
    let size = fs::metadata(peers::program().get_program())?.len() as f64 / 1e6;
    row(
        "the program",
        format!("{size:.1} MB"),
        "25 MB".to_owned(),
        size / 25.0,
        "at most 1",
    );
    tokio::runtime::Runtime::new()?.block_on(emulators())
}

async fn emulators() -> Result<()> {
    // The first round pays for what all emulators share, so only the last round counts.
    let mut before = 0;
    for round in 0..3 {
        let mut times = Vec::new();
        let mut emulators = Vec::new();
        for _ in 0..EMULATORS {
            let start = Instant::now();
            emulators.push(MockAtlas::start().await?);
            times.push(start.elapsed().as_secs_f64() * 1e3);
        }
        let alive = memory_of("self")?;
        drop(emulators);
        let metrics = tokio::runtime::Handle::current().metrics();
        peers::wait_for("the emulators to end", || metrics.num_alive_tasks() == 0)?;
        if round == 2 {
            let time = median(times);
            row(
                "one of a thousand emulators",
                format!("{time:.2} ms"),
                "1 ms".to_owned(),
                time,
                "about 1",
            );
            let each = alive.saturating_sub(before) / EMULATORS as u64 / 1024;
            println!(
                "  {each} KiB each while they live, beyond what stayed of the two thousand before"
            );
        }
        before = memory_of("self")?;
    }
    Ok(())
}

//! Measures an emulator that keeps its data in a folder: its requests next to the bare engine with the same
//! statements, whether a request takes longer when more is stored, and the start on a folder with a million
//! versions. All but the start is measured in this process, without sockets.

use std::fs;
use std::path::Path;
use std::time::Instant;

use futures_util::future::try_join_all;
use mock_atlas::MockAtlas;
use rustix::process::Signal;
use tempfile::TempDir;

use crate::engine::Engine;
use crate::growth::{Atlas, FEW, MANY, TYPE, compare};
use crate::http::{self, Connection};
use crate::peers::{self, Server, wait_for};
use crate::{Result, median, row};

/// The number of clients that make requests at the same time.
const CLIENTS: u64 = 16;

/// The number of requests in a round.
const REQUESTS: u64 = 4_000;

const ROUNDS: usize = 7;
const STARTS: usize = 11;

/// The number of further artifacts of the larger emulator.
const ARTIFACTS: u64 = 100_000;

/// The file of the database in a folder.
const DATABASE: &str = "atlas.sqlite3";

pub(crate) fn run() -> Result<()> {
    // The program has one event loop on a machine with two processors.
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    runtime.block_on(engine())?;
    let (few, many) = (folder()?, folder()?);
    runtime.block_on(growth(few.path(), many.path()))?;
    start(many.path())
}

/// Returns a folder on the disk of the build: that for temporary files may be in memory.
pub(crate) fn folder() -> Result<TempDir> {
    Ok(tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR"))?)
}

/// Compares requests with the statements that the database runs for them, in turns.
async fn engine() -> Result<()> {
    let (own, bare) = (folder()?, folder()?);
    let atlas = kept(own.path()).await?;
    atlas.create_web().await?;
    push(&atlas, 0, FEW, CLIENTS).await?;
    // The engine has the tables and the versions of the emulator.
    drop(atlas);
    closed(own.path())?;
    fs::copy(own.path().join(DATABASE), bare.path().join(DATABASE))?;
    let (atlas, engine) = (
        kept(own.path()).await?,
        Engine::open(&bare.path().join(DATABASE))?,
    );
    let mut first = FEW;
    for clients in [1, CLIENTS] {
        let mut rates = [const { Vec::new() }; 6];
        for _ in 0..ROUNDS {
            let start = Instant::now();
            push(&atlas, first, REQUESTS, clients).await?;
            rates[0].push(rate(start));
            let start = Instant::now();
            engine.push_all(first, REQUESTS, clients)?;
            rates[1].push(rate(start));
            first += REQUESTS;
            for (at, query) in [(2, "version=latest"), (4, BY_METADATA)] {
                let start = Instant::now();
                search(&atlas, query, clients).await?;
                rates[at].push(rate(start));
                let start = Instant::now();
                match at {
                    2 => engine.latest(REQUESTS)?,
                    _ => engine.by_metadata(REQUESTS)?,
                };
                rates[at + 1].push(rate(start));
            }
        }
        print(clients, rates.map(median));
    }
    Ok(())
}

const BY_METADATA: &str = "version=any&metadata.1.key=arch&metadata.1.value=amd64";

fn rate(start: Instant) -> f64 {
    REQUESTS as f64 / start.elapsed().as_secs_f64()
}

fn print(clients: u64, rates: [f64; 6]) {
    for (what, rates) in ["POST", "latest", "metadata"].iter().zip(rates.chunks(2)) {
        row(
            &format!("{what}, {clients} at a time, of SQLite"),
            format!("{:.0}/s", rates[0]),
            format!("{:.0}/s", rates[1]),
            rates[0] / rates[1],
            "at least 0.5",
        );
    }
}

/// Creates versions, and makes searches: `clients` at a time.
async fn push(atlas: &Atlas, first: u64, count: u64, clients: u64) -> Result<()> {
    let client = async |client: u64| {
        for number in (client..count).step_by(clients as usize) {
            atlas.push(first + number).await?;
        }
        Result::Ok(())
    };
    try_join_all((0..clients).map(client)).await?;
    Ok(())
}

async fn search(atlas: &Atlas, query: &str, clients: u64) -> Result<()> {
    let path = format!("{TYPE}/search?{query}");
    let client = async |client: u64| {
        for _ in (client..REQUESTS).step_by(clients as usize) {
            atlas.search(&path, 1).await?;
        }
        Result::Ok(())
    };
    try_join_all((0..clients).map(client)).await?;
    Ok(())
}

/// Opens an emulator on a folder.
async fn kept(folder: &Path) -> Result<Atlas> {
    Atlas::of_builder(MockAtlas::builder().data(folder)).await
}

/// Waits until an emulator that was dropped has closed its database: its lock is empty then.
fn closed(folder: &Path) -> Result<()> {
    let lock = folder.join("lock");
    wait_for("the database to close", || {
        fs::metadata(&lock).is_ok_and(|lock| lock.len() == 0)
    })
}

/// Compares a folder with a thousand versions of one artifact with one that has a million, and a hundred thousand
/// artifacts.
async fn growth(few: &Path, many: &Path) -> Result<()> {
    let (small, large) = (kept(few).await?, kept(many).await?);
    for atlas in [&small, &large] {
        atlas.create_web().await?;
    }
    push(&small, 1, FEW, CLIENTS).await?;
    push(&large, 1, MANY, CLIENTS * CLIENTS).await?;
    compare("of a million versions, kept", (&small, FEW), (&large, MANY)).await?;
    for first in (0..ARTIFACTS).step_by(1000) {
        try_join_all((first..first + 1000).map(|number| large.create(number))).await?;
    }
    let what = "of as many and 100,000 artifacts, kept";
    compare(what, (&small, FEW), (&large, MANY)).await?;
    drop((small, large));
    closed(many)
}

/// Measures the start on a folder, after an orderly end and after SIGKILL.
fn start(folder: &Path) -> Result<()> {
    let size = fs::metadata(folder.join(DATABASE))?.len() as f64 / 1e9;
    println!("  the database has {size:.2} GB");
    let folder = folder.to_str().ok_or("the folder has no name in UTF-8")?;
    for (after, signal) in [("SIGTERM", Signal::TERM), ("SIGKILL", Signal::KILL)] {
        let mut times = Vec::new();
        for _ in 0..STARTS {
            let start = Instant::now();
            let mut server = Server::emulator(peers::program(), &["--data", folder])?;
            let mut connection = Connection::open(&server.address)?;
            connection.ask(&http::get(&format!("{TYPE}/search?version=latest")))?;
            times.push(start.elapsed().as_secs_f64() * 1e3);
            connection.ask(&http::post(TYPE, peers::VERSION))?;
            server.end(signal);
        }
        // The first one follows another end.
        let time = median(times.split_off(1));
        row(
            &format!("start with a million, after {after}"),
            format!("{time:.1} ms"),
            "100 ms".to_owned(),
            time / 100.0,
            "at most 1",
        );
    }
    Ok(())
}

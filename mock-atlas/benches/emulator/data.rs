//! Measures an emulator that keeps its data in a folder or in PostgreSQL: its requests next to the bare database
//! with the same statements, whether a request takes longer when more is stored, and the start on a folder with a
//! million versions. All but the start is measured in this process, without sockets.

use std::fs;
use std::path::Path;
use std::time::Instant;

use atlas_common::servers::postgres::PostgresServer;
use futures_util::future::try_join_all;
use mock_atlas::MockAtlas;
use rustix::process::Signal;
use tempfile::TempDir;
use tokio::task::spawn_blocking;

use crate::engine::{CLIENTS, Postgres, Sqlite, compare as compare_engines, push};
use crate::growth::{Atlas, FEW, MANY, TYPE, compare};
use crate::http::{self, Connection};
use crate::peers::{self, Server, wait_for};
use crate::{Result, median, row};

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
    runtime.block_on(sqlite())?;
    let (few, many) = (folder()?, folder()?);
    runtime.block_on(growth(few.path(), many.path()))?;
    start(many.path())
}

/// Compares an emulator whose data is in PostgreSQL with the bare database.
pub(crate) fn shared() -> Result<()> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    runtime.block_on(postgres())
}

/// Returns a folder on the disk of the build: that for temporary files may be in memory.
pub(crate) fn folder() -> Result<TempDir> {
    Ok(tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR"))?)
}

/// Compares requests with SQLite.
async fn sqlite() -> Result<()> {
    let (own, bare) = (folder()?, folder()?);
    let atlas = kept(own.path()).await?;
    atlas.create_web().await?;
    push(&atlas, 0, FEW, CLIENTS).await?;
    // The bare database has the tables and the versions of the emulator.
    drop(atlas);
    closed(own.path()).await?;
    fs::copy(own.path().join(DATABASE), bare.path().join(DATABASE))?;
    let atlas = kept(own.path()).await?;
    let bare = Sqlite::open(&bare.path().join(DATABASE))?;
    compare_engines("SQLite", &atlas, &bare, FEW).await
}

/// Compares requests with PostgreSQL.
async fn postgres() -> Result<()> {
    let server = PostgresServer::start()?;
    let files = folder()?;
    let [own, bare] = [server.new_url()?, server.new_url()?];
    let [own_files, bare_files] = [files.path().join("own"), files.path().join("bare")];
    for (url, files) in [(&own, &own_files), (&bare, &bare_files)] {
        let atlas = of_database(url, files).await?;
        atlas.create_web().await?;
        push(&atlas, 0, FEW, CLIENTS).await?;
    }
    let atlas = of_database(&own, &own_files).await?;
    let bare = Postgres::open(&bare).await?;
    compare_engines("PostgreSQL", &atlas, &bare, FEW).await
}

/// Opens an emulator on a database of PostgreSQL.
async fn of_database(url: &str, files: &Path) -> Result<Atlas> {
    let blobs = format!("file://{}", files.display());
    let builder = MockAtlas::builder().database(url).blobs(blobs);
    Atlas::of_builder(builder).await
}

/// Opens an emulator on a folder.
async fn kept(folder: &Path) -> Result<Atlas> {
    Atlas::of_builder(MockAtlas::builder().data(folder)).await
}

/// Waits until an emulator that was dropped has closed its database: its lock is empty then. The runtime goes on
/// meanwhile, since tasks that still write to the database run on it.
async fn closed(folder: &Path) -> Result<()> {
    let lock = folder.join("lock");
    let is_closed = move || fs::metadata(&lock).is_ok_and(|lock| lock.len() == 0);
    spawn_blocking(|| wait_for("the database to close", is_closed)).await?
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
    closed(many).await
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

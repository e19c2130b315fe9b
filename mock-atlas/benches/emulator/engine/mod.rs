//! Compares requests to an emulator that keeps its data in a database with the bare database, on which the same
//! statements run.
//!
//! - `sqlite`, `postgres`: the databases

mod postgres;
mod sqlite;

use std::time::Instant;

use futures_util::future::try_join_all;
use serde_json::to_string;
use sha2::{Digest, Sha256};

pub(crate) use postgres::Postgres;
pub(crate) use sqlite::Sqlite;

use crate::growth::{Atlas, TYPE, metadata};
use crate::{Result, median, row};

/// The number of clients that make requests at the same time.
pub(crate) const CLIENTS: u64 = 16;

/// The number of requests in a round.
const REQUESTS: u64 = 4_000;

const ROUNDS: usize = 7;

const FIND_TYPE: &str = "SELECT a.is_public, t.id FROM artifact a
    LEFT JOIN artifact_type t ON t.artifact_id = a.id AND t.name = $1
    WHERE a.username = $2 AND a.name = $3 AND a.is_deleted = 0";

const LATEST: &str =
    "SELECT v.number, v.client_id, v.metadata, v.build, v.file_state, v.upload, v.created
    FROM version v WHERE v.type_id = $1 AND v.number = (SELECT l.number FROM version l
        WHERE l.type_id = $1 AND l.file_state <> 1 ORDER BY l.number DESC LIMIT 1)
    AND v.file_state <> 1 ORDER BY v.number DESC LIMIT $2";

const BY_TAG: &str =
    "SELECT v.number, v.client_id, v.metadata, v.build, v.file_state, v.upload, v.created
    FROM version_tag f CROSS JOIN version v
    WHERE f.type_id = $1 AND f.number <= $2 AND f.tag = $3
    AND v.type_id = f.type_id AND v.number = f.number ORDER BY f.number DESC LIMIT $4";

/// The metadata that half of the versions have.
const COMMON: (&str, &str) = ("arch", "amd64");

/// The number of columns of a version.
const COLUMNS: usize = 7;

/// The time of each version, in microseconds.
const CREATED: i64 = 1_795_352_171_000_000;

/// A bare database with the tables and the versions of an emulator. Each function does its work with this many
/// clients at a time, or what serves the database as well.
pub(crate) trait Engine {
    /// Creates versions with the numbers from `first` on.
    async fn push(&self, first: u64, count: u64, clients: u64) -> Result<()>;
    /// Finds the latest version, this many times.
    async fn latest(&self, times: u64, clients: u64) -> Result<()>;
    /// Finds the newest version with the common metadata, this many times.
    async fn by_metadata(&self, times: u64, clients: u64) -> Result<()>;
}

/// Compares an emulator with at least `first` versions with a bare database, one client and sixteen at a time, in
/// turns.
pub(crate) async fn compare(
    name: &str,
    atlas: &Atlas,
    engine: &impl Engine,
    mut first: u64,
) -> Result<()> {
    let by_metadata = format!(
        "version=any&metadata.1.key={}&metadata.1.value={}",
        COMMON.0, COMMON.1
    );
    for clients in [1, CLIENTS] {
        let mut rates = [const { Vec::new() }; 6];
        for _ in 0..ROUNDS {
            rates[0].push(rate(push(atlas, first, REQUESTS, clients)).await?);
            rates[1].push(rate(engine.push(first, REQUESTS, clients)).await?);
            first += REQUESTS;
            rates[2].push(rate(search(atlas, "version=latest", clients)).await?);
            rates[3].push(rate(engine.latest(REQUESTS, clients)).await?);
            rates[4].push(rate(search(atlas, &by_metadata, clients)).await?);
            rates[5].push(rate(engine.by_metadata(REQUESTS, clients)).await?);
        }
        print(name, clients, rates.map(median));
    }
    Ok(())
}

/// Returns the requests per second of a round.
async fn rate(round: impl Future<Output = Result<()>>) -> Result<f64> {
    let start = Instant::now();
    round.await?;
    Ok(REQUESTS as f64 / start.elapsed().as_secs_f64())
}

fn print(name: &str, clients: u64, rates: [f64; 6]) {
    for (what, rates) in ["POST", "latest", "metadata"].iter().zip(rates.chunks(2)) {
        row(
            &format!("{what}, {clients} at a time, of {name}"),
            format!("{:.0}/s", rates[0]),
            format!("{:.0}/s", rates[1]),
            rates[0] / rates[1],
            "at least 0.5",
        );
    }
}

/// Creates versions, `clients` at a time.
pub(crate) async fn push(atlas: &Atlas, first: u64, count: u64, clients: u64) -> Result<()> {
    let client = async |client: u64| {
        for number in (client..count).step_by(clients as usize) {
            atlas.push(first + number).await?;
        }
        Result::Ok(())
    };
    try_join_all((0..clients).map(client)).await?;
    Ok(())
}

/// Makes searches, `clients` at a time.
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

/// A row of a version, as the emulator writes it.
struct NewVersion {
    id: String,
    metadata: String,
    upload: [u8; 16],
    /// One for each key of the metadata, and one for each key with its value.
    tags: Vec<[u8; 16]>,
}

impl NewVersion {
    fn new(number: u64) -> Result<Self> {
        let metadata = metadata(number);
        let pairs = metadata.iter();
        Ok(Self {
            id: format!("us-east-1:ami-{number:08x}"),
            metadata: to_string(&metadata)?,
            upload: std::array::from_fn(|_| fastrand::u8(..)),
            tags: pairs
                .flat_map(|(key, value)| [tag(key, ""), tag(key, value)])
                .collect(),
        })
    }
}

/// Returns 16 bytes of a hash, as the index has them.
fn tag(key: &str, value: &str) -> [u8; 16] {
    let digest = Sha256::digest(format!("{key}={value}"));
    std::array::from_fn(|at| digest[at])
}

//! Tests three replicas with PostgreSQL and an object store, each of which is killed, paused and cut off at
//! random while clients write, read and delete.
//!
//! - `cluster`: the processes; `service`: one process
//! - `disturbances`: what goes wrong, as a seed says
//! - `work`: the clients; `verdict`: the checks at the end
//!
//! `REPLICAS_SEED` chooses another course of events, and `REPLICAS_SECONDS` makes it longer.

mod cluster;
mod disturbances;
mod service;
mod verdict;
mod work;

use std::env::var;
use std::sync::Arc;
use std::time::Duration;

use cluster::Cluster;
use work::Work;

/// The length of the disturbed time where `REPLICAS_SECONDS` says nothing.
const SECONDS: u64 = 30;

/// Returns the number in a variable of the environment.
fn number(variable: &str, otherwise: u64) -> u64 {
    match var(variable) {
        Ok(text) => text
            .parse()
            .unwrap_or_else(|error| panic!("{variable}: {error}")),
        Err(_) => otherwise,
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whatever_fails_no_number_comes_twice_and_no_acknowledged_version_is_lost_or_half_visible()
{
    let seed = number("REPLICAS_SEED", 1);
    let length = Duration::from_secs(number("REPLICAS_SECONDS", SECONDS));
    let cluster = Arc::new(Cluster::start().await);
    let work = Work::start(&cluster).await;
    disturbances::run(&cluster, seed, length).await;
    cluster.wait_until_ready().await;
    let history = work.end().await;
    history.check(&cluster).await;
    verdict::nothing_is_left_behind(&cluster).await;
}

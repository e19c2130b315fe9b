//! Disturbs a cluster, one part at a time, as a seed says.

use std::time::{Duration, Instant};

use rustix::process::Signal;
use tokio::task::block_in_place;
use tokio::time::sleep;

use super::cluster::{Cluster, REPLICAS};
use super::service::Service;
use crate::real_clients::link::Link;

/// A failure of one part of the cluster.
#[derive(Clone, Copy, Debug)]
enum Disturbance {
    KillReplica(usize),
    PauseReplica(usize),
    CutDatabase(usize),
    CutStore(usize),
    KillDatabase,
    PauseDatabase,
    KillStore,
    PauseStore,
}

/// Disturbs the cluster for this time, and leaves it undisturbed.
#[expect(
    clippy::print_stdout,
    reason = "a failed test shows the course of events"
)]
pub(super) async fn run(cluster: &Cluster, seed: u64, length: Duration) {
    let mut random = fastrand::Rng::with_seed(seed);
    let end = Instant::now() + length;
    while Instant::now() < end {
        let disturbance = choose(&mut random);
        let lasts = Duration::from_millis(random.u64(100..2500));
        let calm = Duration::from_millis(random.u64(100..1500));
        println!("{disturbance:?} for {lasts:?}");
        disturb(cluster, disturbance, lasts).await;
        sleep(calm).await;
    }
}

fn choose(random: &mut fastrand::Rng) -> Disturbance {
    let replica = random.usize(..REPLICAS);
    match random.u8(..8) {
        0 => Disturbance::KillReplica(replica),
        1 => Disturbance::PauseReplica(replica),
        2 => Disturbance::CutDatabase(replica),
        3 => Disturbance::CutStore(replica),
        4 => Disturbance::KillDatabase,
        5 => Disturbance::PauseDatabase,
        6 => Disturbance::KillStore,
        _ => Disturbance::PauseStore,
    }
}

async fn disturb(cluster: &Cluster, disturbance: Disturbance, lasts: Duration) {
    match disturbance {
        Disturbance::KillReplica(at) => {
            cluster.replicas[at].kill().await;
            sleep(lasts).await;
            cluster.replicas[at].start().await;
        }
        Disturbance::PauseReplica(at) => pause(&cluster.replicas[at].service, lasts).await,
        Disturbance::CutDatabase(at) => cut(&cluster.replicas[at].to_database, lasts).await,
        Disturbance::CutStore(at) => cut(&cluster.replicas[at].to_store, lasts).await,
        Disturbance::KillDatabase => {
            cluster.database.kill().unwrap();
            sleep(lasts).await;
            block_in_place(|| cluster.database.resume().unwrap());
        }
        Disturbance::PauseDatabase => {
            cluster.database.pause().unwrap();
            sleep(lasts).await;
            cluster.database.go_on().unwrap();
        }
        Disturbance::KillStore => {
            cluster.store.kill().await;
            sleep(lasts).await;
            cluster.store.start().await;
        }
        Disturbance::PauseStore => pause(&cluster.store.service, lasts).await,
    }
}

async fn pause(service: &Service, lasts: Duration) {
    service.signal(Signal::STOP);
    sleep(lasts).await;
    service.signal(Signal::CONT);
}

async fn cut(link: &Link, lasts: Duration) {
    link.cut();
    sleep(lasts).await;
    link.mend();
}

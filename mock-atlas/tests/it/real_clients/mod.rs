//! Tests the emulator with genuine clients, databases and object stores, which must be installed: a missing one
//! fails its tests.
//!
//! `link` is a TCP connection that can be cut, and `homes` are the places where an emulator keeps its data.

mod atlas_go;
mod browser;
mod disk;
mod full_disk;
mod homes;
mod instructions;
mod link;
mod packer;
mod postgres;
mod replicas;
mod s3;
mod schemathesis;
mod terminal;
mod vagrant;
mod vagrant_cloud_gem;

use std::time::Duration;

use tokio::time::{sleep, timeout};

/// The longest wait for a condition.
const LIMIT: Duration = Duration::from_secs(60);

/// The time between two looks at a condition.
const STEP: Duration = Duration::from_millis(20);

/// Waits until a condition holds; fails with a message if it does not come to hold.
async fn until(failure: &str, holds: impl AsyncFn() -> bool) {
    let wait = async {
        while !holds().await {
            sleep(STEP).await;
        }
    };
    timeout(LIMIT, wait).await.expect(failure);
}

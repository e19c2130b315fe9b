//! Backups of a database among writers, and backups that are restored into one.

use super::Shared;
use crate::app::backup::load::leads_through;
use crate::support::Fixture;

async fn start(shared: &Shared) -> Fixture {
    Fixture::with(|builder| shared.builder(builder).allow_reset()).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_backup_among_writers_leads_from_a_database_to_each_home_and_back() {
    let (shared, data) = (Shared::new(), tempfile::tempdir().unwrap());
    let database = start(&shared).await;
    let folder = Fixture::with(|builder| builder.data(data.path()).allow_reset()).await;
    leads_through(database, vec![folder, Fixture::new().await]).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_backup_among_writers_leads_from_memory_to_a_database_and_back() {
    let shared = Shared::new();
    let database = start(&shared).await;
    leads_through(Fixture::new().await, vec![database]).await;
}

//! Moves of everything to a database, and away from one.

use super::Shared;
use crate::app::moves::{Place, filled, leads_through, refused, run};

impl Shared {
    fn place(&self) -> Place {
        Place {
            data: self.url.clone(),
            blobs: Some(self.blobs()),
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn everything_moves_from_a_folder_to_a_database_and_back() {
    let folder = tempfile::tempdir().unwrap();
    let (first, second) = (Shared::new(), Shared::new());
    let places = [
        Place::folder(&folder.path().join("first")),
        first.place(),
        second.place(),
        Place::folder(&folder.path().join("last")),
    ];
    leads_through(&places).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_database_that_is_served_is_moved_neither_from_nor_to() {
    let folder = tempfile::tempdir().unwrap();
    let shared = Shared::new();
    let place = Place::folder(&folder.path().join("data"));
    filled(&shared.place()).await;
    let served = shared.place().start().await;
    assert_eq!(served.get("/api/v1/artifacts/acme/web").await.status, 200);
    let told = refused(&shared.place(), &place).await;
    assert!(
        told.contains("connections of servers use the database"),
        "{told}"
    );
    filled(&Place::folder(&folder.path().join("other"))).await;
    let told = refused(
        &Place::folder(&folder.path().join("other")),
        &shared.place(),
    )
    .await;
    assert!(told.contains("is in use already"), "{told}");
    served.atlas.stop().await;
    let mut moved = run(&shared.place(), &place).await;
    // The connections of a server end a moment after it.
    let end = std::time::Instant::now() + std::time::Duration::from_secs(30);
    while moved.status.code() != Some(0) && std::time::Instant::now() < end {
        moved = run(&shared.place(), &place).await;
    }
    assert_eq!(moved.status.code(), Some(0), "{moved:?}");
}

//! These tests need genuine clients on this machine, and the feature `real-clients`.

use crate::documents::{guides, run_all};

#[tokio::test(flavor = "multi_thread")]
#[cfg_attr(not(feature = "real-clients"), ignore = "needs the genuine clients")]
async fn every_document_does_what_it_shows_with_genuine_clients() {
    let mut guides = guides();
    guides.retain(|guide| guide.runs(true).count() > guide.runs(false).count());
    assert!(!guides.is_empty());
    run_all(&guides, true).await;
}

//! Tests the faults that an emulator injects.

mod chaos;
mod effects;
mod sources;

use mock_atlas::Fault;

use crate::support::Fixture;

const SEARCH: &str = "/api/v1/artifacts/acme/web/custom.image/search";

fn fault(text: &str) -> Fault {
    text.parse().unwrap()
}

/// Starts an emulator with an artifact `acme/web`, and then adds the faults.
async fn fixture(faults: &[&str]) -> Fixture {
    let fixture = Fixture::new().await;
    fixture.make_artifact("acme", "web").await;
    for text in faults {
        fixture.atlas.add_fault(fault(text));
    }
    fixture
}

/// Returns the number of times that each fault fired.
fn fired(fixture: &Fixture) -> Vec<u64> {
    let reports = fixture.atlas.faults();
    reports.iter().map(|report| report.fired).collect()
}

//! What an emulator does wrong, when it is told to.

mod chaos;
mod effects;
mod told;

use mock_atlas::Fault;

use crate::support::Fixture;

const SEARCH: &str = "/api/v1/artifacts/acme/web/custom.image/search";

fn fault(text: &str) -> Fault {
    text.parse().unwrap()
}

/// An emulator with an artifact `acme/web`, made before the faults are there.
async fn fixture(faults: &[&str]) -> Fixture {
    let fixture = Fixture::new().await;
    fixture.make_artifact("acme", "web").await;
    for text in faults {
        fixture.atlas.add_fault(fault(text));
    }
    fixture
}

/// How often each fault fired.
fn fired(fixture: &Fixture) -> Vec<u64> {
    let reports = fixture.atlas.faults();
    reports.iter().map(|report| report.fired).collect()
}

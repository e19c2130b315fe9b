//! Runs all clauses against an emulator that keeps its data in a folder.

use atlas_contract_tests::{report::Status, run::target::Target};
use mock_atlas::{MockAtlas, User};

use super::emulator::judge;

#[tokio::test]
async fn every_clause_holds_where_the_data_is_kept() {
    let folder = tempfile::tempdir().unwrap();
    let second = User::new("rival").password("open sesame").token("RIVAL");
    let atlas = MockAtlas::builder()
        .token("ROOT")
        .user(second)
        .public_artifact("acme/public")
        .max_id_length(255)
        .data(folder.path())
        .start()
        .await
        .unwrap();
    let variable = |name: &str| {
        let value = match name {
            "ATLAS_CONTRACT_URL" => atlas.url(),
            "ATLAS_CONTRACT_TOKEN" => "ROOT",
            "ATLAS_CONTRACT_NAMESPACE" => "acme",
            "ATLAS_CONTRACT_LOGIN" => "rival",
            "ATLAS_CONTRACT_PASSWORD" => "open sesame",
            "ATLAS_CONTRACT_OTHER_TOKEN" => "RIVAL",
            "ATLAS_CONTRACT_PUBLIC_ARTIFACT" => "acme/public",
            "ATLAS_CONTRACT_MAX_ID_LENGTH" => "255",
            "ATLAS_CONTRACT_ALLOW_WRITES" => "true",
            _ => return None,
        };
        Some(value.to_owned())
    };
    let target = Target::from_variables(variable).await.unwrap();
    let (reports, _) = judge(target, false).await;
    let is_bad = |status| !matches!(status, Status::Pass | Status::Disabled);
    let bad: Vec<_> = reports
        .iter()
        .filter(|report| is_bad(report.status))
        .map(ToString::to_string)
        .collect();
    assert!(bad.is_empty(), "{}", bad.join("\n"));
    let passed = reports
        .iter()
        .filter(|report| report.status == Status::Pass);
    assert!(passed.count() > 100);
}

//! Runs all clauses against emulators that keep their data: in a folder, and in PostgreSQL.

use atlas_contract_tests::{report::Status, run::target::Target};
use mock_atlas::{Builder, MockAtlas, User};

use super::emulator::judge;

#[tokio::test]
async fn every_clause_holds_where_the_data_is_kept_in_a_folder() {
    let folder = tempfile::tempdir().unwrap();
    every_clause_holds(|builder| builder.data(folder.path())).await;
}

#[cfg(feature = "real-clients")]
#[tokio::test]
async fn every_clause_holds_where_the_data_is_kept_in_postgresql() {
    let server = atlas_common::servers::postgres::PostgresServer::shared().unwrap();
    let (url, folder) = (server.new_url().unwrap(), tempfile::tempdir().unwrap());
    let files = format!("file://{}", folder.path().display());
    every_clause_holds(|builder| builder.database(url).blobs(files)).await;
}

async fn every_clause_holds(kept: impl FnOnce(Builder) -> Builder) {
    let second = User::new("rival").password("open sesame").token("RIVAL");
    let builder = MockAtlas::builder()
        .token("ROOT")
        .user(second)
        .public_artifact("acme/public")
        .max_id_length(255);
    let atlas = kept(builder).start().await.unwrap();
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

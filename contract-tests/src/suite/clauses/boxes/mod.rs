//! Clauses on Vagrant boxes. Each module is about a part of the API, in the order of the contract.

mod add;
mod add_documents;
mod checksums;
mod download;
mod hcp;
mod hcp_objects;
mod hcp_uploads;
mod login;
mod objects;
mod providers;
mod requests;
mod search;
mod uploads;
mod versions;

use serde_json::{Value, json};

use crate::{
    failure::CheckResult,
    suite::{clause::Clause, vagrant_box::VagrantBox},
};

/// The tables of the clauses.
pub(super) const TABLES: [&[Clause]; 14] = [
    requests::CLAUSES,
    login::CLAUSES,
    objects::CLAUSES,
    versions::CLAUSES,
    providers::CLAUSES,
    checksums::CLAUSES,
    uploads::CLAUSES,
    download::CLAUSES,
    search::CLAUSES,
    add::CLAUSES,
    add_documents::CLAUSES,
    hcp::CLAUSES,
    hcp_objects::CLAUSES,
    hcp_uploads::CLAUSES,
];

/// The version that most checks make.
const VERSION: &str = "1.0.0";
/// The provider that most checks make.
const PROVIDER: &str = "virtualbox";
/// The address of a file that is not on the server. Nothing is fetched from it.
const ELSEWHERE: &str = "https://files.invalid/elsewhere.box";

/// Makes a released version whose only provider has an address elsewhere, so that no bytes are needed.
async fn release_elsewhere(made: &VagrantBox<'_>, version: &str) -> CheckResult {
    made.version(version).await?;
    made.provider(version, json!({"name": PROVIDER, "url": ELSEWHERE}))
        .await?;
    made.put(&format!("/version/{version}/release"), Value::Null)
        .await
        .map(drop)
}

/// Returns the path of a version's provider, `NAME` or `NAME/ARCHITECTURE`, within a box.
fn provider_path(provider: &str) -> String {
    format!("/version/{VERSION}/provider/{provider}")
}

/// Returns a field of each element of a list, as texts.
fn texts(list: &Value, field: &str) -> Vec<String> {
    let elements = list.as_array().into_iter().flatten();
    let texts = elements.filter_map(|it| it[field].as_str());
    texts.map(str::to_owned).collect()
}

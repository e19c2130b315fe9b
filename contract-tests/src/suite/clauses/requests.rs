//! Clauses on the encodings in which clients send a request.

use serde_json::json;

use crate::{
    failure::CheckResult,
    http::encoding::Encoding,
    suite::{
        clause::{
            Clause,
            Evidence::{Client, Docs},
            clause,
        },
        context::Context,
    },
};

pub(super) const CLAUSES: &[Clause] = &[
    clause(
        "requests.json",
        "a request may be JSON",
        &[Docs, Client],
        |context| Box::pin(written(context, Encoding::Json)),
    ),
    clause(
        "requests.json-without-type",
        "a request may be JSON with no Content-Type at all",
        &[Client],
        |context| Box::pin(written(context, Encoding::BareJson)),
    ),
    clause(
        "requests.form",
        "a request may be a form with bracketed names, percent-encoded",
        &[Docs, Client],
        |context| Box::pin(written(context, Encoding::Form)),
    ),
    clause(
        "requests.form-of-curl",
        "a request may be a form with brackets as they are",
        &[Docs, Client],
        |context| Box::pin(written(context, Encoding::CurlForm)),
    ),
];

/// Requires that the fields have the same meaning in this encoding.
async fn written(context: &Context<'_>, encoding: Encoding) -> CheckResult {
    let artifact = context.artifact_named(context.name());
    context
        .create(&artifact.name)?
        .encoded(encoding)
        .succeed()
        .await?;
    let metadata = json!({"k.dotted": "v & w=x+y%", "region.us-east-1": "ami-1"});
    let fields = json!({"id": "us-east-1:ami-1", "file": false, "metadata": metadata, "build_id": 7, "compile_id": 0});
    artifact
        .post("amazon.image", fields)?
        .encoded(encoding)
        .succeed()
        .await?;
    let found = artifact
        .search("amazon.image", &[("build", "7")])
        .send()
        .await?;
    found.found(&[1])?;
    found.expect("/versions/0/id", "us-east-1:ami-1")?;
    found.expect("/versions/0/file", false)?;
    found.expect("/versions/0/metadata/k.dotted", "v & w=x+y%")?;
    found.expect("/versions/0/metadata/region.us-east-1", "ami-1")?;
    let fields = json!({"id": "File", "file": true});
    artifact
        .post("amazon.image", fields)?
        .encoded(encoding)
        .succeed()
        .await?
        .expect("/file", true)
}

//! Clauses on downloading the file of a version.

use serde_json::json;

use super::samples::archive;
use crate::{
    failure::CheckResult,
    suite::{
        clause::{
            Clause,
            Evidence::{Client, Docs, Inferred},
            clause,
        },
        context::Context,
        precondition::Precondition,
        test_artifact::TestArtifact,
    },
};

pub(super) const CLAUSES: &[Clause] = &[
    clause(
        "download.numbered",
        "the file of a numbered version is the bytes, perhaps behind a redirect",
        &[Client, Docs],
        |context| Box::pin(numbered(context)),
    )
    .reading(&[Precondition::File]),
    clause(
        "download.latest",
        "the file of latest is that of the newest version",
        &[Client, Docs],
        |context| Box::pin(latest(context)),
    )
    .reading(&[Precondition::File]),
    clause(
        "download.no-file",
        "404 if that version has no file",
        &[Client, Docs],
        |context| Box::pin(no_file(context)),
    )
    .reading(&[Precondition::NoFile]),
    clause(
        "download.latest-with-file",
        "the file of latest is that of the newest version that has one",
        &[Inferred],
        |context| Box::pin(latest_with_file(context)),
    ),
    clause(
        "download.as-sent",
        "a gzip file comes back as it was sent, for the client to unpack",
        &[Client],
        |context| Box::pin(as_sent(context)),
    ),
];

const KIND: &str = "archive";

async fn numbered(context: &Context<'_>) -> CheckResult {
    if let Some(given) = context.fixture(Precondition::File)? {
        return given.files_are_known().await;
    }
    let mut made = TestArtifact::made(context.artifact().await?, KIND);
    for bytes in ["one", "two", "three"].map(archive) {
        made.upload(&bytes).await?;
    }
    made.files_are_known().await
}

async fn latest(context: &Context<'_>) -> CheckResult {
    if let Some(given) = context.fixture(Precondition::File)? {
        return given.latest_is_newest().await;
    }
    let mut made = TestArtifact::made(context.artifact().await?, KIND);
    for bytes in ["one", "two"].map(archive) {
        made.upload(&bytes).await?;
        made.latest_is_newest().await?;
    }
    let other = archive("other");
    made.artifact.with_file("other.type", &other).await?;
    made.latest_is_newest().await
}

async fn no_file(context: &Context<'_>) -> CheckResult {
    if let Some(given) = context.fixture(Precondition::NoFile)? {
        let number = given.without_file().unwrap_or_default().to_string();
        let reply = given.artifact.file(&given.kind, &number).await?;
        return reply.status_is(404);
    }
    let artifact = context.artifact().await?;
    artifact.file(KIND, "latest").await?.status_is(404)?;
    artifact.tagged(KIND, json!({})).await?;
    for version in ["1", "2", "latest"] {
        artifact.file(KIND, version).await?.status_is(404)?;
    }
    Ok(())
}

async fn latest_with_file(context: &Context<'_>) -> CheckResult {
    let artifact = context.artifact().await?;
    let bytes = archive("one");
    artifact.with_file(KIND, &bytes).await?;
    artifact.tagged(KIND, json!({})).await?;
    artifact.file(KIND, "2").await?.status_is(404)?;
    artifact.file_is(KIND, "latest", &bytes).await
}

async fn as_sent(context: &Context<'_>) -> CheckResult {
    let artifact = context.artifact().await?;
    let bytes = archive("packed");
    artifact.with_file(KIND, &bytes).await?;
    let exchange = artifact.file(KIND, "1").await?;
    exchange.status_is(200)?;
    // A client unpacks a body with a Content-Encoding; the Go client does so unasked.
    if let Some(encoding) = &exchange.encoding {
        return Err(exchange.violation(format!("no Content-Encoding, not {encoding}")));
    }
    exchange.require(
        exchange.body.starts_with(&[0x1f, 0x8b]),
        "bytes that are still packed",
    )?;
    exchange.require(exchange.body == bytes, "the bytes that were sent")
}

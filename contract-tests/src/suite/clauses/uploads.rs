//! Clauses on uploads: how the bytes of a version are sent, and what happens to an incomplete upload.

use serde_json::Value;
use uuid::Uuid;

use super::samples::{archive, large_archive};
use crate::{
    failure::{CheckFailure, CheckResult},
    http::{exchange::Exchange, request::Sending},
    suite::{
        artifact::{Artifact, Version},
        clause::{
            Clause,
            Evidence::{Client, Inferred, Thread},
            clause,
        },
        context::Context,
    },
};

pub(super) const CLAUSES: &[Clause] = &[
    clause(
        "uploads.path-absolute",
        "upload_path is an absolute address",
        &[Client, Thread],
        |context| Box::pin(path_absolute(context)),
    ),
    clause(
        "uploads.path-authorises",
        "bytes PUT to upload_path with no token and no query make the file of the version",
        &[Client, Thread],
        |context| Box::pin(path_authorises(context)),
    ),
    clause(
        "uploads.path-secret",
        "upload_path cannot be guessed: a UUID of its own for each version, and another one opens nothing",
        &[Client, Thread],
        |context| Box::pin(path_secret(context)),
    )
    .never(),
    clause(
        "uploads.chunked",
        "the PUT may be chunked, when the client knows no size",
        &[Client],
        |context| Box::pin(sent(context, Sending::Chunked)),
    ),
    clause(
        "uploads.sized",
        "the PUT may have a Content-Length, and has no Content-Type",
        &[Client],
        |context| Box::pin(sent(context, Sending::Sized)),
    ),
    clause(
        "uploads.unfinished-hidden",
        "a version whose bytes never arrived is never handed out, not by file and not by search",
        &[Inferred],
        |context| Box::pin(unfinished_hidden(context)),
    )
    .never(),
    clause(
        "uploads.half-hidden",
        "a version of which only half the bytes arrived is not handed out either",
        &[Inferred],
        |context| Box::pin(half_hidden(context)),
    )
    .never(),
    clause(
        "uploads.same-again",
        "sending the same bytes to the same upload_path again succeeds",
        &[Inferred],
        |context| Box::pin(same_again(context)),
    ),
    clause(
        "uploads.other-refused",
        "sending other bytes to a finished upload_path is refused, and loses nothing",
        &[Inferred],
        |context| Box::pin(other_refused(context)),
    )
    .never(),
];

const KIND: &str = "custom.image";

async fn path_absolute(context: &Context<'_>) -> CheckResult {
    let artifact = context.artifact().await?;
    let plain = artifact.tagged(KIND, serde_json::json!({})).await?;
    for version in [plain, artifact.awaiting(KIND).await?] {
        let url = reqwest::Url::parse(&version.upload_path).ok();
        let absolute =
            url.is_some_and(|url| matches!(url.scheme(), "http" | "https") && url.has_host());
        version
            .reply
            .require(absolute, "an absolute http or https upload_path")?;
    }
    Ok(())
}

async fn path_authorises(context: &Context<'_>) -> CheckResult {
    let artifact = context.artifact().await?;
    let (first, second) = (archive("the first"), archive("the second"));
    let awaiting = [
        artifact.awaiting(KIND).await?,
        artifact.awaiting(KIND).await?,
    ];
    // Both versions await their files before the first upload, so only the path can tell the server which version a
    // file belongs to.
    for (version, bytes) in awaiting.iter().zip([&first, &second]) {
        put(context, version, bytes, Sending::Sized)
            .await?
            .success()?;
    }
    artifact.file_is(KIND, "1", &first).await?;
    artifact.file_is(KIND, "2", &second).await?;
    artifact.finds(KIND, &[], &[2, 1]).await
}

async fn path_secret(context: &Context<'_>) -> CheckResult {
    let artifact = context.artifact().await?;
    let (first, second) = (
        artifact.awaiting(KIND).await?,
        artifact.awaiting(KIND).await?,
    );
    let (uuid, other) = (uuid_in(&first)?, uuid_in(&second)?);
    second
        .reply
        .never(uuid == other, "another UUID than the version before")?;
    // Successive UUIDs that derive from a counter or a clock share most of their bits.
    let distance = (Uuid::as_u128(&uuid) ^ other.as_u128()).count_ones();
    second.reply.never(
        distance <= 24,
        "a UUID that does not follow from the version before",
    )?;
    let guess = first
        .upload_path
        .replace(&uuid.to_string(), &Uuid::new_v4().to_string());
    let reply = context
        .http()
        .put(&guess, &archive("guessed"), Sending::Sized)
        .await?;
    refused(&reply, "a refusal of a guessed upload_path")?;
    artifact.finds_no_other(KIND, &[], &[]).await
}

async fn sent(context: &Context<'_>, sending: Sending) -> CheckResult {
    let artifact = context.artifact().await?;
    let bytes = large_archive("in pieces");
    let version = artifact.awaiting(KIND).await?;
    put(context, &version, &bytes, sending).await?.success()?;
    artifact.file_is(KIND, "1", &bytes).await?;
    artifact.finds(KIND, &[], &[1]).await
}

async fn unfinished_hidden(context: &Context<'_>) -> CheckResult {
    let artifact = context.artifact().await?;
    let bytes = archive("finished");
    artifact.with_file(KIND, &bytes).await?;
    let awaiting = artifact.awaiting(KIND).await?;
    only_the_first(&artifact, &bytes).await?;
    let late = archive("late");
    put(context, &awaiting, &late, Sending::Sized)
        .await?
        .success()?;
    artifact.finds(KIND, &[], &[2, 1]).await?;
    artifact.file_is(KIND, "latest", &late).await
}

async fn half_hidden(context: &Context<'_>) -> CheckResult {
    let artifact = context.artifact().await?;
    let bytes = archive("finished");
    artifact.with_file(KIND, &bytes).await?;
    let awaiting = artifact.awaiting(KIND).await?;
    match put(
        context,
        &awaiting,
        &large_archive("half"),
        Sending::Interrupted,
    )
    .await
    {
        // The connection breaks on purpose.
        Err(CheckFailure::Inconclusive(_)) => {}
        Err(failure) => return Err(failure),
        Ok(reply) => reply.never(reply.succeeded(), "no success for half a file")?,
    }
    only_the_first(&artifact, &bytes).await
}

/// Requires that the server shows the first of two versions, and nothing of the second.
async fn only_the_first(artifact: &Artifact<'_>, bytes: &[u8]) -> CheckResult {
    let searches: [(&[_], &[u64]); 4] = [
        (&[], &[1]),
        (&[("version", "any")], &[1]),
        (&[("version", "2")], &[]),
        (&[("version", "latest")], &[1]),
    ];
    for (query, numbers) in searches {
        artifact.finds_no_other(KIND, query, numbers).await?;
    }
    artifact.file(KIND, "2").await?.denied(404)?;
    is_kept(artifact, "latest", bytes).await
}

/// Requires that the file of a version still has these bytes. Other bytes are forbidden.
async fn is_kept(artifact: &Artifact<'_>, version: &str, bytes: &[u8]) -> CheckResult {
    let file = artifact.file(KIND, version).await?;
    let sent = format!("the {} bytes that were sent", bytes.len());
    file.never(file.succeeded() && file.body != bytes, sent)?;
    file.status_is(200)
}

/// Requires that an upload is refused. A success is forbidden.
fn refused(reply: &Exchange, expected: &str) -> CheckResult {
    reply.never(reply.succeeded(), expected)?;
    reply.require((400..500).contains(&reply.status), expected)
}

async fn same_again(context: &Context<'_>) -> CheckResult {
    let artifact = context.artifact().await?;
    let bytes = archive("twice");
    let version = artifact.awaiting(KIND).await?;
    for sending in [Sending::Sized, Sending::Sized, Sending::Chunked] {
        put(context, &version, &bytes, sending).await?.success()?;
    }
    artifact.file_is(KIND, "1", &bytes).await?;
    artifact.finds(KIND, &[], &[1]).await
}

async fn other_refused(context: &Context<'_>) -> CheckResult {
    let artifact = context.artifact().await?;
    let bytes = archive("kept!");
    let version = artifact.awaiting(KIND).await?;
    put(context, &version, &bytes, Sending::Sized)
        .await?
        .success()?;
    for other in [
        archive("other"),
        archive("longer than the one before"),
        Vec::new(),
    ] {
        let reply = put(context, &version, &other, Sending::Sized).await?;
        refused(&reply, "a refusal of other bytes")?;
        is_kept(&artifact, "1", &bytes).await?;
    }
    artifact.finds(KIND, &[], &[1]).await
}

async fn put(
    context: &Context<'_>,
    version: &Version,
    bytes: &[u8],
    sending: Sending,
) -> CheckResult<Exchange> {
    context
        .http()
        .put(&version.upload_path, bytes, sending)
        .await
}

fn uuid_in(version: &Version) -> CheckResult<Uuid> {
    let body = version.reply.json()?;
    let path = body
        .get("upload_path")
        .and_then(Value::as_str)
        .unwrap_or_default();
    let mut segments = path.split(['/', '?']);
    segments
        .find_map(|segment| {
            Uuid::parse_str(segment)
                .ok()
                .filter(|uuid| uuid.to_string() == segment)
        })
        .ok_or_else(|| version.reply.violation("an upload_path with a UUID"))
}

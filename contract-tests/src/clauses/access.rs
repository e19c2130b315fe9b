//! Who may see and write what: nobody, a stranger, a second user.

use serde_json::json;

use super::{authentication::UNKNOWN, samples::archive};
use crate::{
    artifact::Artifact,
    clause::{
        Clause,
        Evidence::{Client, Docs, Inferred},
        clause, needing,
    },
    context::Context,
    exchange::Exchange,
    fault::Verdict,
    http::Auth,
    settings::Need::{OtherToken, PublicArtifact},
};

pub(super) const CLAUSES: &[Clause] = &[
    needing(
        &[OtherToken],
        "auth.hidden-like-missing",
        "what the caller may not see answers 404, the same as what does not exist",
        &[Docs],
        |context| Box::pin(hidden_like_missing(context)),
    ),
    clause(
        "auth.no-token-writes",
        "no token at all: 401 for every write, and nothing is made",
        &[Docs],
        |context| Box::pin(no_token_writes(context)),
    ),
    clause(
        "auth.no-token-reads",
        "no token at all: 404 for a read of what is not public",
        &[Inferred],
        |context| Box::pin(no_token_reads(context)),
    ),
    clause(
        "auth.unknown-token",
        "an unknown token: 401 everywhere",
        &[Inferred],
        |context| Box::pin(unknown_token(context)),
    ),
    needing(
        &[PublicArtifact],
        "auth.unknown-token-public",
        "an unknown token: 401 even for what is public",
        &[Inferred],
        |context| Box::pin(unknown_token_public(context)),
    ),
    needing(
        &[PublicArtifact],
        "auth.public-search",
        "public artifacts can be searched with no token at all",
        &[Client],
        |context| Box::pin(public_search(context)),
    ),
    needing(
        &[PublicArtifact],
        "auth.public-download",
        "public artifacts can be downloaded with no token at all",
        &[Client],
        |context| Box::pin(public_download(context)),
    ),
];

const KIND: &str = "archive";

async fn hidden_like_missing(context: &Context<'_>) -> Verdict {
    let other = Auth::Header(context.other_token()?);
    context.get("/authenticate").auth(other).answer(200).await?;
    let hidden = context.artifact().await?;
    hidden.with_file(KIND, &archive("hidden")).await?;
    let missing = context.artifact_named(context.name());
    let hidden = reads(&hidden, other).await?;
    for (seen, unseen) in hidden.iter().zip(reads(&missing, other).await?) {
        seen.status_is(404)?;
        seen.require(
            seen.status == unseen.status && seen.body == unseen.body,
            format!("the reply for what is not there, {}", unseen.shown()),
        )?;
    }
    Ok(())
}

async fn no_token_writes(context: &Context<'_>) -> Verdict {
    let unmade = context.artifact_named(context.name());
    context
        .create(&unmade.name)?
        .auth(Auth::Anonymous)
        .answer(401)
        .await?;
    unmade.get("").answer(404).await?;
    let artifact = context.artifact().await?;
    let fields = json!({"id": "a", "file": false});
    artifact
        .post(KIND, fields)?
        .auth(Auth::Anonymous)
        .answer(401)
        .await?;
    artifact.finds(KIND, &[], &[]).await
}

async fn no_token_reads(context: &Context<'_>) -> Verdict {
    let artifact = context.artifact().await?;
    artifact.with_file(KIND, &archive("private")).await?;
    for reply in reads(&artifact, Auth::Anonymous).await? {
        reply.status_is(404)?;
    }
    Ok(())
}

async fn unknown_token(context: &Context<'_>) -> Verdict {
    let artifact = context.artifact().await?;
    artifact.with_file(KIND, &archive("private")).await?;
    for auth in [
        Auth::Header(UNKNOWN),
        Auth::Query(UNKNOWN),
        Auth::Bearer(UNKNOWN),
    ] {
        for reply in reads(&artifact, auth).await? {
            reply.status_is(401)?;
        }
        let fields = json!({"id": "a", "file": false});
        artifact.post(KIND, fields)?.auth(auth).answer(401).await?;
        let unmade = context.artifact_named(context.name());
        context.create(&unmade.name)?.auth(auth).answer(401).await?;
        unmade.get("").answer(404).await?;
        unmade.get("").auth(auth).answer(401).await?;
    }
    artifact.finds(KIND, &[], &[1]).await
}

async fn unknown_token_public(context: &Context<'_>) -> Verdict {
    let (artifact, kind) = context.public_artifact()?;
    artifact.with_file(&kind, &archive("public")).await?;
    let search = artifact.search(&kind, &[]).auth(Auth::Header(UNKNOWN));
    search.answer(401).await?;
    let file = artifact.file_as(Auth::Header(UNKNOWN), &kind, "1").await?;
    file.status_is(401)
}

async fn public_search(context: &Context<'_>) -> Verdict {
    let (artifact, kind) = context.public_artifact()?;
    artifact.tagged(&kind, json!({"k": "1"})).await?;
    artifact.tagged(&kind, json!({"k": "2"})).await?;
    let anonymous = |query| artifact.search(&kind, query).auth(Auth::Anonymous).send();
    anonymous(&[]).await?.found(&[2, 1])?;
    anonymous(&[("version", "latest")]).await?.found(&[2])?;
    anonymous(&[("metadata.1.key", "k"), ("metadata.1.value", "1")])
        .await?
        .found(&[1])
}

async fn public_download(context: &Context<'_>) -> Verdict {
    let (artifact, kind) = context.public_artifact()?;
    let bytes = archive("public");
    artifact.with_file(&kind, &bytes).await?;
    for version in ["1", "latest"] {
        let reply = artifact.file_as(Auth::Anonymous, &kind, version).await?;
        reply.status_is(200)?;
        reply.require(reply.body == bytes, "the bytes that were sent")?;
    }
    Ok(())
}

/// Every read of an artifact that has one version, with a file.
async fn reads(artifact: &Artifact<'_>, auth: Auth<'_>) -> Verdict<Vec<Exchange>> {
    let search = format!("/{KIND}/search");
    let file = format!("/{KIND}/1/file");
    let latest = format!("/{KIND}/latest/file");
    let mut replies = Vec::new();
    for within in ["", &search, &file, &latest] {
        replies.push(artifact.get(within).auth(auth).send().await?);
    }
    Ok(replies)
}

//! Clauses on read and write access: anonymously, with an unknown token, and as a second user.

use serde_json::json;

use super::{authentication::UNKNOWN, samples::archive};
use crate::{
    failure::CheckResult,
    http::{Auth, exchange::Exchange},
    suite::{
        clause::{
            Clause,
            Evidence::{Client, Docs, Inferred},
            clause, requiring,
        },
        context::Context,
        precondition::Precondition,
        required_setting::RequiredSetting::{OtherToken, PublicArtifact},
        test_artifact::TestArtifact,
    },
};

pub(super) const CLAUSES: &[Clause] = &[
    requiring(
        &[OtherToken],
        "auth.hidden-like-missing",
        "what the caller may not see answers 404, the same as what does not exist",
        &[Docs],
        |context| Box::pin(hidden_like_missing(context)),
    )
    .never()
    .reading(&[Precondition::Private]),
    clause(
        "auth.no-token-writes",
        "no token at all: 401 for every write, and nothing is made",
        &[Docs],
        |context| Box::pin(no_token_writes(context)),
    )
    .never(),
    clause(
        "auth.no-token-reads",
        "no token at all: 404 for a read of what is not public",
        &[Inferred],
        |context| Box::pin(no_token_reads(context)),
    )
    .never()
    .reading(&[Precondition::Private]),
    clause(
        "auth.unknown-token",
        "an unknown token: 401 for every call",
        &[Inferred],
        |context| Box::pin(unknown_token(context)),
    )
    .never()
    .reading(&[Precondition::Artifact]),
    requiring(
        &[PublicArtifact],
        "auth.unknown-token-public",
        "an unknown token: 401 even for what is public",
        &[Inferred],
        |context| Box::pin(unknown_token_public(context)),
    )
    .reading(&[Precondition::Public]),
    requiring(
        &[PublicArtifact],
        "auth.public-search",
        "public artifacts can be searched with no token at all",
        &[Client],
        |context| Box::pin(public_search(context)),
    )
    .reading(&[Precondition::Public]),
    requiring(
        &[PublicArtifact],
        "auth.public-download",
        "public artifacts can be downloaded with no token at all",
        &[Client],
        |context| Box::pin(public_download(context)),
    )
    .reading(&[Precondition::PublicFile]),
];

const KIND: &str = "archive";

async fn hidden_like_missing(context: &Context<'_>) -> CheckResult {
    let other = Auth::Header(context.other_token()?);
    context.get("/authenticate").auth(other).answer(200).await?;
    let hidden = private(context).await?;
    let missing = hidden.artifact.beside(context.name());
    let missing = TestArtifact::made(missing, &hidden.kind);
    let hidden = reads(&hidden, other, 404).await?;
    let missing = reads(&missing, other, 404).await?;
    for (seen, unseen) in hidden.iter().zip(missing) {
        seen.require(
            seen.body == unseen.body,
            format!("the reply for what is not there, {}", unseen.shown()),
        )?;
    }
    Ok(())
}

async fn no_token_writes(context: &Context<'_>) -> CheckResult {
    let unmade = context.artifact_named(context.name());
    context
        .create(&unmade.name)?
        .auth(Auth::Anonymous)
        .denied(401)
        .await?;
    unmade.get("").denied(404).await?;
    let artifact = context.artifact().await?;
    let fields = json!({"id": "a", "file": false});
    artifact
        .post(KIND, fields)?
        .auth(Auth::Anonymous)
        .denied(401)
        .await?;
    artifact.finds_no_other(KIND, &[], &[]).await
}

async fn no_token_reads(context: &Context<'_>) -> CheckResult {
    let private = private(context).await?;
    reads(&private, Auth::Anonymous, 404).await.map(drop)
}

async fn unknown_token(context: &Context<'_>) -> CheckResult {
    let unknown = [
        Auth::Header(UNKNOWN),
        Auth::Query(UNKNOWN),
        Auth::Bearer(UNKNOWN),
    ];
    let test_artifact = match context.fixture(Precondition::Artifact)? {
        Some(given) => given,
        None => private(context).await?,
    };
    for auth in unknown {
        reads(&test_artifact, auth, 401).await?;
    }
    if context.is_read_only() {
        return Ok(());
    }
    let artifact = test_artifact.artifact;
    for auth in unknown {
        let fields = json!({"id": "a", "file": false});
        artifact.post(KIND, fields)?.auth(auth).denied(401).await?;
        let unmade = context.artifact_named(context.name());
        context.create(&unmade.name)?.auth(auth).denied(401).await?;
        unmade.get("").denied(404).await?;
        unmade.get("").auth(auth).denied(401).await?;
    }
    artifact.finds_no_other(KIND, &[], &[1]).await
}

async fn unknown_token_public(context: &Context<'_>) -> CheckResult {
    let TestArtifact { artifact, kind, .. } = public(context, Precondition::Public).await?;
    let search = artifact.search(&kind, &[]).auth(Auth::Header(UNKNOWN));
    search.answer(401).await?;
    let file = artifact.file_as(Auth::Header(UNKNOWN), &kind, "latest");
    file.await?.status_is(401)
}

async fn public_search(context: &Context<'_>) -> CheckResult {
    let test_artifact = match context.fixture(Precondition::Public)? {
        Some(given) => given,
        None => {
            let (artifact, kind) = context.public_artifact()?;
            let mut made = TestArtifact::made(artifact, &kind);
            made.tag(json!({"k": "1"})).await?;
            made.tag(json!({"k": "2"})).await?;
            made
        }
    };
    let anonymous = async |query: &[(&str, &str)]| {
        let search = test_artifact.artifact.search(&test_artifact.kind, query);
        search.auth(Auth::Anonymous).send().await
    };
    anonymous(&[]).await?.found(&test_artifact.numbers())?;
    let latest = anonymous(&[("version", "latest")]).await?;
    latest.found(&[test_artifact.newest()])?;
    for (key, value) in test_artifact.pairs() {
        let query = [
            ("metadata.1.key", key.as_str()),
            ("metadata.1.value", &value),
        ];
        let found = anonymous(&query).await?;
        found.found(&test_artifact.with(&[(&key, &value)]))?;
    }
    Ok(())
}

async fn public_download(context: &Context<'_>) -> CheckResult {
    let test_artifact = public(context, Precondition::PublicFile).await?;
    let (artifact, kind) = (&test_artifact.artifact, &test_artifact.kind);
    for version in [test_artifact.newest().to_string().as_str(), "latest"] {
        match test_artifact.newest_file() {
            Some(file) => {
                test_artifact
                    .file_is(Auth::Anonymous, version, file)
                    .await?
            }
            None => {
                let reply = artifact.file_as(Auth::Anonymous, kind, version);
                reply.await?.status_is(200)?;
            }
        }
    }
    Ok(())
}

/// Returns a private artifact with a file: a fixture, or else a new one.
async fn private<'a>(context: &'a Context<'_>) -> CheckResult<TestArtifact<'a>> {
    if let Some(given) = context.fixture(Precondition::Private)? {
        return Ok(given);
    }
    let mut made = TestArtifact::made(context.artifact().await?, KIND);
    made.upload(&archive("private")).await?;
    Ok(made)
}

/// Returns a public artifact with a file: a fixture, or else one with a file of a type that only this run uses.
async fn public<'a>(
    context: &'a Context<'_>,
    given: Precondition,
) -> CheckResult<TestArtifact<'a>> {
    if let Some(given) = context.fixture(given)? {
        return Ok(given);
    }
    let (artifact, kind) = context.public_artifact()?;
    let mut made = TestArtifact::made(artifact, &kind);
    made.upload(&archive("public")).await?;
    Ok(made)
}

/// Requires that every read of an artifact is denied with this status. A caller without access must not learn whether
/// the versions exist.
async fn reads(
    test_artifact: &TestArtifact<'_>,
    auth: Auth<'_>,
    status: u16,
) -> CheckResult<Vec<Exchange>> {
    let kind = &test_artifact.kind;
    let search = format!("/{kind}/search");
    let file = format!("/{kind}/1/file");
    let latest = format!("/{kind}/latest/file");
    let mut replies = Vec::new();
    for within in ["", &search, &file, &latest] {
        replies.push(
            test_artifact
                .artifact
                .get(within)
                .auth(auth)
                .denied(status)
                .await?,
        );
    }
    Ok(replies)
}

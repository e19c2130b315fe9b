//! Clauses on error replies, and on their readability for clients.

use serde_json::{Value, json};

use super::{authentication::UNKNOWN, samples::archive};
use crate::{
    failure::CheckResult,
    http::{Auth, encoding::Encoding, exchange::Exchange, request::Sending},
    suite::{
        clause::{
            Clause,
            Evidence::{Client, Docs, Inferred, Thread},
            clause,
        },
        context::Context,
        precondition::Precondition,
        snapshot::Order,
        test_artifact::TestArtifact,
    },
};

pub(super) const CLAUSES: &[Clause] = &[
    clause(
        "errors.not-found",
        "the body of a 404 is {\"errors\":[\"Resource not found!\"],\"success\":false}",
        &[Thread, Client],
        |context| Box::pin(not_found(context)),
    )
    .reading(&[Precondition::Artifact]),
    clause(
        "errors.envelope",
        "the body of every error holds errors and \"success\": false",
        &[Thread, Client],
        |context| Box::pin(envelope(context)),
    )
    .reading(&[Precondition::Artifact]),
    clause(
        "errors.none-on-success",
        "a body of success never has an errors key",
        &[Thread, Client],
        |context| Box::pin(none_on_success(context)),
    )
    .never()
    .reading(&[Precondition::Artifact]),
    clause(
        "errors.readable",
        "the errors of a refusal are texts, in an array or by the name of the field",
        &[Client, Docs],
        |context| Box::pin(readable(context)),
    ),
    clause(
        "errors.go-decodable",
        "the errors of 400 and 422 are an array of texts, all that the Go client can decode",
        &[Inferred],
        |context| Box::pin(go_decodable(context)),
    ),
    clause(
        "errors.go-statuses",
        "with each connection closed, a push meets only statuses the Go client takes as success, or 401, or 404",
        &[Client],
        |context| Box::pin(go_statuses(context)),
    ),
];

async fn not_found(context: &Context<'_>) -> CheckResult {
    let artifact = context.any_artifact().await?;
    let missing = artifact.beside(context.name());
    let mut calls = vec![missing.get(""), artifact.get("/no.such-type/1/file")];
    if !context.is_read_only() {
        artifact.tagged("archive", json!({})).await?;
        calls.extend(["/archive/1/file", "/archive/2/file"].map(|within| artifact.get(within)));
    }
    for call in calls {
        let reply = call.answer(404).await?;
        context.snapshot("not-found", Order::Any, &reply, "")?;
    }
    Ok(())
}

async fn envelope(context: &Context<'_>) -> CheckResult {
    let missing = match context.fixture(Precondition::Artifact)? {
        Some(given) => given.artifact.beside(context.name()),
        None => context.artifact_named(context.name()),
    };
    let missing = missing.get("").answer(404).await?;
    let unknown = context
        .get("/authenticate")
        .auth(Auth::Header(UNKNOWN))
        .answer(401)
        .await?;
    let mut replies = vec![missing, unknown];
    if !context.is_read_only() {
        let create = context.create(&context.name())?;
        replies.push(create.auth(Auth::Anonymous).answer(401).await?);
        replies.push(refusal(context).await?);
    }
    for reply in replies {
        reply.expect("/success", false)?;
        texts_of(&reply)?;
    }
    Ok(())
}

async fn none_on_success(context: &Context<'_>) -> CheckResult {
    if let Some(TestArtifact { artifact, kind, .. }) = context.fixture(Precondition::Artifact)? {
        return no_errors(vec![
            context.get("/authenticate").succeed().await?,
            artifact.get("").succeed().await?,
            artifact.search(&kind, &[]).succeed().await?,
        ]);
    }
    let artifact = context.artifact_named(context.name());
    let mut replies = vec![
        context.get("/authenticate").succeed().await?,
        context.create(&artifact.name)?.succeed().await?,
        artifact.get("").succeed().await?,
        artifact.search("archive", &[]).succeed().await?,
        artifact.tagged("archive", json!({"k": "v"})).await?.reply,
        artifact.search("archive", &[]).succeed().await?,
    ];
    let awaiting = artifact.awaiting("archive").await?;
    let put = context
        .http()
        .put(&awaiting.upload_path, &archive("a"), Sending::Sized)
        .await?;
    put.success()?;
    replies.extend([awaiting.reply, put]);
    no_errors(replies)
}

fn no_errors(replies: Vec<Exchange>) -> CheckResult {
    for reply in replies {
        // The reply to an upload may have no body at all.
        let keyed = reply.json().is_ok_and(|body| body.get("errors").is_some());
        reply.never(keyed, "no errors key")?;
    }
    Ok(())
}

async fn readable(context: &Context<'_>) -> CheckResult {
    let reply = refusal(context).await?;
    texts_of(&reply).map(drop)
}

async fn go_decodable(context: &Context<'_>) -> CheckResult {
    let call = context.create(&context.name())?.encoded(Encoding::HalfJson);
    let malformed = call.send().await?;
    malformed.refused()?;
    for reply in [malformed, refusal(context).await?] {
        let array = reply.json()?["errors"].is_array();
        reply.require(array, "errors as an array")?;
        texts_of(&reply)?;
    }
    Ok(())
}

/// Sends the requests of a Packer push, each on a connection of its own.
async fn go_statuses(context: &Context<'_>) -> CheckResult {
    let artifact = context.artifact_named(context.name());
    let token = Auth::Header(context.token());
    let get = |within: &str| artifact.get(within).auth(token).closing();
    context.get("/authenticate").closing().succeed().await?;
    context
        .get("/authenticate")
        .auth(Auth::Header(UNKNOWN))
        .closing()
        .answer(401)
        .await?;
    get("").answer(404).await?;
    context.create(&artifact.name)?.closing().succeed().await?;
    get("").succeed().await?;
    let fields = json!({"id": "File", "file": false, "metadata": {"k": "v"}, "build_id": 0, "compile_id": 0});
    artifact
        .post("custom.image", fields)?
        .closing()
        .succeed()
        .await?;
    get("/custom.image/search?version=latest")
        .succeed()
        .await?
        .found(&[1])?;
    let awaiting = artifact.awaiting("custom.image").await?;
    context
        .http()
        .put(&awaiting.upload_path, &archive("a"), Sending::Sized)
        .await?
        .success()
}

/// Makes the one request whose refusal the evidence records: a box without a provider.
async fn refusal(context: &Context<'_>) -> CheckResult<Exchange> {
    let artifact = context.artifact().await?;
    let fields = json!({"id": "box", "file": false, "metadata": {"k": "v"}});
    artifact.post("vagrant.box", fields)?.answer(422).await
}

/// Returns the texts of an error, in either of the two documented shapes.
pub(super) fn texts_of(reply: &Exchange) -> CheckResult<Vec<String>> {
    let body = reply.json()?;
    let lists: Vec<&Value> = match body.get("errors") {
        Some(Value::Object(fields)) => fields.values().collect(),
        Some(list) => vec![list],
        None => vec![],
    };
    let texts: Option<Vec<String>> = lists
        .into_iter()
        .map(|list| list.as_array())
        .collect::<Option<Vec<_>>>()
        .and_then(|lists| {
            lists
                .into_iter()
                .flatten()
                .map(|it| it.as_str().map(str::to_owned))
                .collect()
        });
    texts
        .filter(|texts| !texts.is_empty() && texts.iter().all(|text| !text.is_empty()))
        .ok_or_else(|| reply.violation("errors as [\"text\", …] or {\"field\": [\"text\", …]}"))
}

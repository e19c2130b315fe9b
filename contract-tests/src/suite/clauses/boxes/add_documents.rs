//! Clauses on the documents that `box add` reads: which versions and providers they list, and how.

use reqwest::Method;
use serde_json::{Value, json};

use super::{
    ELSEWHERE, PROVIDER, VERSION,
    add::{document, root_path},
    providers::is_file,
    release_elsewhere, texts,
};
use crate::{
    failure::CheckResult,
    http::{Auth, MAX_REPLY_BYTES, exchange::Exchange},
    suite::{
        box_api::Boxes,
        clause::{
            Clause,
            Evidence::{Client, Docs, Inferred, Thread},
            clause,
        },
        clauses::samples::box_file,
        context::Context,
        precondition::Precondition,
    },
};

pub(super) const CLAUSES: &[Clause] = &[
    clause(
        "boxes-add.document",
        "the document has the name, the description, and versions with providers and their urls",
        &[Client, Thread],
        |context| Box::pin(fields(context)),
    )
    .of(Boxes::V2)
    .reading(&[Precondition::BoxFile]),
    clause(
        "boxes-add.root-defaults",
        "the document at the root lists each provider name once, the default architecture",
        &[Docs, Thread],
        |context| Box::pin(root_defaults(context)),
    )
    .of(Boxes::V2),
    clause(
        "boxes-add.active-only",
        "the document lists active versions alone",
        &[Client, Docs],
        |context| Box::pin(active_only(context)),
    )
    .of(Boxes::Any),
    clause(
        "boxes-add.complete-only",
        "the document lists only what can be downloaded",
        &[Inferred],
        |context| Box::pin(complete_only(context)),
    )
    .of(Boxes::Any),
    clause(
        "boxes-add.oldest-first",
        "the document lists the oldest version first",
        &[Inferred],
        |context| Box::pin(oldest_first(context)),
    )
    .of(Boxes::Any),
];

async fn fields(context: &Context<'_>) -> CheckResult {
    let bytes = box_file("document");
    let sample = context.sample_box(Precondition::BoxFile, VERSION, PROVIDER, &bytes);
    let sample = sample.await?;
    let known = sample.known_file()?;
    let document = document(context, &sample.of).await?;
    let body = document.json()?;
    document.expect("/name", sample.of.tag())?;
    document.require(body["description"].is_string(), "a text as description")?;
    let listed = sample.listed_in(&body);
    let listed = listed.ok_or_else(|| document.violation("the version and its provider"))?;
    let whole = listed["checksum_type"].is_string()
        && listed["checksum"].is_string()
        && listed["architecture"].is_string()
        && listed["default_architecture"].is_boolean();
    document.require(
        whole,
        "a provider with checksum, checksum_type, architecture and default_architecture",
    )?;
    let url = listed["url"].as_str().unwrap_or_default();
    let token = Auth::Bearer(context.token());
    let most = usize::try_from(known.size)
        .unwrap_or(usize::MAX)
        .max(MAX_REPLY_BYTES);
    let file = context.http().fetch(url, token, &[], most).await?;
    file.is_file(&known)
}

/// Returns the document at the root, with the main token.
async fn at_root(
    context: &Context<'_>,
    of: &crate::suite::vagrant_box::VagrantBox<'_>,
) -> CheckResult<Exchange> {
    let read = context.read_root(Method::GET, root_path(of));
    read.auth(Auth::Bearer(context.token())).answer(200).await
}

async fn root_defaults(context: &Context<'_>) -> CheckResult {
    let made = context.make_box(true).await?;
    made.version(VERSION).await?;
    for (architecture, default) in [("amd64", false), ("arm64", true), ("i386", false)] {
        let fields = json!({"name": PROVIDER, "architecture": architecture,
            "default_architecture": default});
        made.provider(VERSION, fields).await?;
        let entry = format!("{PROVIDER}/{architecture}");
        made.upload(VERSION, &entry, &box_file(architecture))
            .await?;
    }
    made.put(&format!("/version/{VERSION}/release"), Value::Null)
        .await?;
    let document = at_root(context, &made).await?;
    let providers = document.json()?["versions"][0]["providers"].clone();
    let once = texts(&providers, "name") == [PROVIDER];
    document.require(once, "the provider once")?;
    let url = providers[0]["url"].as_str().unwrap_or_default();
    let token = Auth::Bearer(context.token());
    let file = context
        .http()
        .fetch(url, token, &[], MAX_REPLY_BYTES)
        .await?;
    is_file(&file, &box_file("arm64"))
}

async fn active_only(context: &Context<'_>) -> CheckResult {
    let made = context.make_box(true).await?;
    for version in ["1.0.0", "1.1.0"] {
        release_elsewhere(&made, version).await?;
    }
    made.put("/version/1.1.0/revoke", Value::Null).await?;
    made.version("2.0.0").await?;
    let fields = json!({"name": PROVIDER, "url": ELSEWHERE});
    made.provider("2.0.0", fields).await?;
    for document in [
        document(context, &made).await?,
        at_root(context, &made).await?,
    ] {
        let versions = texts(&document.json()?["versions"], "version");
        document.require(versions == ["1.0.0"], "the version 1.0.0 alone")?;
    }
    Ok(())
}

async fn complete_only(context: &Context<'_>) -> CheckResult {
    let made = context.make_box(true).await?;
    release_elsewhere(&made, "1.0.0").await?;
    made.provider("1.0.0", json!({"name": "docker"})).await?;
    made.version("2.0.0").await?;
    made.provider("2.0.0", json!({"name": "docker"})).await?;
    let release = made.write(Method::PUT, "/version/2.0.0/release", Value::Null)?;
    // A server may refuse to release what has no bytes.
    release.send().await?;
    let document = document(context, &made).await?;
    let listed = document.json()?["versions"].clone();
    let versions = texts(&listed, "version");
    document.require(versions == ["1.0.0"], "the version 1.0.0 alone")?;
    let providers = texts(&listed[0]["providers"], "name");
    document.require(providers == [PROVIDER], "the provider that has a file")
}

async fn oldest_first(context: &Context<'_>) -> CheckResult {
    let made = context.make_box(true).await?;
    for version in ["1.10.0", "1.2.0", "1.9.0"] {
        release_elsewhere(&made, version).await?;
    }
    let document = document(context, &made).await?;
    let versions = texts(&document.json()?["versions"], "version");
    let holds = versions == ["1.2.0", "1.9.0", "1.10.0"];
    document.require(holds, "the versions from the oldest to the newest")
}

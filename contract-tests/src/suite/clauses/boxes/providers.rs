//! Clauses on the providers of a version, and on their architectures.

use reqwest::Method;
use serde_json::{Value, json};

use super::{ELSEWHERE, PROVIDER, VERSION, objects::has_fields, provider_path, texts};
use crate::{
    failure::CheckResult,
    http::{Auth, exchange::Exchange},
    suite::{
        box_api::{BoxApi, Boxes},
        clause::{
            Clause,
            Evidence::{Client, Docs, Inferred},
            clause,
        },
        clauses::samples::box_file,
        context::Context,
        vagrant_box::VagrantBox,
    },
};

pub(super) const CLAUSES: &[Clause] = &[
    clause(
        "boxes.provider-create",
        "POST providers makes a provider of a version",
        &[Docs, Client],
        |context| Box::pin(provider_create(context)),
    )
    .of(Boxes::Any),
    clause(
        "boxes.provider-fields",
        "a provider has its fields, with its architecture and whether that is the default",
        &[Docs, Client],
        |context| Box::pin(provider_fields(context)),
    )
    .of(Boxes::V2),
    clause(
        "boxes.provider-again",
        "POST of a provider that is there is an update",
        &[Client],
        |context| Box::pin(provider_again(context)),
    )
    .of(Boxes::Any),
    clause(
        "boxes.provider-nulls",
        "PUT of a provider with nulls changes nothing",
        &[Client],
        |context| Box::pin(provider_nulls(context)),
    )
    .of(Boxes::V2),
    clause(
        "boxes.architecture-unknown",
        "a provider whose architecture was not told has the architecture unknown",
        &[Docs, Client],
        |context| Box::pin(architecture_unknown(context)),
    )
    .of(Boxes::V2),
    clause(
        "boxes.one-default",
        "each provider name has one default architecture, the first one unless told",
        &[Docs],
        |context| Box::pin(one_default(context)),
    )
    .of(Boxes::V2),
    clause(
        "boxes.default-moves",
        "default_architecture true moves the default to that architecture",
        &[Docs],
        |context| Box::pin(default_moves(context)),
    )
    .of(Boxes::V2),
    clause(
        "boxes.default-passed-on",
        "when the default architecture is removed, another one becomes the default",
        &[Inferred],
        |context| Box::pin(default_passed_on(context)),
    )
    .of(Boxes::V2),
    clause(
        "boxes.architecture-renamed",
        "PUT of a provider with another architecture renames it",
        &[Client],
        |context| Box::pin(architecture_renamed(context)),
    )
    .of(Boxes::V2),
    clause(
        "boxes.architecture-taken",
        "an architecture is not renamed to one that the provider has: 422",
        &[Inferred],
        |context| Box::pin(architecture_taken(context)),
    )
    .of(Boxes::V2),
    clause(
        "boxes.default-meant",
        "a call that names no architecture means the default one",
        &[Client],
        |context| Box::pin(default_meant(context)),
    )
    .of(Boxes::Both),
    clause(
        "boxes.provider-delete",
        "DELETE of a provider with its architecture removes it, and no other",
        &[Docs, Client],
        |context| Box::pin(provider_delete(context)),
    )
    .of(Boxes::V2),
    clause(
        "boxes.cleanup-keeps-files",
        "DELETE of a provider without an architecture removes none that has a file",
        &[Client],
        |context| Box::pin(cleanup_keeps_files(context)),
    )
    .of(Boxes::V2),
    clause(
        "boxes.external",
        "a provider with a url is not hosted, and its download leads to the url",
        &[Docs],
        |context| Box::pin(external(context)),
    )
    .of(Boxes::Any),
];

const FIELDS: [&str; 11] = [
    "name",
    "hosted",
    "hosted_token",
    "original_url",
    "download_url",
    "checksum",
    "checksum_type",
    "architecture",
    "default_architecture",
    "created_at",
    "updated_at",
];

/// Makes a private box with a version, and these architectures of a provider with an address elsewhere.
async fn with_architectures<'a>(
    context: &'a Context<'_>,
    architectures: &[&str],
) -> CheckResult<VagrantBox<'a>> {
    let made = context.make_box(true).await?;
    made.version(VERSION).await?;
    for architecture in architectures {
        let url = format!("{ELSEWHERE}?{architecture}");
        let fields = json!({"name": PROVIDER, "url": url, "architecture": architecture});
        made.provider(VERSION, fields).await?;
    }
    Ok(made)
}

/// Requires these default architectures of the providers of the version.
async fn defaults_are(made: &VagrantBox<'_>, expected: &[&str]) -> CheckResult {
    let shown = made.get(&format!("/version/{VERSION}")).answer(200).await?;
    let body = shown.json()?;
    let providers = body["providers"].as_array().cloned().unwrap_or_default();
    let is_default = |it: &Value| it["default_architecture"] == true;
    let defaults: Value = providers.into_iter().filter(is_default).collect();
    let holds = texts(&defaults, "architecture") == expected;
    shown.require(holds, format!("the default architectures {expected:?}"))
}

async fn provider_create(context: &Context<'_>) -> CheckResult {
    let made = context.make_box(true).await?;
    made.version(VERSION).await?;
    let reply = made.provider(VERSION, json!({"name": PROVIDER})).await?;
    let shown = made.provider_shown(VERSION, PROVIDER).await?;
    for reply in [reply, shown] {
        reply.expect("/name", PROVIDER)?;
        reply.expect("/hosted", false)?;
    }
    let version = made.get(&format!("/version/{VERSION}")).answer(200).await?;
    version.expect("/providers/0/name", PROVIDER)
}

async fn provider_fields(context: &Context<'_>) -> CheckResult {
    let made = with_architectures(context, &["amd64"]).await?;
    let shown = made.provider_shown(VERSION, "virtualbox/amd64").await?;
    has_fields(&shown, &FIELDS)?;
    shown.expect("/architecture", "amd64")?;
    shown.expect("/default_architecture", true)
}

async fn provider_again(context: &Context<'_>) -> CheckResult {
    let made = context.make_box(true).await?;
    made.version(VERSION).await?;
    for url in [ELSEWHERE, "https://files.invalid/again.box"] {
        let fields = json!({"name": PROVIDER, "url": url});
        made.provider(VERSION, fields)
            .await?
            .expect("/original_url", url)?;
    }
    let version = made.get(&format!("/version/{VERSION}")).answer(200).await?;
    let names = texts(&version.json()?["providers"], "name");
    version.require(names == [PROVIDER], "one provider")
}

async fn provider_nulls(context: &Context<'_>) -> CheckResult {
    let made = with_architectures(context, &["amd64"]).await?;
    let before = made.provider_shown(VERSION, "virtualbox/amd64").await?;
    before.expect("/original_url", format!("{ELSEWHERE}?amd64"))?;
    let nulls = json!({"provider": {"name": PROVIDER, "url": null, "checksum": null,
        "checksum_type": null, "architecture": "amd64", "default_architecture": true}});
    made.put(&provider_path("virtualbox/amd64"), nulls).await?;
    let after = made.provider_shown(VERSION, "virtualbox/amd64").await?;
    let (before, shown) = (before.json()?, after.json()?);
    for field in ["original_url", "checksum", "checksum_type", "hosted"] {
        let same = before[field] == shown[field];
        after.require(same, format!("{} as {field}, as before", before[field]))?;
    }
    Ok(())
}

async fn architecture_unknown(context: &Context<'_>) -> CheckResult {
    let made = context.make_box(true).await?;
    made.version(VERSION).await?;
    let reply = made.provider(VERSION, json!({"name": PROVIDER})).await?;
    reply.expect("/architecture", "unknown")?;
    reply.expect("/default_architecture", true)?;
    let shown = made.provider_shown(VERSION, "virtualbox/unknown").await?;
    shown.expect("/architecture", "unknown")
}

async fn one_default(context: &Context<'_>) -> CheckResult {
    let made = with_architectures(context, &["arm64", "amd64", "i386"]).await?;
    defaults_are(&made, &["arm64"]).await?;
    // Another provider name has a default of its own.
    let docker = json!({"name": "docker", "url": ELSEWHERE, "architecture": "ppc64"});
    made.provider(VERSION, docker)
        .await?
        .expect("/default_architecture", true)
}

async fn default_moves(context: &Context<'_>) -> CheckResult {
    let made = with_architectures(context, &["amd64", "arm64"]).await?;
    let fields = json!({"provider": {"name": PROVIDER, "architecture": "arm64",
        "default_architecture": true}});
    made.put(&provider_path("virtualbox/arm64"), fields).await?;
    defaults_are(&made, &["arm64"]).await?;
    let fields = json!({"name": PROVIDER, "url": ELSEWHERE, "architecture": "i386",
        "default_architecture": true});
    made.provider(VERSION, fields).await?;
    defaults_are(&made, &["i386"]).await
}

async fn default_passed_on(context: &Context<'_>) -> CheckResult {
    let made = with_architectures(context, &["arm64", "i386"]).await?;
    made.delete(&provider_path("virtualbox/arm64")).await?;
    defaults_are(&made, &["i386"]).await
}

async fn architecture_renamed(context: &Context<'_>) -> CheckResult {
    let made = with_architectures(context, &["amd64"]).await?;
    let fields = json!({"provider": {"name": PROVIDER, "architecture": "arm64"}});
    made.put(&provider_path("virtualbox/amd64"), fields).await?;
    let renamed = made.provider_shown(VERSION, "virtualbox/arm64").await?;
    renamed.expect("/architecture", "arm64")?;
    renamed.expect("/original_url", format!("{ELSEWHERE}?amd64"))?;
    made.get(&provider_path("virtualbox/amd64"))
        .denied(404)
        .await
        .map(drop)
}

async fn architecture_taken(context: &Context<'_>) -> CheckResult {
    let made = with_architectures(context, &["amd64", "arm64"]).await?;
    let fields = json!({"provider": {"name": PROVIDER, "architecture": "arm64"}});
    let rename = made.write(Method::PUT, &provider_path("virtualbox/amd64"), fields)?;
    rename.send().await?.status_is(422)?;
    for architecture in ["amd64", "arm64"] {
        let entry = format!("{PROVIDER}/{architecture}");
        let shown = made.provider_shown(VERSION, &entry).await?;
        shown.expect("/original_url", format!("{ELSEWHERE}?{architecture}"))?;
    }
    Ok(())
}

async fn default_meant(context: &Context<'_>) -> CheckResult {
    let made = with_architectures(context, &["arm64", "amd64"]).await?;
    let older = made.by(BoxApi::V1);
    let shown = older.provider_shown(VERSION, PROVIDER).await?;
    shown.expect("/original_url", format!("{ELSEWHERE}?arm64"))?;
    let fields = json!({"provider": {"name": PROVIDER, "url": format!("{ELSEWHERE}?new")}});
    older.put(&provider_path(PROVIDER), fields).await?;
    for (architecture, url) in [("arm64", "new"), ("amd64", "amd64")] {
        let entry = format!("{PROVIDER}/{architecture}");
        let shown = made.provider_shown(VERSION, &entry).await?;
        shown.expect("/original_url", format!("{ELSEWHERE}?{url}"))?;
    }
    Ok(())
}

async fn provider_delete(context: &Context<'_>) -> CheckResult {
    let made = with_architectures(context, &["amd64", "arm64"]).await?;
    made.delete(&provider_path("virtualbox/arm64")).await?;
    made.get(&provider_path("virtualbox/arm64"))
        .denied(404)
        .await?;
    made.provider_shown(VERSION, "virtualbox/amd64")
        .await
        .map(drop)
}

async fn cleanup_keeps_files(context: &Context<'_>) -> CheckResult {
    let made = context.make_box(true).await?;
    let bytes = box_file("kept");
    made.released(VERSION, &["virtualbox/amd64"], &bytes)
        .await?;
    let empty = json!({"name": PROVIDER, "architecture": "arm64"});
    made.provider(VERSION, empty).await?;
    // The client ignores the reply.
    let delete = made.write(Method::DELETE, &provider_path(PROVIDER), Value::Null)?;
    delete.send().await?;
    let file = made
        .file(Auth::Header(context.token()), VERSION, "virtualbox/amd64")
        .await?;
    is_file(&file, &bytes)
}

/// Requires that a reply is exactly these bytes.
pub(super) fn is_file(reply: &Exchange, bytes: &[u8]) -> CheckResult {
    reply.status_is(200)?;
    let holds = reply.body == bytes;
    reply.require(holds, format!("the {} bytes that were sent", bytes.len()))
}

async fn external(context: &Context<'_>) -> CheckResult {
    let made = context.make_box(false).await?;
    super::release_elsewhere(&made, VERSION).await?;
    let shown = made.provider_shown(VERSION, PROVIDER).await?;
    shown.expect("/hosted", false)?;
    shown.expect("/original_url", ELSEWHERE)?;
    let path = context.path_of(&made.file_address(VERSION, PROVIDER))?;
    let reply = context
        .read_root(Method::GET, path)
        .auth(Auth::Anonymous)
        .send()
        .await?;
    let leads = reply.location() == Some(ELSEWHERE);
    reply.require(leads, format!("a redirect to {ELSEWHERE}"))
}

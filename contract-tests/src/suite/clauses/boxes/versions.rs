//! Clauses on the versions of a box: their texts, their order, and how they are released and revoked.

use reqwest::Method;
use serde_json::{Value, json};

use super::{
    ELSEWHERE, PROVIDER, VERSION,
    objects::{has_fields, is_time},
    release_elsewhere, texts,
};
use crate::{
    failure::CheckResult,
    suite::{
        box_api::Boxes,
        clause::{
            Clause,
            Evidence::{Client, Docs, Inferred, Thread},
            clause,
        },
        context::Context,
    },
};

pub(super) const CLAUSES: &[Clause] = &[
    clause(
        "boxes.version-create",
        "POST versions makes a version, which is unreleased, and whose number is a text",
        &[Docs, Client],
        |context| Box::pin(version_create(context)),
    )
    .of(Boxes::Any),
    clause(
        "boxes.version-fields",
        "a version has its fields",
        &[Docs, Client],
        |context| Box::pin(version_fields(context)),
    )
    .of(Boxes::Any),
    clause(
        "boxes.version-parts",
        "a version may have any number of parts",
        &[Thread],
        |context| Box::pin(version_parts(context)),
    )
    .of(Boxes::Any),
    clause(
        "boxes.version-unparseable",
        "a version that RubyGems cannot parse is 422",
        &[Inferred],
        |context| Box::pin(version_unparseable(context)),
    )
    .of(Boxes::Any),
    clause(
        "boxes.version-order",
        "the versions of a box are in the order of RubyGems, the newest first",
        &[Inferred],
        |context| Box::pin(version_order(context)),
    )
    .of(Boxes::Any),
    clause(
        "boxes.version-read",
        "GET of a version answers it, and PUT changes it",
        &[Docs, Client],
        |context| Box::pin(version_read(context)),
    )
    .of(Boxes::Any),
    clause(
        "boxes.version-delete",
        "DELETE of a version removes it, and no other",
        &[Docs, Client],
        |context| Box::pin(version_delete(context)),
    )
    .of(Boxes::Any),
    clause(
        "boxes.release",
        "PUT release, with an empty body, makes a version active",
        &[Docs, Client],
        |context| Box::pin(release(context)),
    )
    .of(Boxes::Any),
    clause(
        "boxes.release-empty",
        "the release of a version without a provider is 422",
        &[Docs],
        |context| Box::pin(release_empty(context)),
    )
    .of(Boxes::Any),
    clause(
        "boxes.release-again",
        "the release of an active version is refused with the words already been released",
        &[Client],
        |context| Box::pin(release_again(context)),
    )
    .of(Boxes::Any),
    clause(
        "boxes.revoke",
        "PUT revoke makes an active version revoked",
        &[Docs],
        |context| Box::pin(revoke(context)),
    )
    .of(Boxes::Any),
    clause(
        "boxes.release-revoked",
        "a release makes a revoked version active again",
        &[Inferred],
        |context| Box::pin(release_revoked(context)),
    )
    .of(Boxes::Any),
    clause(
        "boxes.current-version",
        "current_version is the highest active version, or null",
        &[Docs, Inferred],
        |context| Box::pin(current_version(context)),
    )
    .of(Boxes::Any),
];

const FIELDS: [&str; 10] = [
    "version",
    "number",
    "status",
    "description_html",
    "description_markdown",
    "created_at",
    "updated_at",
    "release_url",
    "revoke_url",
    "providers",
];

async fn version_create(context: &Context<'_>) -> CheckResult {
    let made = context.make_box(true).await?;
    let reply = made.version(VERSION).await?;
    let read = made.get(&format!("/version/{VERSION}")).answer(200).await?;
    for reply in [reply, read] {
        reply.expect("/version", VERSION)?;
        reply.expect("/number", VERSION)?;
        reply.expect("/status", "unreleased")?;
    }
    let shown = made.shown().await?;
    shown.expect("/versions/0/version", VERSION)?;
    shown.expect("/versions/0/status", "unreleased")
}

async fn version_fields(context: &Context<'_>) -> CheckResult {
    let made = context.make_box(true).await?;
    made.version(VERSION).await?;
    let read = made.get(&format!("/version/{VERSION}")).answer(200).await?;
    has_fields(&read, &FIELDS)?;
    is_time(&read, "created_at")?;
    is_time(&read, "updated_at")?;
    read.expect("/description_markdown", "of the suite")?;
    read.expect("/providers", json!([]))
}

async fn version_parts(context: &Context<'_>) -> CheckResult {
    let made = context.make_box(true).await?;
    for version in ["1.18.2.2", "202012.21.0", "7"] {
        made.version(version).await?.expect("/version", version)?;
    }
    Ok(())
}

async fn version_unparseable(context: &Context<'_>) -> CheckResult {
    let made = context.make_box(true).await?;
    for version in ["v1.2", "latest", "1..2", "1.2 beta"] {
        let fields = json!({"version": {"version": version}});
        let create = made.write(Method::POST, "/versions", fields)?;
        create.send().await?.status_is(422)?;
    }
    made.shown().await?.expect("/versions", json!([]))
}

async fn version_order(context: &Context<'_>) -> CheckResult {
    let made = context.make_box(true).await?;
    let ordered = ["1.10.0", "1.9.0", "1.0.0", "1.0.0.beta"];
    for at in [1, 3, 0, 2] {
        made.version(ordered[at]).await?;
    }
    let shown = made.shown().await?;
    let versions = texts(&shown.json()?["versions"], "version");
    shown.require(versions == ordered, format!("the versions {ordered:?}"))
}

async fn version_read(context: &Context<'_>) -> CheckResult {
    let made = context.make_box(true).await?;
    made.version(VERSION).await?;
    let within = format!("/version/{VERSION}");
    let fields = json!({"version": {"version": VERSION, "description": "changed"}});
    let changed = made.put(&within, fields).await?;
    let read = made.get(&within).answer(200).await?;
    for reply in [changed, read] {
        reply.expect("/version", VERSION)?;
        reply.expect("/description_markdown", "changed")?;
    }
    made.get("/version/9.9.9").denied(404).await.map(drop)
}

async fn version_delete(context: &Context<'_>) -> CheckResult {
    let made = context.make_box(true).await?;
    for version in ["1.0.0", "2.0.0"] {
        release_elsewhere(&made, version).await?;
    }
    made.delete("/version/1.0.0").await?;
    made.get("/version/1.0.0").denied(404).await?;
    let shown = made.shown().await?;
    let versions = texts(&shown.json()?["versions"], "version");
    shown.require(versions == ["2.0.0"], "the version 2.0.0 alone")
}

async fn release(context: &Context<'_>) -> CheckResult {
    let made = context.make_box(true).await?;
    made.version(VERSION).await?;
    let fields = json!({"name": PROVIDER, "url": ELSEWHERE});
    made.provider(VERSION, fields).await?;
    let within = format!("/version/{VERSION}");
    let reply = made.put(&format!("{within}/release"), Value::Null).await?;
    reply.expect("/version", VERSION)?;
    reply.expect("/status", "active")?;
    let read = made.get(&within).answer(200).await?;
    read.expect("/status", "active")
}

async fn release_empty(context: &Context<'_>) -> CheckResult {
    let made = context.make_box(true).await?;
    made.version(VERSION).await?;
    let within = format!("/version/{VERSION}");
    let release = made.write(Method::PUT, &format!("{within}/release"), Value::Null)?;
    release.send().await?.status_is(422)?;
    let read = made.get(&within).answer(200).await?;
    read.expect("/status", "unreleased")
}

async fn release_again(context: &Context<'_>) -> CheckResult {
    let made = context.make_box(true).await?;
    release_elsewhere(&made, VERSION).await?;
    let within = format!("/version/{VERSION}/release");
    let again = made
        .write(Method::PUT, &within, Value::Null)?
        .send()
        .await?;
    again.refused()?;
    let words = "already been released";
    let says = String::from_utf8_lossy(&again.body).contains(words);
    again.require(says, format!("a message with the words {words}"))
}

async fn revoke(context: &Context<'_>) -> CheckResult {
    let made = context.make_box(true).await?;
    release_elsewhere(&made, VERSION).await?;
    let within = format!("/version/{VERSION}");
    let reply = made.put(&format!("{within}/revoke"), Value::Null).await?;
    reply.expect("/status", "revoked")?;
    let read = made.get(&within).answer(200).await?;
    read.expect("/status", "revoked")
}

async fn release_revoked(context: &Context<'_>) -> CheckResult {
    let made = context.make_box(true).await?;
    release_elsewhere(&made, VERSION).await?;
    let within = format!("/version/{VERSION}");
    made.put(&format!("{within}/revoke"), Value::Null).await?;
    let reply = made.put(&format!("{within}/release"), Value::Null).await?;
    reply.expect("/status", "active")
}

async fn current_version(context: &Context<'_>) -> CheckResult {
    let made = context.make_box(true).await?;
    made.version("2.0.0").await?;
    made.shown()
        .await?
        .expect("/current_version", Value::Null)?;
    for version in ["1.10.0", "1.9.0"] {
        release_elsewhere(&made, version).await?;
        let shown = made.shown().await?;
        shown.expect("/current_version/version", "1.10.0")?;
    }
    made.put("/version/1.10.0/revoke", Value::Null).await?;
    let shown = made.shown().await?;
    shown.expect("/current_version/version", "1.9.0")
}

//! Clauses on boxes as such: how one is made, read, changed and removed, and how an artifact makes one.

use reqwest::Method;
use serde_json::{Value, json};

use super::{PROVIDER, texts};
use crate::{
    failure::CheckResult,
    http::{Auth, exchange::Exchange, request::Sending},
    suite::{
        artifact::Artifact,
        box_api::Boxes,
        clause::{
            Clause,
            Evidence::{Client, Docs, Inferred},
            clause, requiring,
        },
        clauses::samples::box_file,
        context::Context,
        precondition::Precondition,
        required_setting::RequiredSetting::OtherToken,
        vagrant_box::VagrantBox,
    },
};

pub(super) const CLAUSES: &[Clause] = &[
    clause(
        "boxes.create",
        "POST boxes makes a box of the fields that were told, and answers it",
        &[Docs, Client],
        |context| Box::pin(create(context)),
    )
    .of(Boxes::Any),
    clause(
        "boxes.box-fields",
        "a box has its fields, and its times are in UTC with milliseconds",
        &[Docs, Client],
        |context| Box::pin(box_fields(context)),
    )
    .of(Boxes::Any)
    .reading(&[Precondition::Box]),
    clause(
        "boxes.private-unless-told",
        "a box whose is_private is not told is private",
        &[Docs],
        |context| Box::pin(private_unless_told(context)),
    )
    .of(Boxes::Any),
    clause(
        "boxes.taken",
        "a box that is there already is not made again: 422",
        &[Inferred],
        |context| Box::pin(taken(context)),
    )
    .of(Boxes::Any),
    clause(
        "boxes.read",
        "GET of a box answers it, with its tag",
        &[Docs, Client],
        |context| Box::pin(read(context)),
    )
    .of(Boxes::Any)
    .reading(&[Precondition::Box]),
    clause(
        "boxes.update",
        "PUT of a box changes what it tells, and nothing that it does not tell or tells as null",
        &[Client],
        |context| Box::pin(update(context)),
    )
    .of(Boxes::Any),
    clause(
        "boxes.delete",
        "DELETE of a box answers it, and it is gone",
        &[Docs, Client],
        |context| Box::pin(delete(context)),
    )
    .of(Boxes::Any),
    requiring(
        &[OtherToken],
        "boxes.hidden",
        "a private box answers a stranger 404, the same as one that is not there",
        &[Docs],
        |context| Box::pin(hidden(context)),
    )
    .of(Boxes::Any)
    .never()
    .reading(&[Precondition::PrivateBox]),
    clause(
        "boxes.from-artifact",
        "a version of the type vagrant.box makes a box appear, and grow, when its bytes are there",
        &[Docs],
        |context| Box::pin(from_artifact(context)),
    )
    .of(Boxes::Any),
    clause(
        "boxes.artifact-numbers",
        "a vagrant.box without a version counts up the minor: 0.1.0, 0.2.0",
        &[Docs],
        |context| Box::pin(artifact_numbers(context)),
    )
    .of(Boxes::Any),
];

const FIELDS: [&str; 12] = [
    "created_at",
    "updated_at",
    "tag",
    "name",
    "short_description",
    "description_html",
    "description_markdown",
    "username",
    "private",
    "downloads",
    "current_version",
    "versions",
];

/// The type of artifacts that are boxes.
const KIND: &str = "vagrant.box";

async fn create(context: &Context<'_>) -> CheckResult {
    let made = context.box_named(context.name())?;
    let fields =
        json!({"short_description": "short", "description": "*long*", "is_private": false});
    let reply = context.create_box(&made.name, fields)?.succeed().await?;
    for reply in [reply, made.shown().await?] {
        reply.expect("/username", made.user.as_str())?;
        reply.expect("/name", made.name.as_str())?;
        reply.expect("/short_description", "short")?;
        reply.expect("/description_markdown", "*long*")?;
        reply.expect("/private", false)?;
    }
    Ok(())
}

async fn box_fields(context: &Context<'_>) -> CheckResult {
    let shown = any_box(context).await?.shown().await?;
    has_fields(&shown, &FIELDS)?;
    for field in ["created_at", "updated_at"] {
        is_time(&shown, field)?;
    }
    let body = shown.json()?;
    let holds = body["private"].is_boolean()
        && body["downloads"].is_u64()
        && body["versions"].is_array()
        && (body["current_version"].is_object() || body["current_version"].is_null());
    shown.require(
        holds,
        "private, downloads, versions and current_version of their types",
    )
}

/// Requires that a body has these fields.
pub(super) fn has_fields(reply: &Exchange, fields: &[&str]) -> CheckResult {
    let body = reply.json()?;
    let missing: Vec<_> = fields
        .iter()
        .filter(|it| body.get(**it).is_none())
        .collect();
    reply.require(missing.is_empty(), format!("the fields {missing:?}"))
}

/// Requires that a field is a time like `2026-11-29T10:00:00.000Z`.
pub(super) fn is_time(reply: &Exchange, field: &str) -> CheckResult {
    let body = reply.json()?;
    let text = body[field].as_str().unwrap_or_default();
    let pattern = "0000-00-00T00:00:00.000Z";
    let fits = |(c, expected): (char, char)| match expected {
        '0' => c.is_ascii_digit(),
        other => c == other,
    };
    let holds = text.len() == pattern.len() && text.chars().zip(pattern.chars()).all(fits);
    reply.require(holds, format!("a time in UTC with milliseconds as {field}"))
}

async fn private_unless_told(context: &Context<'_>) -> CheckResult {
    let made = context.box_named(context.name())?;
    context.create_box(&made.name, json!({}))?.succeed().await?;
    made.shown().await?.expect("/private", true)?;
    let read = made.get("").auth(Auth::Anonymous);
    read.denied(404).await.map(drop)
}

async fn taken(context: &Context<'_>) -> CheckResult {
    let made = context.make_box(true).await?;
    let again = context.create_box(&made.name, json!({"short_description": "again"}))?;
    again.send().await?.status_is(422)?;
    made.shown()
        .await?
        .expect("/short_description", "of the suite")
}

async fn read(context: &Context<'_>) -> CheckResult {
    let some = any_box(context).await?;
    let shown = some.shown().await?;
    shown.expect("/tag", some.tag())?;
    shown.expect("/username", some.user.as_str())?;
    shown.expect("/name", some.name.as_str())
}

async fn update(context: &Context<'_>) -> CheckResult {
    let made = context.make_box(false).await?;
    let told = json!({"box": {"description": "told", "short_description": "once"}});
    let reply = made.put("", told).await?;
    reply.expect("/short_description", "once")?;
    let null =
        json!({"box": {"description": null, "is_private": null, "short_description": "twice"}});
    made.put("", null).await?;
    let shown = made.shown().await?;
    shown.expect("/description_markdown", "told")?;
    shown.expect("/short_description", "twice")?;
    shown.expect("/private", false)?;
    made.put("", json!({"box": {"is_private": true}})).await?;
    made.shown().await?.expect("/private", true)
}

async fn delete(context: &Context<'_>) -> CheckResult {
    let (made, kept) = (context.make_box(true).await?, context.make_box(true).await?);
    made.version("1.0.0").await?;
    let reply = made.delete("").await?;
    reply.expect("/tag", made.tag())?;
    made.get("").denied(404).await?;
    made.get("/version/1.0.0").denied(404).await?;
    kept.shown().await.map(drop)
}

async fn hidden(context: &Context<'_>) -> CheckResult {
    let other = Auth::Header(context.other_token()?);
    context.get("/authenticate").auth(other).answer(200).await?;
    let private = match context.box_fixture(Precondition::PrivateBox)? {
        Some(given) => given.of,
        None => context.make_box(true).await?,
    };
    let missing = private.beside(context.name());
    for auth in [other, Auth::Anonymous] {
        let hidden = private.get("").auth(auth).denied(404).await?;
        let missing = missing.get("").auth(auth).denied(404).await?;
        let same = hidden.body == missing.body;
        hidden.require(
            same,
            format!("the reply for what is not there, {}", missing.shown()),
        )?;
    }
    Ok(())
}

async fn from_artifact(context: &Context<'_>) -> CheckResult {
    let artifact = context.artifact().await?;
    let made = context.box_named(&artifact.name)?;
    push(
        context,
        &artifact,
        json!({"provider": PROVIDER, "version": "1.2.0"}),
        || async { made.get("").denied(404).await.map(drop) },
    )
    .await?;
    made.provider_shown("1.2.0", PROVIDER)
        .await?
        .expect("/hosted", true)?;
    let file = made
        .file(Auth::Header(context.token()), "1.2.0", PROVIDER)
        .await?;
    file.status_is(200)?;
    let pushed = file.body == box_file("pushed");
    file.require(pushed, "the bytes of the artifact")?;
    push(
        context,
        &artifact,
        json!({"provider": "docker", "version": "1.2.0"}),
        || async { Ok(()) },
    )
    .await?;
    made.provider_shown("1.2.0", "docker").await.map(drop)
}

async fn artifact_numbers(context: &Context<'_>) -> CheckResult {
    let artifact = context.artifact().await?;
    let made = context.box_named(&artifact.name)?;
    for _ in 0..2 {
        push(
            context,
            &artifact,
            json!({"provider": PROVIDER}),
            || async { Ok(()) },
        )
        .await?;
    }
    let shown = made.shown().await?;
    let mut versions = texts(&shown.json()?["versions"], "version");
    versions.sort();
    let holds = versions == ["0.1.0", "0.2.0"];
    shown.require(holds, "the versions 0.1.0 and 0.2.0")
}

/// Pushes a version of the type for boxes; `between` is checked before its bytes are sent.
async fn push<F: Future<Output = CheckResult>>(
    context: &Context<'_>,
    artifact: &Artifact<'_>,
    metadata: Value,
    between: impl FnOnce() -> F,
) -> CheckResult {
    let fields = json!({"id": "pushed", "file": true, "metadata": metadata});
    let version = artifact.version(KIND, fields).await?;
    between().await?;
    let bytes = box_file("pushed");
    let put = context
        .http()
        .put(&version.upload_path, &bytes, Sending::Sized);
    put.await?.success()
}

/// Returns a box to read: a fixture of the operator, or a new box.
async fn any_box<'a>(context: &'a Context<'_>) -> CheckResult<VagrantBox<'a>> {
    if let Some(given) = context.box_fixture(Precondition::Box)? {
        return Ok(given.of);
    }
    let made = context.box_named(context.name())?;
    let fields = json!({"box": {"username": made.user, "name": made.name, "is_private": true}});
    let path = "/boxes";
    context
        .write_box(made.api, Method::POST, path, &made.name, fields)?
        .succeed()
        .await?;
    Ok(made)
}

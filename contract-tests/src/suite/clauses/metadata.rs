//! Clauses on the metadata of a version.

use serde_json::{Value, json};

use crate::{
    failure::CheckResult,
    http::exchange::Exchange,
    suite::{
        artifact::Artifact,
        clause::{
            Clause,
            Evidence::{Client, Recorded},
            clause,
        },
        context::Context,
        precondition::Precondition,
    },
};

pub(super) const CLAUSES: &[Clause] = &[
    clause(
        "metadata.optional",
        "metadata may be absent or null",
        &[Client],
        |context| Box::pin(optional(context)),
    ),
    clause(
        "metadata.texts",
        "values are texts and come back as they were sent, those that look like numbers too",
        &[Recorded, Client],
        |context| Box::pin(texts(context)),
    ),
    clause(
        "metadata.dotted-keys",
        "keys may hold dots",
        &[Recorded, Client],
        |context| Box::pin(dotted_keys(context)),
    ),
    clause(
        "metadata.order",
        "keys come back ordered by length, then by byte",
        &[Recorded],
        |context| Box::pin(order(context)),
    )
    .reading(&[Precondition::Versions]),
    clause(
        "metadata.empty-value",
        "an empty value stays",
        &[Recorded],
        |context| Box::pin(empty_value(context)),
    ),
];

async fn optional(context: &Context<'_>) -> CheckResult {
    let artifact = context.artifact().await?;
    for fields in [
        json!({"id": "a", "file": false}),
        json!({"id": "a", "file": false, "metadata": null}),
    ] {
        let made = artifact.version("archive", fields).await?;
        no_metadata(&made.reply, "/metadata")?;
        let found = artifact
            .search("archive", &[("version", "latest")])
            .send()
            .await?;
        found.expect("/versions/0/version", made.number)?;
        no_metadata(&found, "/versions/0/metadata")?;
    }
    Ok(())
}

/// Requires an empty object or null: every genuine client reads both as no metadata.
fn no_metadata(reply: &Exchange, pointer: &str) -> CheckResult {
    let body = reply.json()?;
    let metadata = body.pointer(pointer).unwrap_or(&Value::Null);
    let none = metadata.is_null() || metadata.as_object().is_some_and(serde_json::Map::is_empty);
    reply.require(none, format!("no metadata at {pointer}"))
}

async fn texts(context: &Context<'_>) -> CheckResult {
    let metadata = json!({
        "n": "3", "flag": "true", "null": "null", "words": " two  words ", "ümläut": "ñ → 日本",
        "quoted": "\"a\\b\"\n<&>"
    });
    comes_back(&context.artifact().await?, metadata).await
}

async fn dotted_keys(context: &Context<'_>) -> CheckResult {
    let metadata = json!({"a.b": "1", "a": "2", "a.b.c": "3", ".": "4", "created.at": "5"});
    comes_back(&context.artifact().await?, metadata).await
}

async fn empty_value(context: &Context<'_>) -> CheckResult {
    comes_back(
        &context.artifact().await?,
        json!({"empty": "", "full": "v"}),
    )
    .await
}

async fn order(context: &Context<'_>) -> CheckResult {
    if let Some(given) = context.fixture(Precondition::Versions)? {
        let found = given.artifact.search(&given.kind, &[]).send().await?;
        return all_ordered(&found);
    }
    let artifact = context.artifact().await?;
    let sent = json!({
        "os_user": "1", "created_at": "2", "b": "3", "image_name": "4", "a": "5", "Z": "6", "created": "7",
        "_": "8", "a-b": "9", "a.b": "10", "a_b": "11", "aa": "12"
    });
    let ordered = [
        "Z",
        "_",
        "a",
        "b",
        "aa",
        "a-b",
        "a.b",
        "a_b",
        "created",
        "os_user",
        "created_at",
        "image_name",
    ];
    let made = artifact.tagged("archive", sent).await?;
    keys_are(&made.reply, "/metadata", &ordered)?;
    let found = artifact.search("archive", &[]).send().await?;
    keys_are(&found, "/versions/0/metadata", &ordered)
}

fn all_ordered(found: &Exchange) -> CheckResult {
    for (index, version) in found.versions()?.iter().enumerate() {
        let fields = version["metadata"].as_object().into_iter().flatten();
        let mut keys: Vec<_> = fields.map(|(key, _)| key.as_str()).collect();
        keys.sort_by_key(|key| (key.len(), *key));
        keys_are(found, &format!("/versions/{index}/metadata"), &keys)?;
    }
    Ok(())
}

fn keys_are(reply: &Exchange, pointer: &str, keys: &[&str]) -> CheckResult {
    let body = reply.json()?;
    let fields = body.pointer(pointer).and_then(Value::as_object);
    let came = fields.into_iter().flat_map(|fields| fields.keys());
    let same = came.eq(keys.iter());
    reply.require(same, format!("the keys {} at {pointer}", keys.join(" ")))
}

/// Requires that the reply and a later search return exactly the metadata that was sent, in any order.
async fn comes_back(artifact: &Artifact<'_>, metadata: Value) -> CheckResult {
    let made = artifact.tagged("archive", metadata.clone()).await?;
    made.reply.expect("/metadata", metadata.clone())?;
    let found = artifact.search("archive", &[]).send().await?;
    found.expect("/versions/0/metadata", metadata)
}

//! Clauses on the content and the numbering of versions.

use std::collections::HashSet;

use serde_json::{Value, json};

use super::errors::texts_of;
use crate::{
    failure::{CheckResult, violation},
    http::exchange::Exchange,
    suite::{
        artifact::{Artifact, Version},
        clause::{
            Clause,
            Evidence::{Client, Inferred, Recorded, Thread},
            clause, requiring,
        },
        context::Context,
        precondition::Precondition,
        required_setting::RequiredSetting::MaxIdLength,
        snapshot::Order,
    },
};

pub(super) const CLAUSES: &[Clause] = &[
    clause(
        "versions.reply-fields",
        "the reply is the version itself, not wrapped, with upload_path and upload_token",
        &[Client],
        |context| Box::pin(reply_fields(context, Order::Any)),
    ),
    clause(
        "versions.reply-order",
        "the fields of the reply come in the order of a search element, the two of the upload last",
        &[Inferred],
        |context| Box::pin(reply_fields(context, Order::Exact)),
    ),
    clause(
        "versions.upload-always",
        "upload_path and upload_token are there also when file is false",
        &[Client],
        |context| Box::pin(upload_always(context)),
    ),
    clause(
        "versions.counts-per-type",
        "version is an integer that counts up by one per artifact and type",
        &[Recorded],
        |context| Box::pin(counts_per_type(context)),
    )
    .never(),
    clause(
        "versions.slug",
        "slug is U/N/TYPE/VERSION, tag is U/N",
        &[Recorded],
        |context| Box::pin(slug(context)),
    )
    .reading(&[Precondition::Versions]),
    clause(
        "versions.zero-is-none",
        "build_id 0 means none, compile_id likewise: the version belongs to no build",
        &[Client],
        |context| Box::pin(zero_is_none(context)),
    ),
    clause(
        "versions.same-again",
        "making a version again with the same content makes a new version",
        &[Client],
        |context| Box::pin(same_again(context)),
    )
    .never(),
    clause(
        "versions.box-needs-provider",
        "a vagrant.box without provider is answered with 422: Metadata must have 'provider' key",
        &[Thread],
        |context| Box::pin(box_needs_provider(context)),
    ),
    requiring(
        &[MaxIdLength],
        "versions.longest-id",
        "an id longer than the server's limit is refused, one at the limit is not",
        &[Inferred],
        |context| Box::pin(longest_id(context)),
    ),
    clause(
        "versions.nine-regions",
        "an id of nine AWS regions is taken whole",
        &[Recorded],
        |context| Box::pin(nine_regions(context)),
    ),
];

async fn reply_fields(context: &Context<'_>, order: Order) -> CheckResult {
    let artifact = context.artifact().await?;
    let fields = json!({
        "id": "us-east-1:ami-1", "file": false, "metadata": {"k": "v"}, "build_id": 0, "compile_id": 0
    });
    let made = artifact.version("amazon.image", fields).await?;
    context.snapshot("version-reply", order, &made.reply, &artifact.name)?;
    let awaiting = artifact.awaiting("custom.image").await?;
    context.snapshot(
        "version-reply-with-file",
        order,
        &awaiting.reply,
        &artifact.name,
    )
}

async fn upload_always(context: &Context<'_>) -> CheckResult {
    let artifact = context.artifact().await?;
    for file in [false, true] {
        let made = artifact
            .version("archive", json!({"id": "a", "file": file}))
            .await?;
        let body = made.reply.json()?;
        let has = |key: &str| body[key].as_str().is_some_and(|text| !text.is_empty());
        made.reply.require(
            has("upload_path"),
            format!("an upload_path with file {file}"),
        )?;
        made.reply.require(
            has("upload_token"),
            format!("an upload_token with file {file}"),
        )?;
        made.reply.expect("/file", file)?;
    }
    Ok(())
}

async fn counts_per_type(context: &Context<'_>) -> CheckResult {
    let artifact = context.artifact().await?;
    let pushes = [
        "amazon.image",
        "openstack.image",
        "amazon.image",
        "amazon.image",
        "openstack.image",
    ];
    let (mut numbers, mut given) = (Vec::new(), HashSet::new());
    for kind in pushes {
        let made = artifact.tagged(kind, json!({})).await?;
        let is_new = given.insert((kind, made.number));
        let expected = format!("a number that no {kind} before has");
        made.reply.never(!is_new, expected)?;
        numbers.push(made.number);
    }
    if numbers != [1, 1, 2, 3, 2] {
        return Err(violation(
            "versions 1, 1, 2, 3, 2 of two types in turn",
            format!("{numbers:?}"),
        ));
    }
    let other = context.artifact().await?;
    other
        .tagged("amazon.image", json!({}))
        .await?
        .reply
        .expect("/version", 1)?;
    artifact.finds("amazon.image", &[], &[3, 2, 1]).await
}

async fn slug(context: &Context<'_>) -> CheckResult {
    if let Some(given) = context.fixture(Precondition::Versions)? {
        let found = given.artifact.search(&given.kind, &[]).send().await?;
        return is_named_after(&found, &given.artifact, &given.kind);
    }
    let artifact = context.artifact().await?;
    for number in [1, 2] {
        let made = artifact.tagged("archive", json!({})).await?;
        let slug = format!("{}/archive/{number}", artifact.slug());
        made.reply.expect("/slug", slug.as_str())?;
        made.reply.expect("/tag", artifact.slug())?;
        let found = artifact
            .search("archive", &[("version", "latest")])
            .send()
            .await?;
        found.expect("/versions/0/version", number)?;
        is_named_after(&found, &artifact, "archive")?;
    }
    Ok(())
}

fn is_named_after(found: &Exchange, artifact: &Artifact<'_>, kind: &str) -> CheckResult {
    let tag = artifact.slug();
    for (index, version) in found.versions()?.iter().enumerate() {
        let slug = format!("{tag}/{kind}/{}", version["version"]);
        found.expect(&format!("/versions/{index}/slug"), slug)?;
        found.expect(&format!("/versions/{index}/tag"), tag.as_str())?;
    }
    Ok(())
}

async fn zero_is_none(context: &Context<'_>) -> CheckResult {
    let artifact = context.artifact().await?;
    let numbers = [
        json!({}),
        json!({"build_id": 0, "compile_id": 0}),
        json!({"build_id": 0, "compile_id": 9}),
    ];
    for numbers in &numbers {
        let mut fields = json!({"id": "a", "file": false});
        merge(&mut fields, numbers);
        artifact.version("archive", fields).await?;
    }
    artifact.finds("archive", &[("build", "any")], &[]).await?;
    artifact
        .finds("archive", &[("build", "latest")], &[])
        .await?;
    let fields = json!({"id": "a", "file": false, "build_id": 3, "compile_id": 0});
    artifact.version("archive", fields).await?;
    artifact.finds("archive", &[("build", "any")], &[4]).await
}

async fn same_again(context: &Context<'_>) -> CheckResult {
    let artifact = context.artifact().await?;
    let push = async || -> CheckResult<Version> {
        artifact
            .version(
                "archive",
                json!({"id": "a", "file": false, "metadata": {"k": "v"}}),
            )
            .await
    };
    let (first, second) = (push().await?, push().await?);
    let expected = "another number than the version before";
    second
        .reply
        .never(first.number == second.number, expected)?;
    first.reply.expect("/version", 1)?;
    second.reply.expect("/version", 2)?;
    artifact.finds("archive", &[], &[2, 1]).await
}

async fn box_needs_provider(context: &Context<'_>) -> CheckResult {
    let artifact = context.artifact().await?;
    for metadata in [json!({"k": "v"}), json!({}), Value::Null] {
        let fields = json!({"id": "box", "file": false, "metadata": metadata});
        let reply = artifact.post("vagrant.box", fields)?.answer(422).await?;
        let said = texts_of(&reply)?
            .iter()
            .any(|text| text == "Metadata must have 'provider' key");
        reply.require(said, "Metadata must have 'provider' key")?;
    }
    artifact.finds("vagrant.box", &[], &[]).await?;
    let made = artifact
        .tagged("vagrant.box", json!({"provider": "virtualbox"}))
        .await?;
    made.reply.expect("/metadata/provider", "virtualbox")
}

async fn longest_id(context: &Context<'_>) -> CheckResult {
    let longest = context.facts().max_id_length.unwrap_or_default();
    let artifact = context.artifact().await?;
    let with_id = |length| json!({"id": "x".repeat(length), "file": false});
    artifact
        .post("archive", with_id(longest + 1))?
        .send()
        .await?
        .refused()?;
    artifact.finds("archive", &[], &[]).await?;
    keeps_id(&artifact, &"x".repeat(longest)).await
}

/// The id is as long as the one in the recorded reply, which the real Atlas accepted.
async fn nine_regions(context: &Context<'_>) -> CheckResult {
    let pairs: Vec<_> = [
        "ap-northeast-1",
        "ap-southeast-1",
        "ap-southeast-2",
        "eu-central-1",
        "eu-west-1",
        "sa-east-1",
        "us-east-1",
        "us-west-1",
        "us-west-2",
    ]
    .iter()
    .map(|region| format!("{region}:ami-ce82caa9"))
    .collect();
    keeps_id(&context.artifact().await?, &pairs.join(",")).await
}

async fn keeps_id(artifact: &Artifact<'_>, id: &str) -> CheckResult {
    let made = artifact
        .version("archive", json!({"id": id, "file": false}))
        .await?;
    made.reply.expect("/id", id)?;
    let found = artifact
        .search("archive", &[("version", "latest")])
        .send()
        .await?;
    found.expect("/versions/0/id", id)
}

fn merge(fields: &mut Value, more: &Value) {
    if let (Value::Object(fields), Value::Object(more)) = (fields, more) {
        fields.extend(more.clone());
    }
}

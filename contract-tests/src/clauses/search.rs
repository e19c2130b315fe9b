//! Finding versions by number and by metadata.

use serde_json::json;

use crate::{
    artifact::Artifact,
    clause::{
        Clause,
        Evidence::{Client, Docs, Inferred, Recorded, Thread},
        clause, needing,
    },
    context::Context,
    fault::Verdict,
    http::Auth,
    settings::Need::OtherToken,
    snapshot::Order,
};

pub(super) const CLAUSES: &[Clause] = &[
    clause(
        "search.element-fields",
        "an element has nine fields in the recorded order, and no upload_path",
        &[Recorded],
        |context| Box::pin(element_fields(context)),
    ),
    clause(
        "search.newest-first",
        "with no version and no build all that match are found, the newest first",
        &[Client],
        |context| Box::pin(newest_first(context)),
    ),
    clause(
        "search.version-latest",
        "version=latest finds the latest version of the type, if it matches the metadata",
        &[Docs, Client],
        |context| Box::pin(version_latest(context)),
    ),
    clause(
        "search.version-any",
        "version=any finds exactly one, the newest that matches",
        &[Docs, Client],
        |context| Box::pin(version_any(context)),
    ),
    clause(
        "search.version-number",
        "version=7 finds that one",
        &[Docs, Client],
        |context| Box::pin(version_number(context)),
    ),
    clause(
        "search.key-without-value",
        "a metadata key without a value matches any value",
        &[Client],
        |context| Box::pin(key_without_value(context)),
    ),
    clause(
        "search.keys-and",
        "several metadata keys are joined by AND; indexes start at 1",
        &[Client],
        |context| Box::pin(keys_and(context)),
    ),
    clause(
        "search.index-gaps",
        "the indexes of metadata keys may have gaps",
        &[Inferred],
        |context| Box::pin(index_gaps(context)),
    ),
    clause(
        "search.version-neither",
        "a version that is neither a number nor latest nor any matches nothing",
        &[Inferred],
        |context| Box::pin(version_neither(context)),
    ),
    clause(
        "search.nothing-matches",
        "when nothing matches: 200 with an empty list",
        &[Thread],
        |context| Box::pin(nothing_matches(context)),
    ),
    clause(
        "search.missing-artifact",
        "an artifact that is not there: 404",
        &[Inferred],
        |context| Box::pin(missing_artifact(context)),
    ),
    needing(
        &[OtherToken],
        "search.hidden-artifact",
        "an artifact that is hidden: 404",
        &[Inferred],
        |context| Box::pin(hidden_artifact(context)),
    ),
];

const KIND: &str = "amazon.image";

async fn element_fields(context: &Context<'_>) -> Verdict {
    let artifact = context.artifact().await?;
    let metadata = json!({
        "created_at": "1487769905", "region.us-east-1": "ami-daf223cc", "os_user": "cloudbreak",
        "region.eu-west-1": "ami-2d507d4b"
    });
    let id = "eu-west-1:ami-2d507d4b,us-east-1:ami-daf223cc";
    let fields =
        json!({"id": id, "file": false, "metadata": metadata, "build_id": 5, "compile_id": 0});
    artifact.version(KIND, fields).await?;
    let found = artifact.search(KIND, &[]).send().await?;
    context.snapshot("search", Order::Exact, &found, &artifact.name)?;
    let body = found.json()?;
    let shown = ["upload_path", "upload_token"]
        .iter()
        .any(|key| body["versions"][0].get(key).is_some());
    found.require(!shown, "no upload_path and no upload_token")
}

async fn newest_first(context: &Context<'_>) -> Verdict {
    let artifact = versions(context).await?;
    artifact.finds(KIND, &[], &[4, 3, 2, 1]).await?;
    artifact
        .finds(KIND, &metadata("os", "linux"), &[3, 1])
        .await?;
    for _ in 5..=12 {
        artifact.tagged(KIND, json!({})).await?;
    }
    // Numbers, not texts: 12 is newer than 2.
    artifact
        .finds(KIND, &[], &[12, 11, 10, 9, 8, 7, 6, 5, 4, 3, 2, 1])
        .await
}

async fn version_latest(context: &Context<'_>) -> Verdict {
    let artifact = versions(context).await?;
    artifact
        .tagged("other.type", json!({"os": "linux"}))
        .await?;
    let latest = |pairs: &[_]| [&[("version", "latest")], pairs].concat();
    artifact.finds(KIND, &latest(&[]), &[4]).await?;
    artifact
        .finds(KIND, &latest(&metadata("os", "bsd")), &[4])
        .await?;
    artifact
        .finds(KIND, &latest(&metadata("os", "linux")), &[])
        .await
}

async fn version_any(context: &Context<'_>) -> Verdict {
    let artifact = versions(context).await?;
    let any = |pairs: &[_]| [&[("version", "any")], pairs].concat();
    artifact.finds(KIND, &any(&[]), &[4]).await?;
    artifact
        .finds(KIND, &any(&metadata("os", "linux")), &[3])
        .await?;
    artifact
        .finds(KIND, &any(&metadata("arch", "arm64")), &[2])
        .await?;
    artifact
        .finds(KIND, &any(&metadata("os", "plan9")), &[])
        .await
}

async fn version_number(context: &Context<'_>) -> Verdict {
    let artifact = versions(context).await?;
    for number in 1..=4 {
        artifact
            .finds(KIND, &[("version", &number.to_string())], &[number])
            .await?;
    }
    artifact.finds(KIND, &[("version", "7")], &[]).await
}

async fn key_without_value(context: &Context<'_>) -> Verdict {
    let artifact = versions(context).await?;
    artifact
        .finds(KIND, &[("metadata.1.key", "arch")], &[3, 2, 1])
        .await?;
    artifact
        .finds(KIND, &[("metadata.1.key", "nobody-has-it")], &[])
        .await?;
    artifact.tagged(KIND, json!({"arch": ""})).await?;
    artifact
        .finds(KIND, &[("metadata.1.key", "arch")], &[5, 3, 2, 1])
        .await
}

async fn keys_and(context: &Context<'_>) -> Verdict {
    let artifact = versions(context).await?;
    let query = |arch| {
        [
            ("metadata.1.key", "os"),
            ("metadata.1.value", "linux"),
            ("metadata.2.key", "arch"),
            ("metadata.2.value", arch),
        ]
    };
    artifact.finds(KIND, &query("amd64"), &[3, 1]).await?;
    artifact.finds(KIND, &query("arm64"), &[]).await?;
    let dotted = [
        ("metadata.1.key", "arch"),
        ("metadata.2.key", "region.us-east-1"),
    ];
    artifact.finds(KIND, &dotted, &[3]).await?;
    // Case counts, and a part of a value is not the value.
    artifact.finds(KIND, &metadata("os", "Linux"), &[]).await?;
    artifact.finds(KIND, &metadata("os", "lin"), &[]).await
}

async fn index_gaps(context: &Context<'_>) -> Verdict {
    let artifact = versions(context).await?;
    let query = [
        ("metadata.2.key", "os"),
        ("metadata.2.value", "linux"),
        ("metadata.7.key", "region.us-east-1"),
        ("metadata.7.value", "ami-3"),
    ];
    artifact.finds(KIND, &query, &[3]).await
}

async fn version_neither(context: &Context<'_>) -> Verdict {
    let artifact = versions(context).await?;
    for version in [
        "newest",
        "1.0",
        "-1",
        "v1",
        "LATEST",
        "99999999999999999999",
    ] {
        artifact.finds(KIND, &[("version", version)], &[]).await?;
    }
    Ok(())
}

async fn nothing_matches(context: &Context<'_>) -> Verdict {
    let artifact = versions(context).await?;
    let none = artifact
        .search(KIND, &metadata("os", "plan9"))
        .answer(200)
        .await?;
    context.snapshot("search-nothing", Order::Any, &none, &artifact.name)?;
    for version in ["latest", "any"] {
        let query = [&[("version", version)], &metadata("os", "plan9")[..]].concat();
        artifact.finds(KIND, &query, &[]).await?;
    }
    for query in [
        &[][..],
        &[("version", "latest")],
        &[("version", "any")],
        &[("version", "1")],
    ] {
        artifact.finds("type.without-versions", query, &[]).await?;
    }
    Ok(())
}

async fn missing_artifact(context: &Context<'_>) -> Verdict {
    context.artifact().await?.finds(KIND, &[], &[]).await?;
    let missing = context.artifact_named(context.name());
    missing.search(KIND, &[]).answer(404).await?;
    missing
        .search(KIND, &[("version", "latest")])
        .answer(404)
        .await?;
    Ok(())
}

async fn hidden_artifact(context: &Context<'_>) -> Verdict {
    let other = Auth::Header(context.other_token()?);
    let artifact = versions(context).await?;
    artifact.search(KIND, &[]).auth(other).answer(404).await?;
    artifact
        .search(KIND, &[("version", "any")])
        .auth(other)
        .answer(404)
        .await?;
    Ok(())
}

/// Four versions: Linux on amd64, BSD on arm64, Linux on amd64 with an AMI, BSD on nothing in particular.
async fn versions<'a>(context: &'a Context<'_>) -> Verdict<Artifact<'a>> {
    let artifact = context.artifact().await?;
    for metadata in [
        json!({"os": "linux", "arch": "amd64"}),
        json!({"os": "bsd", "arch": "arm64"}),
        json!({"os": "linux", "arch": "amd64", "region.us-east-1": "ami-3"}),
        json!({"os": "bsd"}),
    ] {
        artifact.tagged(KIND, metadata).await?;
    }
    Ok(artifact)
}

fn metadata<'q>(key: &'q str, value: &'q str) -> [(&'q str, &'q str); 2] {
    [("metadata.1.key", key), ("metadata.1.value", value)]
}

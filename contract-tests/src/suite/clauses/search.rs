//! Clauses on searching versions by number and by metadata.

use serde_json::json;

use crate::{
    failure::CheckResult,
    http::{Auth, exchange::Exchange},
    suite::{
        clause::{
            Clause,
            Evidence::{Client, Docs, Inferred, Recorded, Thread},
            clause, requiring,
        },
        context::Context,
        precondition::Precondition,
        required_setting::RequiredSetting::OtherToken,
        snapshot::Order,
        test_artifact::TestArtifact,
    },
};

pub(super) const CLAUSES: &[Clause] = &[
    clause(
        "search.element-fields",
        "an element has nine fields in the recorded order, and no upload_path",
        &[Recorded],
        |context| Box::pin(element_fields(context)),
    )
    .never()
    .reading(&[Precondition::Versions]),
    clause(
        "search.newest-first",
        "with no version and no build all that match are found, the newest first",
        &[Client],
        |context| Box::pin(newest_first(context)),
    )
    .reading(&[Precondition::Versions]),
    clause(
        "search.version-latest",
        "version=latest finds the latest version of the type, if it matches the metadata",
        &[Docs, Client],
        |context| Box::pin(version_latest(context)),
    )
    .reading(&[Precondition::Versions]),
    clause(
        "search.version-any",
        "version=any finds exactly one, the newest that matches",
        &[Docs, Client],
        |context| Box::pin(version_any(context)),
    )
    .reading(&[Precondition::Versions]),
    clause(
        "search.version-number",
        "version=7 finds that one",
        &[Docs, Client],
        |context| Box::pin(version_number(context)),
    )
    .reading(&[Precondition::Versions]),
    clause(
        "search.key-without-value",
        "a metadata key without a value matches any value",
        &[Client],
        |context| Box::pin(key_without_value(context)),
    )
    .reading(&[Precondition::Versions]),
    clause(
        "search.keys-and",
        "several metadata keys are joined by AND; indexes start at 1",
        &[Client],
        |context| Box::pin(keys_and(context)),
    )
    .reading(&[Precondition::Versions]),
    clause(
        "search.index-gaps",
        "the indexes of metadata keys may have gaps",
        &[Inferred],
        |context| Box::pin(index_gaps(context)),
    )
    .reading(&[Precondition::Versions]),
    clause(
        "search.version-neither",
        "a version that is neither a number nor latest nor any matches nothing",
        &[Inferred],
        |context| Box::pin(version_neither(context)),
    )
    .reading(&[Precondition::Versions]),
    clause(
        "search.nothing-matches",
        "when nothing matches: 200 with an empty list",
        &[Thread],
        |context| Box::pin(nothing_matches(context)),
    )
    .reading(&[Precondition::Versions]),
    clause(
        "search.missing-artifact",
        "an artifact that is not there: 404",
        &[Inferred],
        |context| Box::pin(missing_artifact(context)),
    )
    .reading(&[Precondition::Artifact]),
    requiring(
        &[OtherToken],
        "search.hidden-artifact",
        "an artifact that is hidden: 404",
        &[Inferred],
        |context| Box::pin(hidden_artifact(context)),
    )
    .never()
    .reading(&[Precondition::Private]),
];

const KIND: &str = "amazon.image";

/// The largest number of versions that are searched by number.
const MAX_NUMBERS: usize = 4;

/// The fields of an element, in order.
const FIELDS: [&str; 9] = [
    "username",
    "name",
    "tag",
    "slug",
    "artifact_type",
    "id",
    "version",
    "metadata",
    "file",
];

async fn element_fields(context: &Context<'_>) -> CheckResult {
    if let Some(given) = context.fixture(Precondition::Versions)? {
        let found = given.artifact.search(&given.kind, &[]).send().await?;
        return has_fields(&found);
    }
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
    has_fields(&found)
}

/// Requires that each element has the nine fields in their order, perhaps with others between them, and no upload path
/// or token.
fn has_fields(found: &Exchange) -> CheckResult {
    for version in found.versions()? {
        let shown = ["upload_path", "upload_token"]
            .iter()
            .any(|key| version.get(key).is_some());
        found.never(shown, "no upload_path and no upload_token")?;
        let keys = version.as_object().into_iter().flat_map(|it| it.keys());
        let known = keys.filter(|key| FIELDS.contains(&key.as_str()));
        found.require(known.eq(FIELDS), format!("the fields {}", FIELDS.join(" ")))?;
    }
    Ok(())
}

async fn newest_first(context: &Context<'_>) -> CheckResult {
    let mut test_artifact = versions(context).await?;
    test_artifact.finds(&[], &test_artifact.numbers()).await?;
    for (key, value) in test_artifact.pairs() {
        let numbers = test_artifact.with(&[(&key, &value)]);
        test_artifact
            .finds(&metadata(&key, &value), &numbers)
            .await?;
    }
    if context.is_read_only() {
        return Ok(());
    }
    for _ in 5..=12 {
        test_artifact.tag(json!({})).await?;
    }
    // The versions are sorted as numbers, not as texts: 12 is newer than 2.
    test_artifact.finds(&[], &test_artifact.numbers()).await
}

async fn version_latest(context: &Context<'_>) -> CheckResult {
    let test_artifact = versions(context).await?;
    if !context.is_read_only() {
        let other = test_artifact
            .artifact
            .tagged("other.type", json!({"os": "linux"}));
        other.await?;
    }
    let newest = test_artifact.newest();
    test_artifact
        .finds(&[("version", "latest")], &[newest])
        .await?;
    for (key, value) in test_artifact.pairs() {
        let mut numbers = test_artifact.with(&[(&key, &value)]);
        numbers.retain(|number| *number == newest);
        let query = [&[("version", "latest")], &metadata(&key, &value)[..]].concat();
        test_artifact.finds(&query, &numbers).await?;
    }
    Ok(())
}

async fn version_any(context: &Context<'_>) -> CheckResult {
    let test_artifact = versions(context).await?;
    let any = ("version", "any");
    test_artifact
        .finds(&[any], &[test_artifact.newest()])
        .await?;
    for (key, value) in test_artifact.pairs() {
        let mut numbers = test_artifact.with(&[(&key, &value)]);
        numbers.truncate(1);
        let query = [&[any], &metadata(&key, &value)[..]].concat();
        test_artifact.finds(&query, &numbers).await?;
    }
    test_artifact
        .finds(&[&[any], &UNMATCHED[..]].concat(), &[])
        .await
}

async fn version_number(context: &Context<'_>) -> CheckResult {
    let test_artifact = versions(context).await?;
    for number in test_artifact.numbers().into_iter().take(MAX_NUMBERS) {
        let query = [("version", &*number.to_string())];
        test_artifact.finds(&query, &[number]).await?;
    }
    let unmade = (test_artifact.newest() + 3).to_string();
    test_artifact.finds(&[("version", &unmade)], &[]).await
}

async fn key_without_value(context: &Context<'_>) -> CheckResult {
    let mut test_artifact = versions(context).await?;
    for (key, _) in test_artifact.pairs() {
        let numbers = test_artifact.with_keys(&[&key]);
        test_artifact
            .finds(&[("metadata.1.key", &key)], &numbers)
            .await?;
    }
    let nobodys = [("metadata.1.key", "nobody-has-it")];
    test_artifact.finds(&nobodys, &[]).await?;
    if context.is_read_only() {
        return Ok(());
    }
    test_artifact.tag(json!({"arch": ""})).await?;
    let numbers = test_artifact.with_keys(&["arch"]);
    test_artifact
        .finds(&[("metadata.1.key", "arch")], &numbers)
        .await
}

async fn keys_and(context: &Context<'_>) -> CheckResult {
    let test_artifact = versions(context).await?;
    for [(first, one), (second, other)] in test_artifact.pair_combinations() {
        let query = [
            ("metadata.1.key", first.as_str()),
            ("metadata.1.value", &one),
            ("metadata.2.key", &second),
            ("metadata.2.value", &other),
        ];
        let numbers = test_artifact.with(&[(&first, &one), (&second, &other)]);
        test_artifact.finds(&query, &numbers).await?;
        let keys = [
            ("metadata.1.key", first.as_str()),
            ("metadata.2.key", &second),
        ];
        let numbers = test_artifact.with_keys(&[&first, &second]);
        test_artifact.finds(&keys, &numbers).await?;
    }
    // A search is case-sensitive, and does not match a part of a value.
    for (key, value) in test_artifact.pairs() {
        let part: String = value.chars().skip(1).collect();
        for other in [value.to_uppercase(), part] {
            if !other.is_empty() {
                let numbers = test_artifact.with(&[(&key, &other)]);
                test_artifact
                    .finds(&metadata(&key, &other), &numbers)
                    .await?;
            }
        }
    }
    Ok(())
}

async fn index_gaps(context: &Context<'_>) -> CheckResult {
    let test_artifact = versions(context).await?;
    for [(first, one), (second, other)] in test_artifact.pair_combinations() {
        let query = [
            ("metadata.2.key", first.as_str()),
            ("metadata.2.value", &one),
            ("metadata.7.key", &second),
            ("metadata.7.value", &other),
        ];
        let numbers = test_artifact.with(&[(&first, &one), (&second, &other)]);
        test_artifact.finds(&query, &numbers).await?;
    }
    Ok(())
}

async fn version_neither(context: &Context<'_>) -> CheckResult {
    let test_artifact = versions(context).await?;
    for version in [
        "newest",
        "1.0",
        "-1",
        "v1",
        "LATEST",
        "99999999999999999999",
    ] {
        test_artifact.finds(&[("version", version)], &[]).await?;
    }
    Ok(())
}

async fn nothing_matches(context: &Context<'_>) -> CheckResult {
    let test_artifact = versions(context).await?;
    let artifact = &test_artifact.artifact;
    let none = artifact
        .search(&test_artifact.kind, &UNMATCHED)
        .answer(200)
        .await?;
    context.snapshot("search-nothing", Order::Any, &none, &artifact.slug())?;
    for version in ["latest", "any"] {
        let query = [&[("version", version)], &UNMATCHED[..]].concat();
        test_artifact.finds(&query, &[]).await?;
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

async fn missing_artifact(context: &Context<'_>) -> CheckResult {
    let artifact = context.any_artifact().await?;
    artifact.finds("type.without-versions", &[], &[]).await?;
    let missing = artifact.beside(context.name());
    missing.search(KIND, &[]).answer(404).await?;
    missing
        .search(KIND, &[("version", "latest")])
        .answer(404)
        .await?;
    Ok(())
}

async fn hidden_artifact(context: &Context<'_>) -> CheckResult {
    let other = Auth::Header(context.other_token()?);
    let hidden = match context.fixture(Precondition::Private)? {
        Some(given) => given,
        None => versions(context).await?,
    };
    for query in [&[][..], &[("version", "any")]] {
        let search = hidden.artifact.search(&hidden.kind, query);
        search.auth(other).denied(404).await?;
    }
    Ok(())
}

/// Returns the operator's fixture, or else makes four versions: Linux on amd64, BSD on arm64, Linux on amd64 with an
/// AMI, and BSD without an architecture.
async fn versions<'a>(context: &'a Context<'_>) -> CheckResult<TestArtifact<'a>> {
    if let Some(given) = context.fixture(Precondition::Versions)? {
        return Ok(given);
    }
    let mut made = TestArtifact::made(context.artifact().await?, KIND);
    for metadata in [
        json!({"os": "linux", "arch": "amd64"}),
        json!({"os": "bsd", "arch": "arm64"}),
        json!({"os": "linux", "arch": "amd64", "region.us-east-1": "ami-3"}),
        json!({"os": "bsd"}),
    ] {
        made.tag(metadata).await?;
    }
    Ok(made)
}

/// A pair of metadata that no version has.
const UNMATCHED: [(&str, &str); 2] = [
    ("metadata.1.key", "os"),
    ("metadata.1.value", "no-version-says-this"),
];

fn metadata<'q>(key: &'q str, value: &'q str) -> [(&'q str, &'q str); 2] {
    [("metadata.1.key", key), ("metadata.1.value", value)]
}

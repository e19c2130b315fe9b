//! Clauses on searching versions by the build that made them.

use serde_json::json;

use crate::{
    failure::CheckResult,
    suite::{
        artifact::Artifact,
        clause::{
            Clause,
            Evidence::{Docs, Inferred},
            clause,
        },
        context::Context,
    },
};

pub(super) const CLAUSES: &[Clause] = &[
    clause(
        "search.build-latest",
        "build=latest finds a match within the latest build, and none in an older one",
        &[Docs],
        |context| Box::pin(build_latest(context)),
    ),
    clause(
        "search.build-any",
        "build=any finds the newest match in any build",
        &[Docs],
        |context| Box::pin(build_any(context)),
    ),
    clause(
        "search.build-number",
        "build=5 finds a match in that build",
        &[Docs],
        |context| Box::pin(build_number(context)),
    ),
    clause(
        "search.version-over-build",
        "with version and build together version wins",
        &[Inferred],
        |context| Box::pin(version_over_build(context)),
    ),
    clause(
        "search.build-zero",
        "build=0 matches nothing",
        &[Inferred],
        |context| Box::pin(build_zero(context)),
    ),
];

const KIND: &str = "amazon.image";

async fn build_latest(context: &Context<'_>) -> CheckResult {
    let artifact = builds(context).await?;
    artifact.finds(KIND, &of("latest", "amd64"), &[3]).await?;
    artifact.finds(KIND, &of("latest", "arm64"), &[4]).await?;
    artifact.finds(KIND, &of("latest", "mips"), &[]).await?;
    one_of(&artifact, "latest", &[3, 4]).await
}

async fn build_any(context: &Context<'_>) -> CheckResult {
    let artifact = builds(context).await?;
    artifact.finds(KIND, &of("any", "amd64"), &[3]).await?;
    artifact.finds(KIND, &of("any", "mips"), &[2]).await?;
    artifact.finds(KIND, &of("any", "vax"), &[]).await?;
    artifact.finds(KIND, &[("build", "any")], &[4]).await
}

async fn build_number(context: &Context<'_>) -> CheckResult {
    let artifact = builds(context).await?;
    artifact.finds(KIND, &of("5", "amd64"), &[1]).await?;
    artifact.finds(KIND, &of("5", "mips"), &[2]).await?;
    artifact.finds(KIND, &of("5", "arm64"), &[]).await?;
    artifact.finds(KIND, &of("6", "arm64"), &[4]).await?;
    artifact.finds(KIND, &[("build", "7")], &[]).await?;
    one_of(&artifact, "5", &[1, 2]).await
}

async fn version_over_build(context: &Context<'_>) -> CheckResult {
    let artifact = builds(context).await?;
    artifact
        .finds(KIND, &[("build", "5"), ("version", "latest")], &[5])
        .await?;
    artifact
        .finds(KIND, &[("version", "3"), ("build", "5")], &[3])
        .await?;
    artifact
        .finds(KIND, &[("version", "5"), ("build", "any")], &[5])
        .await
}

async fn build_zero(context: &Context<'_>) -> CheckResult {
    let artifact = builds(context).await?;
    artifact.finds(KIND, &[("build", "0")], &[]).await?;
    artifact.finds(KIND, &of("0", "vax"), &[]).await
}

/// Requires that a search for a build finds exactly one of these versions, as Terraform needs. Any of them may come.
async fn one_of(artifact: &Artifact<'_>, build: &str, numbers: &[u64]) -> CheckResult {
    let found = artifact.search(KIND, &[("build", build)]).send().await?;
    let versions = found.versions()?;
    let one = versions.len() == 1
        && versions[0]["version"]
            .as_u64()
            .is_some_and(|it| numbers.contains(&it));
    found.require(one, format!("exactly one of the versions {numbers:?}"))
}

/// Makes two versions for each of two builds, one per architecture, and a newest version without a build.
async fn builds<'a>(context: &'a Context<'_>) -> CheckResult<Artifact<'a>> {
    let artifact = context.artifact().await?;
    for (build, arch) in [
        (5, "amd64"),
        (5, "mips"),
        (6, "amd64"),
        (6, "arm64"),
        (0, "vax"),
    ] {
        let metadata = json!({"arch": arch});
        let fields = json!({"id": "a", "file": false, "metadata": metadata, "build_id": build, "compile_id": 0});
        artifact.version(KIND, fields).await?;
    }
    Ok(artifact)
}

fn of<'q>(build: &'q str, arch: &'q str) -> [(&'q str, &'q str); 3] {
    [
        ("build", build),
        ("metadata.1.key", "arch"),
        ("metadata.1.value", arch),
    ]
}

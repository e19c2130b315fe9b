//! Clauses on creating and finding artifacts, their names and their content.

use serde_json::json;

use crate::{
    failure::CheckResult,
    http::Auth,
    suite::{
        clause::{
            Clause,
            Evidence::{Client, Docs, Inferred, Recorded},
            clause, requiring,
        },
        context::Context,
        precondition::Precondition,
        required_setting::RequiredSetting::OtherToken,
        snapshot::Order,
    },
};

pub(super) const CLAUSES: &[Clause] = &[
    clause(
        "artifacts.create",
        "POST artifacts answers with the artifact: username, name and tag",
        &[Client],
        |context| Box::pin(create(context)),
    ),
    clause(
        "artifacts.create-status",
        "POST artifacts answers 200",
        &[Inferred],
        |context| Box::pin(create_status(context)),
    ),
    clause(
        "artifacts.taken",
        "a name already taken is answered with 422, and what has the name stays",
        &[Inferred],
        |context| Box::pin(taken(context)),
    ),
    requiring(
        &[OtherToken],
        "artifacts.not-writable",
        "an organisation the token may not write to is answered with 404, and nothing is made",
        &[Inferred],
        |context| Box::pin(not_writable(context)),
    )
    .never(),
    clause(
        "artifacts.get",
        "GET of an artifact answers 200 and what POST answered",
        &[Client],
        |context| Box::pin(get(context)),
    )
    .reading(&[Precondition::Artifact]),
    clause(
        "artifacts.get-missing",
        "GET of an artifact that is not there answers 404",
        &[Client],
        |context| Box::pin(get_missing(context)),
    )
    .reading(&[Precondition::Artifact]),
    clause(
        "artifacts.several-types",
        "an artifact holds versions of several types at once, each by itself",
        &[Docs, Recorded],
        |context| Box::pin(several_types(context)),
    ),
    clause(
        "artifacts.recommended-types",
        "every recommended type is taken, old names included",
        &[Docs],
        |context| Box::pin(recommended_types(context)),
    ),
    clause(
        "artifacts.any-type",
        "any identifier is a type",
        &[Docs],
        |context| Box::pin(any_type(context)),
    ),
    clause(
        "artifacts.names",
        "a name has letters, digits, dash, underscore and period, and up to 50 of them",
        &[Inferred],
        |context| Box::pin(names(context)),
    ),
    clause(
        "artifacts.names-refused",
        "a name of more than 50 characters or with any other character is refused",
        &[Inferred],
        |context| Box::pin(names_refused(context)),
    ),
];

const LONGEST_NAME: usize = 50;

const RECOMMENDED: [&str; 16] = [
    "amazon.image",
    "aws.ami",
    "amazon.ami",
    "azure.image",
    "digitalocean.image",
    "docker.image",
    "googlecompute.image",
    "openstack.image",
    "parallels.image",
    "qemu.image",
    "virtualbox.image",
    "vmware.image",
    "custom.image",
    "application.archive",
    "archive",
    "vagrant.box",
];

async fn create(context: &Context<'_>) -> CheckResult {
    let name = context.name();
    let reply = context.create(&name)?.succeed().await?;
    context.snapshot("artifact", Order::Any, &reply, &name)
}

async fn create_status(context: &Context<'_>) -> CheckResult {
    let name = context.name();
    let reply = context.create(&name)?.answer(200).await?;
    reply.expect("/artifact/name", name)
}

async fn taken(context: &Context<'_>) -> CheckResult {
    let artifact = context.artifact().await?;
    artifact.tagged("archive", json!({})).await?;
    context.create(&artifact.name)?.answer(422).await?;
    artifact.finds("archive", &[], &[1]).await
}

async fn not_writable(context: &Context<'_>) -> CheckResult {
    let other = Auth::Header(context.other_token()?);
    let artifact = context.artifact_named(context.name());
    context
        .create(&artifact.name)?
        .auth(other)
        .denied(404)
        .await?;
    artifact.get("").denied(404).await?;
    let artifact = context.artifact().await?;
    let fields = json!({"id": "a", "file": false});
    artifact
        .post("archive", fields)?
        .auth(other)
        .denied(404)
        .await?;
    artifact.finds_no_other("archive", &[], &[]).await
}

async fn get(context: &Context<'_>) -> CheckResult {
    let artifact = context.any_artifact().await?;
    let reply = artifact.get("").answer(200).await?;
    context.snapshot("artifact", Order::Any, &reply, &artifact.slug())
}

async fn get_missing(context: &Context<'_>) -> CheckResult {
    let artifact = context.any_artifact().await?;
    artifact.get("").answer(200).await?;
    let missing = artifact.beside(context.name());
    missing.get("").answer(404).await?;
    Ok(())
}

async fn several_types(context: &Context<'_>) -> CheckResult {
    let artifact = context.artifact().await?;
    let kinds = ["amazon.image", "openstack.image", "archive"];
    for kind in kinds {
        artifact
            .version(kind, json!({"id": format!("the {kind}"), "file": false}))
            .await?;
    }
    for kind in kinds {
        let found = artifact.search(kind, &[]).send().await?;
        found.found(&[1])?;
        found.expect("/versions/0/artifact_type", kind)?;
        found.expect("/versions/0/id", format!("the {kind}"))?;
    }
    Ok(())
}

async fn recommended_types(context: &Context<'_>) -> CheckResult {
    let artifact = context.artifact().await?;
    for kind in RECOMMENDED {
        // A box needs the provider, and other types ignore it.
        let made = artifact
            .tagged(kind, json!({"provider": "virtualbox"}))
            .await?;
        made.reply.expect("/artifact_type", kind)?;
        artifact.finds(kind, &[], &[1]).await?;
    }
    Ok(())
}

async fn any_type(context: &Context<'_>) -> CheckResult {
    let artifact = context.artifact().await?;
    for kind in ["x", "Our-own_type.2"] {
        let made = artifact.tagged(kind, json!({})).await?;
        made.reply.expect("/artifact_type", kind)?;
        artifact.finds(kind, &[], &[1]).await?;
    }
    Ok(())
}

async fn names(context: &Context<'_>) -> CheckResult {
    let every_kind = format!("{}A_z.", context.name());
    let longest = format!("{every_kind:-<LONGEST_NAME$}");
    for name in [every_kind, longest] {
        let reply = context.create(&name)?.succeed().await?;
        reply.expect("/artifact/name", name.as_str())?;
        let artifact = context.artifact_named(name);
        artifact.get("").answer(200).await?;
        artifact.tagged("archive", json!({})).await?;
    }
    Ok(())
}

async fn names_refused(context: &Context<'_>) -> CheckResult {
    let stem = context.name();
    let too_long = format!("{stem:x<width$}", width = LONGEST_NAME + 1);
    let others = ["a b", "a/b", "a%b", "a:b", "ä"].map(|odd| format!("{stem}{odd}"));
    for name in others.into_iter().chain([too_long]) {
        context.create(&name)?.send().await?.refused()?;
    }
    Ok(())
}

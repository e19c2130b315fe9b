//! Clauses on the two lists that the server derives from the AWS regions in the metadata.

use serde_json::{Value, json};

use crate::{
    failure::{CheckResult, violation},
    http::exchange::Exchange,
    suite::{
        artifact::Artifact,
        clause::{
            Clause,
            Evidence::{Inferred, Recorded, Thread},
            clause,
        },
        context::Context,
    },
};

pub(super) const CLAUSES: &[Clause] = &[
    clause(
        "regions.lists-added",
        "to an amazon.image with region.* keys the server adds ami_id and region, each a comma-joined list",
        &[Recorded, Thread],
        |context| Box::pin(lists_added(context)),
    ),
    clause(
        "regions.older-names",
        "to an amazon.ami or an aws.ami, its older names, the server adds them too",
        &[Inferred],
        |context| Box::pin(older_names(context)),
    ),
    clause(
        "regions.other-types",
        "to a version of another type, an amazon-linux.image, with region.* keys the server adds neither",
        &[Recorded],
        |context| Box::pin(other_types(context)),
    ),
    clause(
        "regions.sorted",
        "the lists are sorted by region",
        &[Inferred],
        |context| Box::pin(sorted(context)),
    ),
    clause(
        "regions.from-metadata",
        "the lists come from the region.* keys, whatever id holds",
        &[Inferred],
        |context| Box::pin(from_metadata(context)),
    ),
    clause(
        "regions.clients-keys-win",
        "an ami_id or a region that the client sent itself stays",
        &[Inferred],
        |context| Box::pin(clients_keys_win(context)),
    ),
];

const KIND: &str = "amazon.image";

async fn lists_added(context: &Context<'_>) -> CheckResult {
    let artifact = context.artifact().await?;
    let one = json!({"region.eu-west-1": "ami-1"});
    derived(&artifact, "eu-west-1:ami-1", one, "ami-1", "eu-west-1").await?;
    let without = artifact
        .tagged(KIND, json!({"os_user": "cloudbreak", "regional": "x"}))
        .await?;
    without.reply.expect(
        "/metadata",
        json!({"os_user": "cloudbreak", "regional": "x"}),
    )?;
    let id = "eu-west-1:ami-1,us-east-1:ami-2";
    let two = json!({"region.eu-west-1": "ami-1", "region.us-east-1": "ami-2"});
    let made = artifact.version(KIND, version(id, two)).await?;
    let body = made.reply.json()?;
    let mut pairs = pairs_of(&body["metadata"])?;
    pairs.sort();
    let expected = [("eu-west-1", "ami-1"), ("us-east-1", "ami-2")];
    let same = pairs
        .iter()
        .map(|(region, ami)| (region.as_str(), ami.as_str()))
        .eq(expected);
    made.reply.require(
        same,
        "ami_id and region as lists of two, each AMI at its region's place",
    )
}

async fn older_names(context: &Context<'_>) -> CheckResult {
    let artifact = context.artifact().await?;
    for kind in ["amazon.ami", "aws.ami"] {
        let sent = json!({"region.eu-west-1": "ami-1"});
        let mut expected = sent.clone();
        expected["ami_id"] = "ami-1".into();
        expected["region"] = "eu-west-1".into();
        kept(&artifact, kind, "eu-west-1:ami-1", sent, expected).await?;
    }
    Ok(())
}

async fn other_types(context: &Context<'_>) -> CheckResult {
    let artifact = context.artifact().await?;
    // The server's behaviour is known for one other type only, this one.
    let kind = "amazon-linux.image";
    let sent = json!({"region.eu-west-1": "ami-1", "region.us-east-1": "ami-2"});
    let id = "eu-west-1:ami-1,us-east-1:ami-2";
    kept(&artifact, kind, id, sent.clone(), sent).await
}

async fn sorted(context: &Context<'_>) -> CheckResult {
    let artifact = context.artifact().await?;
    let metadata = json!({
        "region.us-west-2": "ami-1", "region.ap-southeast-1": "ami-2", "region.eu-west-1": "ami-4",
        "region.sa-east-1": "ami-3"
    });
    let id = "ap-southeast-1:ami-2,eu-west-1:ami-4,sa-east-1:ami-3,us-west-2:ami-1";
    let regions = "ap-southeast-1,eu-west-1,sa-east-1,us-west-2";
    derived(&artifact, id, metadata, "ami-2,ami-4,ami-3,ami-1", regions).await
}

async fn from_metadata(context: &Context<'_>) -> CheckResult {
    let artifact = context.artifact().await?;
    let metadata = json!({"region.us-east-1": "ami-1"});
    derived(
        &artifact,
        "eu-west-1:ami-9",
        metadata.clone(),
        "ami-1",
        "us-east-1",
    )
    .await?;
    derived(&artifact, "no pairs at all", metadata, "ami-1", "us-east-1").await?;
    let made = artifact
        .version(KIND, version("us-east-1:ami-1", json!({"k": "v"})))
        .await?;
    made.reply.expect("/metadata", json!({"k": "v"}))
}

async fn clients_keys_win(context: &Context<'_>) -> CheckResult {
    let artifact = context.artifact().await?;
    let region = ("region.us-east-1", "ami-1");
    let both = json!({region.0: region.1, "ami_id": "mine", "region": "here"});
    derived(&artifact, "x", both, "mine", "here").await?;
    let one = json!({region.0: region.1, "ami_id": "mine"});
    derived(&artifact, "x", one, "mine", "us-east-1").await?;
    let other = json!({region.0: region.1, "region": "here"});
    derived(&artifact, "x", other, "ami-1", "here").await
}

/// Requires that the reply and a later search contain the two lists, and all metadata that was sent.
async fn derived(
    artifact: &Artifact<'_>,
    id: &str,
    sent: Value,
    amis: &str,
    regions: &str,
) -> CheckResult {
    let mut expected = sent.clone();
    expected["ami_id"] = amis.into();
    expected["region"] = regions.into();
    kept(artifact, KIND, id, sent, expected).await
}

/// Requires that the reply and a later search contain this part of the metadata that was sent.
async fn kept(
    artifact: &Artifact<'_>,
    kind: &str,
    id: &str,
    sent: Value,
    expected: Value,
) -> CheckResult {
    let made = artifact.version(kind, version(id, sent)).await?;
    made.reply.expect("/metadata", expected.clone())?;
    let found: Exchange = artifact
        .search(kind, &[("version", "latest")])
        .send()
        .await?;
    found.expect("/versions/0/metadata", expected)
}

fn version(id: &str, metadata: Value) -> Value {
    json!({"id": id, "file": false, "metadata": metadata})
}

fn pairs_of(metadata: &Value) -> CheckResult<Vec<(String, String)>> {
    let list = |key: &str| {
        let text = metadata[key].as_str();
        text.ok_or_else(|| violation(format!("{key} in the metadata"), metadata))
    };
    let owned = |(region, ami): (&str, &str)| (region.to_owned(), ami.to_owned());
    let (regions, amis) = (list("region")?, list("ami_id")?);
    Ok(regions.split(',').zip(amis.split(',')).map(owned).collect())
}

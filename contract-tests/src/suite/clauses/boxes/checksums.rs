//! Clauses on the checksums of boxes: which are taken, how they are shown, and which bytes they are about.

use serde_json::{Value, json};

use super::{ELSEWHERE, PROVIDER, VERSION, provider_path};
use crate::{
    failure::CheckResult,
    suite::{
        box_api::Boxes,
        clause::{
            Clause,
            Evidence::{Client, Docs, Inferred},
            clause,
        },
        clauses::samples::box_file,
        context::Context,
        fixtures::Digest,
    },
};

pub(super) const CLAUSES: &[Clause] = &[
    clause(
        "boxes.checksum-types",
        "the types md5, sha1, sha256, sha384 and sha512 are taken in any case, shown in lower case",
        &[Docs, Client],
        |context| Box::pin(checksum_types(context)),
    )
    .of(Boxes::Any),
    clause(
        "boxes.checksum-none",
        "the types NONE and UNSET are shown as null, as is a checksum that was not told",
        &[Client],
        |context| Box::pin(checksum_none(context)),
    )
    .of(Boxes::Any),
    clause(
        "boxes.checksum-void",
        "new bytes make the checksum that was told for the old ones void",
        &[Client],
        |context| Box::pin(checksum_void(context)),
    )
    .of(Boxes::Any),
    clause(
        "boxes.checksum-told",
        "a checksum that is told before the bytes is shown as it was told, whatever the bytes are",
        &[Client],
        |context| Box::pin(checksum_told(context)),
    )
    .of(Boxes::Any),
    clause(
        "boxes.checksum-computed",
        "where no checksum was told, the SHA-256 of the bytes is shown",
        &[Inferred],
        |context| Box::pin(checksum_computed(context)),
    )
    .of(Boxes::Any),
];

async fn checksum_types(context: &Context<'_>) -> CheckResult {
    let made = context.make_box(true).await?;
    made.version(VERSION).await?;
    for (kind, digits) in [
        ("md5", 32),
        ("sha1", 40),
        ("sha256", 64),
        ("sha384", 96),
        ("sha512", 128),
    ] {
        let sum = "a1".repeat(digits / 2);
        for told in [kind.to_owned(), kind.to_uppercase()] {
            let name = format!("{told}-box");
            let fields =
                json!({"name": name, "url": ELSEWHERE, "checksum": sum, "checksum_type": told});
            made.provider(VERSION, fields).await?;
            let shown = made.provider_shown(VERSION, &name).await?;
            shown.expect("/checksum_type", kind)?;
            shown.expect("/checksum", sum.as_str())?;
        }
    }
    Ok(())
}

async fn checksum_none(context: &Context<'_>) -> CheckResult {
    let made = context.make_box(false).await?;
    made.version(VERSION).await?;
    for (name, fields) in [
        ("none", json!({"checksum": "", "checksum_type": "NONE"})),
        ("unset", json!({"checksum": null, "checksum_type": "UNSET"})),
        ("silent", json!({})),
    ] {
        let mut fields = fields;
        fields["name"] = name.into();
        fields["url"] = ELSEWHERE.into();
        made.provider(VERSION, fields).await?;
        let shown = made.provider_shown(VERSION, name).await?;
        shown.expect("/checksum_type", Value::Null)?;
        shown.expect("/checksum", Value::Null)?;
    }
    Ok(())
}

async fn checksum_void(context: &Context<'_>) -> CheckResult {
    let made = context.make_box(true).await?;
    made.version(VERSION).await?;
    let (old, new) = (box_file("old"), box_file("new"));
    let sum = Digest::of(&old).to_string();
    let fields = json!({"name": PROVIDER, "checksum": sum, "checksum_type": "sha256"});
    made.provider(VERSION, fields).await?;
    made.upload(VERSION, PROVIDER, &old).await?;
    let shown = made.provider_shown(VERSION, PROVIDER).await?;
    shown.expect("/checksum", sum.as_str())?;
    let nulls = json!({"provider": {"name": PROVIDER, "checksum": null, "checksum_type": null}});
    made.put(&provider_path(PROVIDER), nulls).await?;
    made.upload(VERSION, PROVIDER, &new).await?;
    let shown = made.provider_shown(VERSION, PROVIDER).await?;
    let void = shown.json()?["checksum"] != sum.as_str();
    shown.require(void, "no checksum of the bytes before")
}

async fn checksum_told(context: &Context<'_>) -> CheckResult {
    let made = context.make_box(true).await?;
    made.version(VERSION).await?;
    // The recorded clients tell this one.
    for told in ["abc", &Digest::of(b"other bytes").to_string()] {
        let fields = json!({"name": PROVIDER, "checksum": told, "checksum_type": "sha256"});
        made.provider(VERSION, fields).await?;
        made.upload(VERSION, PROVIDER, &box_file("told")).await?;
        let shown = made.provider_shown(VERSION, PROVIDER).await?;
        shown.expect("/hosted", true)?;
        shown.expect("/checksum", told)?;
    }
    Ok(())
}

async fn checksum_computed(context: &Context<'_>) -> CheckResult {
    let made = context.make_box(true).await?;
    let bytes = box_file("computed");
    made.released(VERSION, &[PROVIDER], &bytes).await?;
    let shown = made.provider_shown(VERSION, PROVIDER).await?;
    shown.expect("/checksum_type", "sha256")?;
    shown.expect("/checksum", Digest::of(&bytes).to_string())
}

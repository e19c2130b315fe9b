//! Clauses on uploads, downloads and releases by HCP's registry API.

use reqwest::Method;
use serde_json::{Value, json};

use super::{PROVIDER, VERSION, hcp::CLIENT, providers::is_file};
use crate::{
    failure::CheckResult,
    http::{Auth, MAX_REPLY_BYTES, request::Sending},
    suite::{
        clause::{
            Clause,
            Evidence::{Client, Docs, Thread},
            requiring,
        },
        clauses::samples::box_file,
        context::Context,
        fixtures::Digest,
        hcp_registry::{HcpBox, HcpRegistry, architecture_path},
        vagrant_box::text,
    },
};

pub(super) const CLAUSES: &[Clause] = &[
    requiring(
        CLIENT,
        "boxes-hcp.upload",
        "GET upload answers a url, and the bytes PUT there are the file",
        &[Client],
        |context| Box::pin(upload(context)),
    ),
    requiring(
        CLIENT,
        "boxes-hcp.upload-direct",
        "GET direct/upload answers url and object, and PUT of direct/complete ends the upload",
        &[Client],
        |context| Box::pin(upload_direct(context)),
    ),
    requiring(
        CLIENT,
        "boxes-hcp.download",
        "GET download answers the url of the file, and its checksum",
        &[Client, Docs],
        |context| Box::pin(download(context)),
    ),
    requiring(
        CLIENT,
        "boxes-hcp.public-reads",
        "a public box is read without a token, and a private one is not",
        &[Docs, Thread],
        |context| Box::pin(public_reads(context)),
    ),
    requiring(
        CLIENT,
        "boxes-hcp.release",
        "PUT release and PUT revoke answer an empty object, and set the state",
        &[Client],
        |context| Box::pin(release(context)),
    ),
];

/// Makes a box with an architecture that has no bytes.
async fn empty<'a>(registry: &'a HcpRegistry<'_>, private: bool) -> CheckResult<HcpBox<'a>> {
    let made = registry.make_box(private).await?;
    made.version(VERSION, json!({"checksum_type": "NONE"}))
        .await?;
    Ok(made)
}

/// Uploads bytes to the `url` of a reply, which is a secret, and returns the reply to the request for it.
async fn put(
    context: &Context<'_>,
    made: &HcpBox<'_>,
    within: &str,
    bytes: &[u8],
) -> CheckResult<Value> {
    let path = format!("{}{within}", architecture_path(VERSION));
    let reply = made.get(&path).answer(200).await?;
    let url = text(&reply, "url")?;
    let put = context.http().put(&url, bytes, Sending::Sized);
    put.await?.status_is(200)?;
    reply.json()
}

/// Requires that the download of the architecture leads to these bytes.
async fn has(
    context: &Context<'_>,
    made: &HcpBox<'_>,
    auth: Auth<'_>,
    bytes: &[u8],
) -> CheckResult {
    let path = format!("{}/download", architecture_path(VERSION));
    let reply = made.get(&path).auth(auth).answer(200).await?;
    let url = text(&reply, "url")?;
    let file = context.http().fetch(&url, auth, &[], MAX_REPLY_BYTES);
    is_file(&file.await?, bytes)
}

async fn upload(context: &Context<'_>) -> CheckResult {
    let registry = HcpRegistry::open(context).await?;
    let made = empty(&registry, true).await?;
    let bytes = box_file("hcp");
    put(context, &made, "/upload", &bytes).await?;
    has(context, &made, Auth::Bearer(registry.token()), &bytes).await
}

async fn upload_direct(context: &Context<'_>) -> CheckResult {
    let registry = HcpRegistry::open(context).await?;
    let made = empty(&registry, true).await?;
    let bytes = box_file("hcp direct");
    let reply = put(context, &made, "/direct/upload", &bytes).await?;
    let object = reply["object"].as_str().unwrap_or_default();
    let complete = format!("{}/direct/complete/{object}", architecture_path(VERSION));
    made.wrote(Method::PUT, &complete, Value::Null).await?;
    has(context, &made, Auth::Bearer(registry.token()), &bytes).await
}

async fn download(context: &Context<'_>) -> CheckResult {
    let registry = HcpRegistry::open(context).await?;
    let made = empty(&registry, true).await?;
    let bytes = box_file("hcp download");
    let sum = Digest::of(&bytes).to_string();
    let fields = json!({"box_data": {"checksum": sum, "checksum_type": "SHA256"}});
    made.wrote(Method::PUT, &architecture_path(VERSION), fields)
        .await?;
    put(context, &made, "/upload", &bytes).await?;
    let path = format!("{}/download", architecture_path(VERSION));
    let reply = made.get(&path).answer(200).await?;
    reply.expect("/checksum", sum.as_str())?;
    reply.expect("/checksum_type", "SHA256")?;
    has(context, &made, Auth::Bearer(registry.token()), &bytes).await
}

async fn public_reads(context: &Context<'_>) -> CheckResult {
    let registry = HcpRegistry::open(context).await?;
    let (public, private) = (
        empty(&registry, false).await?,
        empty(&registry, true).await?,
    );
    let bytes = box_file("hcp public");
    for made in [&public, &private] {
        put(context, made, "/upload", &bytes).await?;
        made.wrote(Method::PUT, "/version/1.0.0/release", Value::Null)
            .await?;
    }
    let provider = format!("/version/{VERSION}/provider/{PROVIDER}");
    for within in ["", "/versions", &provider] {
        public.get(within).auth(Auth::Anonymous).answer(200).await?;
        let denied = private.get(within).auth(Auth::Anonymous).send().await?;
        denied.never(denied.succeeded(), "no private box without a token")?;
    }
    has(context, &public, Auth::Anonymous, &bytes).await
}

async fn release(context: &Context<'_>) -> CheckResult {
    let registry = HcpRegistry::open(context).await?;
    let made = registry.make_box(true).await?;
    let data = json!({"download_url": super::ELSEWHERE});
    made.version(VERSION, data).await?;
    for (call, state) in [("release", "ACTIVE"), ("revoke", "REVOKED")] {
        let within = format!("/version/{VERSION}/{call}");
        let reply = made.wrote(Method::PUT, &within, Value::Null).await?;
        reply.require(reply.json()? == json!({}), "{}")?;
        let version = made.get("/version/1.0.0").answer(200).await?;
        version.expect("/version/state", state)?;
    }
    Ok(())
}

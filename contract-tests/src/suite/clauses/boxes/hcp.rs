//! Clauses on HCP's registry API as such: the access token, the statuses, the errors and the registry.

use reqwest::Method;
use serde_json::{Value, json};

use crate::{
    failure::CheckResult,
    http::{Auth, exchange::Exchange},
    suite::{
        box_api::Boxes,
        clause::{
            Clause,
            Evidence::{Client, Inferred},
            requiring,
        },
        context::Context,
        hcp_registry::{HcpRegistry, architecture_path},
        required_setting::RequiredSetting,
        vagrant_box::text,
    },
};

pub(super) const CLAUSES: &[Clause] = &[
    requiring(
        CLIENT,
        "boxes-hcp.token",
        "POST oauth2/token answers a client's Basic credentials with an access token for the API",
        &[Client],
        |context| Box::pin(token(context)),
    ),
    requiring(
        CLIENT,
        "boxes-hcp.token-form",
        "the id and the secret of a client may be in the form",
        &[Client],
        |context| Box::pin(token_form(context)),
    ),
    requiring(
        CLIENT,
        "boxes-hcp.token-refused",
        "a wrong secret of a client is 401",
        &[Client],
        |context| Box::pin(token_refused(context)),
    ),
    requiring(
        CLIENT,
        "boxes-hcp.success-ok",
        "every success of HCP's API is 200",
        &[Client],
        |context| Box::pin(success_ok(context)),
    ),
    requiring(
        CLIENT,
        "boxes-hcp.errors",
        "an error of HCP's API is JSON with code, message and details",
        &[Client],
        |context| Box::pin(errors(context)),
    ),
    requiring(
        CLIENT,
        "boxes-hcp.registry",
        "GET of a registry answers its name, whether it is activated, and its location",
        &[Client],
        |context| Box::pin(registry(context)),
    ),
    requiring(
        CLIENT,
        "boxes-hcp.same-boxes",
        "a registry is a user or an organisation, and its boxes are those of the other APIs",
        &[Inferred],
        |context| Box::pin(same_boxes(context)),
    )
    .of(Boxes::V2),
];

/// The setting that all clauses on HCP's API need.
pub(super) const CLIENT: &[RequiredSetting] = &[RequiredSetting::Client];

async fn token(context: &Context<'_>) -> CheckResult {
    let credentials = context.client_credentials()?;
    for grant in [
        json!({"grant_type": "client_credentials"}),
        json!({"grant_type": "client_credentials", "audience": "https://api.hashicorp.cloud"}),
    ] {
        let call = context.oauth(grant).auth(Auth::Basic(&credentials));
        is_token(context, &call.answer(200).await?).await?;
    }
    Ok(())
}

/// Requires that a reply has an access token that the API takes.
async fn is_token(context: &Context<'_>, reply: &Exchange) -> CheckResult {
    let token = text(reply, "access_token")?;
    let body = reply.json()?;
    let kind = body["token_type"].as_str().unwrap_or_default();
    let bearer = kind.eq_ignore_ascii_case("bearer");
    reply.require(bearer, "bearer as token_type")?;
    let lasts = body["expires_in"]
        .as_u64()
        .is_some_and(|seconds| seconds > 0);
    reply.require(lasts, "a number of seconds as expires_in")?;
    let path = format!("/vagrant/2022-09-30/registry/{}", context.facts().namespace);
    let read = context.read_root(Method::GET, path);
    read.auth(Auth::Bearer(&token)).answer(200).await.map(drop)
}

async fn token_form(context: &Context<'_>) -> CheckResult {
    let (id, secret) = context.client()?;
    let grant =
        json!({"grant_type": "client_credentials", "client_id": id, "client_secret": secret});
    let reply = context.oauth(grant).answer(200).await?;
    is_token(context, &reply).await
}

async fn token_refused(context: &Context<'_>) -> CheckResult {
    let (id, secret) = context.client()?;
    let wrong = crate::http::basic(id, &format!("{secret}-not"));
    let grant = json!({"grant_type": "client_credentials"});
    let call = context.oauth(grant.clone()).auth(Auth::Basic(&wrong));
    call.denied(401).await?;
    context.oauth(grant).denied(401).await.map(drop)
}

async fn success_ok(context: &Context<'_>) -> CheckResult {
    let registry = HcpRegistry::open(context).await?;
    let made = registry.make_box(true).await?;
    let data = json!({"download_url": super::ELSEWHERE, "checksum_type": "NONE"});
    made.version("1.0.0", data.clone()).await?;
    let architecture = architecture_path("1.0.0");
    let fields = json!({"box_data": data});
    for (method, within, fields) in [
        (Method::PUT, &*architecture, fields),
        (Method::PUT, "/version/1.0.0/release", Value::Null),
        (Method::DELETE, &architecture, Value::Null),
        (
            Method::DELETE,
            "/version/1.0.0/provider/virtualbox",
            Value::Null,
        ),
        (Method::DELETE, "/version/1.0.0", Value::Null),
        (Method::DELETE, "", Value::Null),
    ] {
        made.wrote(method, within, fields).await?;
    }
    Ok(())
}

async fn errors(context: &Context<'_>) -> CheckResult {
    let registry = HcpRegistry::open(context).await?;
    let missing = format!("/box/{}", context.name());
    for within in [missing.clone(), format!("{missing}/version/1.0.0")] {
        let reply = registry.get(&within).denied(404).await?;
        reply.expect("/code", 5)?;
        let body = reply.json()?;
        let holds = body["message"].is_string() && body["details"].is_array();
        reply.require(holds, "a text as message, and a list as details")?;
    }
    Ok(())
}

async fn registry(context: &Context<'_>) -> CheckResult {
    let registry = HcpRegistry::open(context).await?;
    let reply = registry.get("").answer(200).await?;
    reply.expect("/registry/name", context.facts().namespace.as_str())?;
    reply.expect("/registry/activated", true)?;
    let location = &reply.json()?["registry"]["location"];
    let holds = location["organization_id"].is_string() && location["project_id"].is_string();
    reply.require(holds, "a location with organization_id and project_id")
}

async fn same_boxes(context: &Context<'_>) -> CheckResult {
    let registry = HcpRegistry::open(context).await?;
    let made = registry.make_box(true).await?;
    let data = json!({"download_url": super::ELSEWHERE});
    made.version("1.0.0", data).await?;
    let same = context.box_named(&made.name)?;
    let shown = same.provider_shown("1.0.0", "virtualbox/amd64").await?;
    shown.expect("/original_url", super::ELSEWHERE)?;
    same.version("2.0.0").await?;
    let version = made.get("/version/2.0.0").answer(200).await?;
    version.expect("/version/name", "2.0.0")
}

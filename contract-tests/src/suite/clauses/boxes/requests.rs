//! Clauses on the paths, the encodings, the tokens and the errors of the calls for boxes.

use reqwest::Method;
use serde_json::{Value, json};

use super::{PROVIDER, VERSION, provider_path, release_elsewhere};
use crate::{
    failure::CheckResult,
    http::{Auth, Call, encoding::Encoding},
    suite::{
        box_api::{BoxApi, Boxes},
        clause::{
            Clause,
            Evidence::{Client, Docs, Inferred, Thread},
            clause,
        },
        clauses::{authentication::UNKNOWN, samples::box_file},
        context::Context,
    },
};

pub(super) const CLAUSES: &[Clause] = &[
    clause(
        "boxes.both-apis",
        "boxes are under /api/v1 and /api/v2, with the routes that name an architecture under both",
        &[Client],
        |context| Box::pin(both_apis(context)),
    )
    .of(Boxes::Both),
    clause(
        "boxes.success-ok",
        "every call for a box that succeeds answers 200",
        &[Client],
        |context| Box::pin(success_ok(context)),
    )
    .of(Boxes::Any),
    clause(
        "boxes.encodings",
        "a box may be told as JSON without a Content-Type, and as a form",
        &[Client, Docs],
        |context| Box::pin(encodings(context)),
    )
    .of(Boxes::Any),
    clause(
        "boxes.flat-fields",
        "the fields of a box may be flat, without the object box around them",
        &[Client],
        |context| Box::pin(flat_fields(context)),
    )
    .of(Boxes::Any),
    clause(
        "boxes.token-places",
        "for boxes a token counts as a bearer, in X-Atlas-Token, in the query and in the body",
        &[Client, Docs],
        |context| Box::pin(token_places(context)),
    )
    .of(Boxes::Any),
    clause(
        "boxes.composite-token",
        "of a token OLD;NEW each part counts",
        &[Client, Docs],
        |context| Box::pin(composite_token(context)),
    )
    .of(Boxes::Any)
    .reading(&[]),
    clause(
        "boxes.unknown-token",
        "an unknown token is 401 for the call that reads a public box",
        &[Inferred],
        |context| Box::pin(unknown_token(context)),
    )
    .of(Boxes::Any),
    clause(
        "boxes.errors",
        "a box that is not there answers 404 with errors, Resource not found! and success false",
        &[Client, Docs],
        |context| Box::pin(errors(context)),
    )
    .of(Boxes::Any)
    .reading(&[]),
    clause(
        "boxes.missing-object",
        "a body without its object is 422, and the message names the object",
        &[Thread],
        |context| Box::pin(missing_object(context)),
    )
    .of(Boxes::Any),
];

async fn both_apis(context: &Context<'_>) -> CheckResult {
    let bytes = box_file("both");
    let made = context.make_box(true).await?;
    for (api, version) in [(BoxApi::V1, "1.0.0"), (BoxApi::V2, "2.0.0")] {
        made.by(api)
            .released(version, &["virtualbox/arm64"], &bytes)
            .await?;
    }
    for api in BoxApi::ALL {
        let authenticate = context.get_box_api(api, "/authenticate");
        let name = authenticate.answer(200).await?;
        let named = name.json()?["user"]["username"].is_string();
        name.require(named, "the user's name")?;
        for version in ["1.0.0", "2.0.0"] {
            let by = made.by(api);
            let provider = by.provider_shown(version, "virtualbox/arm64").await?;
            provider.expect("/hosted", true)?;
            // Version 1 does not show what it takes.
            if api == BoxApi::V2 {
                provider.expect("/architecture", "arm64")?;
            }
        }
    }
    Ok(())
}

async fn success_ok(context: &Context<'_>) -> CheckResult {
    let made = context.box_named(context.name())?;
    context
        .create_box(&made.name, json!({}))?
        .answer(200)
        .await?;
    let version = json!({"version": {"version": VERSION}});
    let provider = json!({"provider": {"name": PROVIDER, "url": super::ELSEWHERE}});
    let providers = format!("/version/{VERSION}/providers");
    let release = format!("/version/{VERSION}/release");
    let (of_version, of_provider) = (format!("/version/{VERSION}"), provider_path(PROVIDER));
    for (method, within, fields) in [
        (Method::POST, "/versions", version),
        (Method::POST, &*providers, provider.clone()),
        (Method::GET, &of_provider, Value::Null),
        (Method::PUT, &of_provider, provider),
        (Method::PUT, &release, Value::Null),
        (Method::DELETE, &of_provider, Value::Null),
        (Method::DELETE, &of_version, Value::Null),
        (Method::DELETE, "", Value::Null),
    ] {
        let reply = made.write(method, within, fields)?.answer(200).await?;
        let no_errors = reply.json()?.get("errors").is_none();
        reply.require(no_errors, "no errors in a body of success")?;
    }
    made.get("").denied(404).await.map(drop)
}

async fn encodings(context: &Context<'_>) -> CheckResult {
    for encoding in [Encoding::BareJson, Encoding::Form, Encoding::CurlForm] {
        let made = context.box_named(context.name())?;
        let fields = json!({"is_private": false, "short_description": "a & b"});
        let create = context.create_box(&made.name, fields)?;
        create.encoded(encoding).succeed().await?;
        let shown = made.shown().await?;
        shown.expect("/private", false)?;
        shown.expect("/short_description", "a & b")?;
    }
    Ok(())
}

async fn flat_fields(context: &Context<'_>) -> CheckResult {
    let made = context.box_named(context.name())?;
    let fields = json!({"username": made.user, "name": made.name, "short_description": "flat"});
    context
        .write_box(made.api, Method::POST, "/boxes", &made.name, fields)?
        .succeed()
        .await?;
    made.shown().await?.expect("/short_description", "flat")?;
    made.put("", json!({"short_description": "flatter"}))
        .await?;
    made.shown().await?.expect("/short_description", "flatter")
}

async fn token_places(context: &Context<'_>) -> CheckResult {
    let made = context.make_box(true).await?;
    let token = context.token();
    for auth in [Auth::Header(token), Auth::Bearer(token), Auth::Query(token)] {
        made.get("").auth(auth).answer(200).await?;
    }
    for encoding in [Encoding::Json, Encoding::Form] {
        let described = format!("{encoding:?}");
        let fields = json!({"access_token": token, "box": {"short_description": described}});
        let put = made.write(Method::PUT, "", fields)?;
        put.encoded(encoding)
            .auth(Auth::Anonymous)
            .succeed()
            .await?;
        made.shown()
            .await?
            .expect("/short_description", described)?;
    }
    Ok(())
}

async fn composite_token(context: &Context<'_>) -> CheckResult {
    let token = context.token();
    let authenticate = |token: String| async move {
        let call = context.get_box_api(context.box_api()?, "/authenticate");
        // The call ends within this block, so the token need not outlive it.
        call.auth(Auth::Bearer(&token)).send().await
    };
    for composite in [
        format!("{token};{UNKNOWN}"),
        format!("{UNKNOWN};{token}"),
        format!(";{token}"),
    ] {
        authenticate(composite).await?.status_is(200)?;
    }
    let unknown = authenticate(format!("{UNKNOWN};{UNKNOWN}"));
    unknown.await?.denied(401)
}

async fn unknown_token(context: &Context<'_>) -> CheckResult {
    let made = context.make_box(false).await?;
    made.get("").auth(Auth::Anonymous).answer(200).await?;
    let read = made.get("").auth(Auth::Bearer(UNKNOWN));
    read.denied(401).await.map(drop)
}

async fn errors(context: &Context<'_>) -> CheckResult {
    let missing = context.box_named(context.name())?;
    for within in ["", "/version/1.0.0", "/version/1.0.0/provider/virtualbox"] {
        let reply = missing.get(within).denied(404).await?;
        reply.expect("/errors", json!(["Resource not found!"]))?;
        reply.expect("/success", false)?;
    }
    Ok(())
}

async fn missing_object(context: &Context<'_>) -> CheckResult {
    let made = context.make_box(true).await?;
    release_elsewhere(&made, VERSION).await?;
    let boxes = context.write_box(made.api, Method::POST, "/boxes", &made.name, json!({}))?;
    asks_for(boxes, "box").await?;
    let versions = made.write(Method::POST, "/versions", json!({}))?;
    asks_for(versions, "version").await?;
    let within = format!("/version/{VERSION}/providers");
    let providers = made.write(Method::POST, &within, json!({}))?;
    asks_for(providers, "provider").await
}

async fn asks_for(call: Call<'_>, object: &str) -> CheckResult {
    let reply = call.send().await?;
    reply.status_is(422)?;
    let message = format!("{object} parameter is required!");
    reply.expect("/errors", json!([message]))
}

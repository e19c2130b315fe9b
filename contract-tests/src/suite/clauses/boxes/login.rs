//! Clauses on logins and logouts as the clients for boxes send them.

use reqwest::Method;
use serde_json::{Value, json};

use crate::{
    failure::{CheckFailure, CheckResult},
    http::{Auth, exchange::Exchange},
    suite::{
        box_api::Boxes,
        clause::{
            Clause,
            Evidence::{Client, Docs, Inferred},
            requiring,
        },
        context::Context,
        required_setting::RequiredSetting::{Login, TwoFactor},
        vagrant_box::text,
    },
};

pub(super) const CLAUSES: &[Clause] = &[
    requiring(
        &[Login],
        "boxes.login",
        "POST authenticate with user, token and two_factor answers a token with its description",
        &[Client, Docs],
        |context| Box::pin(login(context)),
    )
    .of(Boxes::V1),
    requiring(
        &[Login],
        "boxes.logout",
        "DELETE authenticate answers 204, and its token counts no more",
        &[Client, Docs],
        |context| Box::pin(logout(context)),
    )
    .of(Boxes::V1),
    requiring(
        &[TwoFactor],
        "boxes.two-factor",
        "a login that needs a code is 406 without one, and says how codes are delivered",
        &[Client, Docs],
        |context| Box::pin(two_factor(context)),
    )
    .of(Boxes::V1),
    requiring(
        &[TwoFactor],
        "boxes.two-factor-wrong",
        "a login with a wrong code is 401",
        &[Inferred],
        |context| Box::pin(two_factor_wrong(context)),
    )
    .of(Boxes::V1),
    requiring(
        &[TwoFactor],
        "boxes.two-factor-request",
        "POST two-factor/request-code answers where the code goes, obfuscated",
        &[Client, Docs],
        |context| Box::pin(two_factor_request(context)),
    )
    .of(Boxes::V1),
];

async fn login(context: &Context<'_>) -> CheckResult {
    let user = user(context.facts().login.as_ref())?;
    for code in [json!({"code": null}), json!({})] {
        let reply = context.sign_in(&user, code).answer(200).await?;
        let token = text(&reply, "token")?;
        text(&reply, "token_hash")?;
        text(&reply, "created_at")?;
        reply.expect("/description", context.token_description())?;
        let owner = context.get("/authenticate").auth(Auth::Bearer(&token));
        owner.answer(200).await?;
    }
    Ok(())
}

async fn logout(context: &Context<'_>) -> CheckResult {
    let user = user(context.facts().login.as_ref())?;
    let reply = context.sign_in(&user, json!({})).answer(200).await?;
    let token = text(&reply, "token")?;
    let sign_out = context.sign_out().auth(Auth::Bearer(&token));
    sign_out.answer(204).await?;
    let owner = context.get("/authenticate").auth(Auth::Bearer(&token));
    owner.denied(401).await?;
    context.get("/authenticate").answer(200).await.map(drop)
}

async fn two_factor(context: &Context<'_>) -> CheckResult {
    let user = user(context.facts().two_factor.as_ref())?;
    for code in [json!({"code": null}), json!({})] {
        let reply = context.sign_in(&user, code).denied(406).await?;
        let told = reply.json()?["two_factor"].clone();
        let methods = told["delivery_methods"].as_array();
        let default = &told["default_delivery_method"];
        let holds = default.is_string() && methods.is_some_and(|it| it.contains(default));
        reply.require(
            holds,
            "a default_delivery_method among the delivery_methods",
        )?;
    }
    Ok(())
}

async fn two_factor_wrong(context: &Context<'_>) -> CheckResult {
    let user = user(context.facts().two_factor.as_ref())?;
    let wrong = json!({"code": "no-such-code"});
    context.sign_in(&user, wrong).denied(401).await.map(drop)
}

async fn two_factor_request(context: &Context<'_>) -> CheckResult {
    let user = user(context.facts().two_factor.as_ref())?;
    let fields = json!({"two_factor": {"delivery_method": "sms"}, "user": user});
    let request = context.sign_in_call(Method::POST, "/two-factor/request-code", fields);
    let reply: Exchange = request.answer(200).await?;
    let told = reply.json()?["two_factor"]["obfuscated_destination"].is_string();
    reply.require(told, "a text as obfuscated_destination")
}

fn user(login: Option<&(String, String)>) -> CheckResult<Value> {
    let (login, password) = login.ok_or_else(|| {
        CheckFailure::Inconclusive("the clause uses a login that it does not declare".to_owned())
    })?;
    Ok(json!({"login": login, "password": password}))
}

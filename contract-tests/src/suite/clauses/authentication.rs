//! Clauses on the base path of the API, the place of a token, and how a token is checked and issued.

use super::samples::archive;
use crate::{
    failure::{CheckResult, violation},
    http::Auth,
    suite::{
        artifact::Artifact,
        clause::{
            Clause,
            Evidence::{Client, Docs, Inferred},
            clause, requiring,
        },
        context::Context,
        required_setting::RequiredSetting::Login,
        snapshot::Order,
        vagrant_box::text,
    },
};

pub(super) const CLAUSES: &[Clause] = &[
    clause(
        "auth.base-path",
        "the API is under /api/v1, once: with the prefix doubled a resource is not found",
        &[Docs, Client],
        |context| Box::pin(base_path(context)),
    )
    .reading(&[]),
    clause(
        "auth.token-places",
        "a token counts in X-Atlas-Token, in access_token and as a bearer token, to read and to write",
        &[Docs, Client],
        |context| Box::pin(token_places(context)),
    ),
    clause(
        "auth.authenticate",
        "GET authenticate answers 200 and the user's name for a good token",
        &[Client],
        |context| Box::pin(authenticate(context)),
    )
    .reading(&[]),
    clause(
        "auth.authenticate-refuses",
        "GET authenticate answers 401 for a bad or missing token, wherever it stands",
        &[Client],
        |context| Box::pin(authenticate_refuses(context)),
    )
    .never()
    .reading(&[]),
    requiring(
        &[Login],
        "auth.login",
        "POST authenticate answers a login and password in form fields with a token of that user",
        &[Client],
        |context| Box::pin(login(context)),
    )
    .never(),
    requiring(
        &[Login],
        "auth.login-refuses",
        "POST authenticate answers a wrong password or login with 401",
        &[Client],
        |context| Box::pin(login_refuses(context)),
    )
    .never(),
    clause(
        "auth.token-check",
        "GET token answers 200 for a good token, 401 for a bad or missing one",
        &[Inferred],
        |context| Box::pin(token_check(context)),
    )
    .never()
    .reading(&[]),
];

/// A token that no server knows.
pub(super) const UNKNOWN: &str = "no-server-knows-this-token";

async fn base_path(context: &Context<'_>) -> CheckResult {
    context.get("/authenticate").answer(200).await?;
    context.get("/api/v1/authenticate").answer(404).await?;
    Ok(())
}

async fn token_places(context: &Context<'_>) -> CheckResult {
    let token = context.token();
    for auth in [Auth::Header(token), Auth::Query(token), Auth::Bearer(token)] {
        let artifact = context.artifact_named(context.name());
        context.get("/authenticate").auth(auth).answer(200).await?;
        context.create(&artifact.name)?.auth(auth).succeed().await?;
        artifact.get("").auth(auth).answer(200).await?;
        everything_in(&artifact, auth).await?;
    }
    Ok(())
}

async fn everything_in(artifact: &Artifact<'_>, auth: Auth<'_>) -> CheckResult {
    let fields = serde_json::json!({"id": "a", "file": false});
    artifact
        .post("archive", fields)?
        .auth(auth)
        .succeed()
        .await?;
    artifact.with_file("archive", &archive("a")).await?;
    let query = [("version", "1")];
    artifact
        .search("archive", &query)
        .auth(auth)
        .send()
        .await?
        .found(&[1])?;
    // A download follows redirects. A token in the query belongs to the first request alone.
    if matches!(auth, Auth::Query(_)) {
        let reply = artifact.get("/archive/2/file").auth(auth).send().await?;
        return reply.require(reply.status < 400, "the file, or a redirect to it");
    }
    artifact.file_as(auth, "archive", "2").await?.status_is(200)
}

async fn authenticate(context: &Context<'_>) -> CheckResult {
    let reply = context.get("/authenticate").answer(200).await?;
    context.snapshot("authenticate", Order::Any, &reply, "")
}

async fn authenticate_refuses(context: &Context<'_>) -> CheckResult {
    let unknown = [
        Auth::Header(UNKNOWN),
        Auth::Query(UNKNOWN),
        Auth::Bearer(UNKNOWN),
    ];
    for auth in unknown
        .into_iter()
        .chain([Auth::Anonymous, Auth::Header("")])
    {
        context.get("/authenticate").auth(auth).denied(401).await?;
    }
    Ok(())
}

async fn login(context: &Context<'_>) -> CheckResult {
    let (login, password) = credentials(context)?;
    let reply = context
        .log_in(login, password)
        .encoded(crate::http::encoding::Encoding::Form);
    let reply = reply.succeed().await?;
    // The clients for boxes read more than the token; `boxes.login` is about that.
    let token = text(&reply, "token")?;
    let owner = context
        .get("/authenticate")
        .auth(Auth::Header(&token))
        .answer(200)
        .await?;
    let username = owner.json()?["user"]["username"].clone();
    // A login may be a mail address, from which the user name does not follow.
    let is_theirs = username == login || login.contains('@');
    owner.never(!is_theirs, "the user who logged in")
}

async fn login_refuses(context: &Context<'_>) -> CheckResult {
    let (login, password) = credentials(context)?;
    let wrong = format!("{password}-not");
    for (login, password) in [
        (login, wrong.as_str()),
        (login, ""),
        (&context.name(), password),
    ] {
        let call = context
            .log_in(login, password)
            .encoded(crate::http::encoding::Encoding::Form);
        call.denied(401).await?;
    }
    Ok(())
}

async fn token_check(context: &Context<'_>) -> CheckResult {
    context.get("/token").answer(200).await?;
    context
        .get("/token")
        .auth(Auth::Header(UNKNOWN))
        .denied(401)
        .await?;
    context
        .get("/token")
        .auth(Auth::Anonymous)
        .denied(401)
        .await?;
    Ok(())
}

fn credentials<'a>(context: &Context<'a>) -> CheckResult<(&'a str, &'a str)> {
    let login = context.facts().login.as_ref();
    login
        .map(|(login, password)| (login.as_str(), password.as_str()))
        .ok_or_else(|| violation("a login", "none"))
}

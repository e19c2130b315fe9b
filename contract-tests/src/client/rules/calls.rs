//! These rules are about the calls before a version is made: their order, their paths, and the token.

use axum::http::Method;

use crate::{
    client::{
        fields::Fields,
        observation::{Call, Observation, is_api, is_box_api, require},
        rule::{Rule, each, post_processor, rule},
    },
    failure::CheckResult,
    self_test::proxy::{Request, Transaction},
    suite::clause::Evidence::{Client, Docs},
};

pub(super) const RULES: &[Rule] = &[
    post_processor(
        "client.authenticates-first",
        "before anything else it asks GET /authenticate whether the token is good",
        &[Client],
        authenticates_first,
    ),
    post_processor(
        "client.refusal-ends-it",
        "after a 401 it writes nothing",
        &[Client],
        refusal_ends_it,
    ),
    rule(
        "client.api-path-once",
        "every call of the API is under /api/v1, which stands in the path once",
        &[Docs, Client],
        api_path_once,
    ),
    rule(
        "client.token-sent",
        "every call of a push has the token in X-Atlas-Token, as a bearer, or as access_token",
        &[Docs, Client],
        token_sent,
    ),
    post_processor(
        "client.artifact-looked-up",
        "it asks for the artifact before it makes a version of it",
        &[Client],
        artifact_looked_up,
    ),
    post_processor(
        "client.artifact-made-on-404",
        "it makes the artifact only when asking for it was answered with 404",
        &[Client],
        artifact_made_on_404,
    ),
];

fn authenticates_first(observed: &Observation) -> Option<CheckResult> {
    each(observed.transactions.first(), |first| {
        let request = &first.request;
        let asks = Call::of(request) == Some(Call::Authenticate) && observed.has_token(request);
        let expected = "GET /api/v1/authenticate, with the token, at first";
        require(asks, expected, "something else", request)
    })
}

fn refusal_ends_it(observed: &Observation) -> Option<CheckResult> {
    let mut transactions = observed.in_order();
    let refusal = transactions.find(|(_, transaction, _)| is_answered(transaction, 401));
    each(refusal, |(.., later)| {
        later.iter().try_for_each(|transaction| {
            let request = &transaction.request;
            let reads = request.method == Method::GET || request.method == Method::HEAD;
            require(reads, "no write after a 401", "a write", request)
        })
    })
}

fn api_path_once(observed: &Observation) -> Option<CheckResult> {
    let uploads = observed.upload_paths();
    let is_call = |transaction: &&Transaction| {
        let request = &transaction.request;
        let is_upload = uploads.iter().any(|path| path == request.path());
        if is_box_api(request.path()) {
            return false;
        }
        is_api(request.path()) || request.method != Method::PUT && !is_upload
    };
    each(
        observed.transactions.iter().filter(is_call),
        |transaction| {
            let request = &transaction.request;
            let rest = request.path().strip_prefix("/api/v1/");
            let once = rest.is_some_and(|rest| !rest.starts_with("api/v1"));
            require(once, "/api/v1 once", request.path(), request)
        },
    )
}

fn token_sent(observed: &Observation) -> Option<CheckResult> {
    let transactions = observed.transactions.iter();
    let calls = transactions.filter(|transaction| Call::of(&transaction.request).is_some());
    each(calls, |transaction| {
        let request = &transaction.request;
        require(
            observed.has_token(request),
            "the token that was given",
            "another one, or none",
            request,
        )
    })
}

fn artifact_looked_up(observed: &Observation) -> Option<CheckResult> {
    let is_version =
        |transaction: &Transaction| Call::of(&transaction.request) == Some(Call::CreateVersion);
    let transactions = observed.in_order();
    let versions = transactions.filter(|(_, transaction, _)| is_version(transaction));
    each(versions, |(before, transaction, _)| {
        let request = &transaction.request;
        // /api/v1/artifacts/U/N/TYPE
        let (artifact, _) = request.path().rsplit_once('/').unwrap_or_default();
        let holds = before.iter().any(|it| is_show(it, artifact));
        require(holds, "GET of the artifact before", "none", request)
    })
}

fn artifact_made_on_404(observed: &Observation) -> Option<CheckResult> {
    let is_creation =
        |transaction: &Transaction| Call::of(&transaction.request) == Some(Call::CreateArtifact);
    let transactions = observed.in_order();
    let creations = transactions.filter(|(_, transaction, _)| is_creation(transaction));
    each(creations, |(before, transaction, _)| {
        let request = &transaction.request;
        let artifact = named_artifact(request).unwrap_or_default();
        let is_missing = |it: &Transaction| is_show(it, &artifact) && is_answered(it, 404);
        let holds = before.iter().any(is_missing);
        require(
            holds,
            "GET of the artifact, and 404, before",
            "none",
            request,
        )
    })
}

/// Returns the path of the artifact that a body names.
fn named_artifact(request: &Request) -> Option<String> {
    let fields = Fields::of(request)?.value;
    let name = |key| fields.get("artifact")?.get(key)?.as_str();
    Some(format!(
        "/api/v1/artifacts/{}/{}",
        name("username")?,
        name("name")?
    ))
}

fn is_show(transaction: &Transaction, path: &str) -> bool {
    Call::of(&transaction.request) == Some(Call::ShowArtifact) && transaction.request.path() == path
}

fn is_answered(transaction: &Transaction, status: u16) -> bool {
    transaction
        .delivered()
        .is_some_and(|reply| reply.status == status)
}

//! Clauses on the uploads of boxes: through the server, or directly to its store.

use reqwest::Url;
use serde_json::Value;

use super::{PROVIDER, VERSION, providers::is_file};
use crate::{
    failure::{CheckFailure, CheckResult},
    http::{Auth, request::Sending},
    suite::{
        box_api::Boxes,
        clause::{
            Clause,
            Evidence::{Client, Docs, Inferred},
            clause,
        },
        clauses::samples::{box_file, large_box_file},
        context::Context,
        vagrant_box::{VagrantBox, text},
    },
};

pub(super) const CLAUSES: &[Clause] = &[
    clause(
        "boxes.upload",
        "GET upload answers an absolute upload_path and a token, and the bytes PUT there are the file",
        &[Docs, Client],
        |context| Box::pin(upload(context)),
    )
    .of(Boxes::Any),
    clause(
        "boxes.upload-chunked",
        "the bytes of a box may come in chunks, without a length",
        &[Client],
        |context| Box::pin(sent(context, Sending::Chunked, false)),
    )
    .of(Boxes::Any),
    clause(
        "boxes.upload-continue",
        "the bytes of a box may be announced by Expect: 100-continue",
        &[Client],
        |context| Box::pin(sent(context, Sending::Sized, false)),
    )
    .of(Boxes::Any),
    clause(
        "boxes.upload-typed",
        "the bytes of a box may come with a bearer token and a JSON Content-Type",
        &[Client],
        |context| Box::pin(sent(context, Sending::Sized, true)),
    )
    .of(Boxes::Any),
    clause(
        "boxes.upload-direct",
        "GET upload/direct answers upload_path and callback, and the callback ends the upload",
        &[Client],
        |context| Box::pin(upload_direct(context)),
    )
    .of(Boxes::Any),
    clause(
        "boxes.callback-address",
        "the callback is an absolute address below the same API, without a query",
        &[Client],
        |context| Box::pin(callback_address(context)),
    )
    .of(Boxes::Any),
    clause(
        "boxes.callback-awaited",
        "bytes that were uploaded directly are not seen before the callback",
        &[Inferred],
        |context| Box::pin(callback_awaited(context)),
    )
    .of(Boxes::Any),
    clause(
        "boxes.callback-empty",
        "a callback without bytes is refused",
        &[Inferred],
        |context| Box::pin(callback_empty(context)),
    )
    .of(Boxes::Any),
    clause(
        "boxes.half-hidden",
        "a box of which only half the bytes arrived is not handed out",
        &[Inferred],
        |context| Box::pin(half_hidden(context)),
    )
    .of(Boxes::Any)
    .never(),
];

/// Makes a private box with a provider that has no bytes.
async fn empty_provider<'a>(context: &'a Context<'_>) -> CheckResult<VagrantBox<'a>> {
    let made = context.make_box(true).await?;
    made.version(VERSION).await?;
    let fields = serde_json::json!({"name": PROVIDER});
    made.provider(VERSION, fields).await?;
    Ok(made)
}

/// Requires that the provider has these bytes.
async fn has(context: &Context<'_>, made: &VagrantBox<'_>, bytes: &[u8]) -> CheckResult {
    let shown = made.provider_shown(VERSION, PROVIDER).await?;
    shown.expect("/hosted", true)?;
    let file = made
        .file(Auth::Header(context.token()), VERSION, PROVIDER)
        .await?;
    is_file(&file, bytes)
}

async fn upload(context: &Context<'_>) -> CheckResult {
    let made = empty_provider(context).await?;
    let within = super::provider_path(PROVIDER);
    let reply = made.get(&format!("{within}/upload")).answer(200).await?;
    let (path, _) = (text(&reply, "upload_path")?, text(&reply, "token")?);
    let absolute = Url::parse(&path).is_ok_and(|url| url.has_host());
    reply.require(absolute, "an absolute upload_path")?;
    let bytes = box_file("uploaded");
    let put = context.http().put(&path, &bytes, Sending::Sized).await?;
    put.status_is(200)?;
    has(context, &made, &bytes).await
}

/// Sends the bytes in one of the ways of the clients: with the headers of Packer, or with that of curl.
async fn sent(context: &Context<'_>, sending: Sending, as_packer: bool) -> CheckResult {
    let made = empty_provider(context).await?;
    let path = made.upload_path(VERSION, PROVIDER).await?;
    let bytes = large_box_file("sent");
    let bearer = format!("Bearer {}", context.token());
    let packer = [
        ("Authorization", bearer.as_str()),
        ("Content-Type", "application/json"),
    ];
    let curl = [("Expect", "100-continue")];
    let headers = match (as_packer, sending) {
        (true, _) => &packer[..],
        (false, Sending::Sized) => &curl[..],
        (false, _) => &[],
    };
    let put = context.http().put_with(&path, &bytes, sending, headers);
    put.await?.status_is(200)?;
    has(context, &made, &bytes).await
}

async fn upload_direct(context: &Context<'_>) -> CheckResult {
    let made = empty_provider(context).await?;
    let direct = made.direct_upload(VERSION, PROVIDER).await?;
    let bytes = box_file("direct");
    let put = context
        .http()
        .put(&direct.upload_path, &bytes, Sending::Sized);
    put.await?.status_is(200)?;
    made.call_back(&direct).await?.status_is(200)?;
    has(context, &made, &bytes).await
}

async fn callback_address(context: &Context<'_>) -> CheckResult {
    let made = empty_provider(context).await?;
    let direct = made.direct_upload(VERSION, PROVIDER).await?;
    let path = context.path_of(&direct.callback);
    let below = path.is_ok_and(|path| path.starts_with(&format!("{}/", made.api)));
    let expected = format!("a callback below {}, without a query", made.api);
    direct.reply.require(below, expected)
}

async fn callback_awaited(context: &Context<'_>) -> CheckResult {
    let made = empty_provider(context).await?;
    let direct = made.direct_upload(VERSION, PROVIDER).await?;
    let bytes = box_file("awaited");
    let put = context
        .http()
        .put(&direct.upload_path, &bytes, Sending::Sized);
    put.await?.success()?;
    let file = made
        .file(Auth::Header(context.token()), VERSION, PROVIDER)
        .await?;
    file.denied(404)?;
    made.call_back(&direct).await?.success()?;
    has(context, &made, &bytes).await
}

async fn callback_empty(context: &Context<'_>) -> CheckResult {
    let made = empty_provider(context).await?;
    let direct = made.direct_upload(VERSION, PROVIDER).await?;
    let early = made.call_back(&direct).await?;
    early.refused()?;
    let shown = made.provider_shown(VERSION, PROVIDER).await?;
    shown.expect("/hosted", false)
}

async fn half_hidden(context: &Context<'_>) -> CheckResult {
    let made = empty_provider(context).await?;
    let path = made.upload_path(VERSION, PROVIDER).await?;
    let bytes = large_box_file("half");
    match context
        .http()
        .put(&path, &bytes, Sending::Interrupted)
        .await
    {
        // The connection breaks on purpose.
        Err(CheckFailure::Inconclusive(_)) => {}
        Err(failure) => return Err(failure),
        Ok(reply) => reply.never(reply.succeeded(), "no success for half a file")?,
    }
    let file = made
        .file(Auth::Header(context.token()), VERSION, PROVIDER)
        .await?;
    file.denied(404)?;
    let shown = made.provider_shown(VERSION, PROVIDER).await?;
    let hosted = shown.json()?["hosted"] == Value::Bool(true);
    shown.never(hosted, "no hosted file")
}

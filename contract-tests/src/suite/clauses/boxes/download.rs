//! Clauses on the files of boxes: where they are, and how a download is resumed.

use super::{PROVIDER, VERSION, providers::is_file};
use crate::{
    failure::CheckResult,
    http::{Auth, MAX_REPLY_BYTES, exchange::Exchange},
    suite::{
        box_api::{BoxApi, Boxes},
        clause::{
            Clause,
            Evidence::{Client, Docs, Thread},
            clause,
        },
        clauses::samples::box_file,
        context::Context,
        fixtures::KnownFile,
        precondition::Precondition,
        sample_box::SampleBox,
        vagrant_box::VagrantBox,
    },
};

pub(super) const CLAUSES: &[Clause] = &[
    clause(
        "boxes.download",
        "the file of a provider is at P.box and, with its architecture, at P/A/vagrant.box",
        &[Docs, Client, Thread],
        |context| Box::pin(download(context)),
    )
    .of(Boxes::Any)
    .reading(&[Precondition::BoxFile]),
    clause(
        "boxes.download-range",
        "a Range gets the rest of a box with 206 and a Content-Range",
        &[Client],
        |context| Box::pin(range(context)),
    )
    .of(Boxes::Any)
    .reading(&[Precondition::BoxFile]),
    clause(
        "boxes.download-range-at-end",
        "a Range that begins at the end gets the whole box with 200, or 416 without Content-Range",
        &[Client],
        |context| Box::pin(range_at_end(context)),
    )
    .of(Boxes::Any)
    .reading(&[Precondition::BoxFile]),
    clause(
        "boxes.download-immutable",
        "the bytes behind an address that box add reads never change",
        &[Client],
        |context| Box::pin(immutable(context)),
    )
    .of(Boxes::Any),
    clause(
        "boxes.download-private",
        "the file of a private box needs the token, as a bearer or as access_token",
        &[Docs, Client],
        |context| Box::pin(private(context)),
    )
    .of(Boxes::Any)
    .never(),
];

async fn download(context: &Context<'_>) -> CheckResult {
    let (given, file) = file(context).await?;
    let token = Auth::Header(context.token());
    let whole = |reply: &Exchange| {
        reply.status_is(200)?;
        reply.require(reply.body.len() as u64 == file.size, "the whole file")
    };
    match &given.architecture {
        Some(architecture) => {
            let provider = format!("{}/{architecture}", given.provider);
            let reply = given.file(context, token, &provider, &[]).await?;
            whole(&reply)?;
            reply.is_file(&file)
        }
        None => {
            let reply = given.file(context, token, &given.provider, &[]).await?;
            reply.is_file(&file)?;
            if given.of.api == BoxApi::V2 && !context.is_read_only() {
                let provider = format!("{}/unknown", given.provider);
                let reply = given.file(context, token, &provider, &[]).await?;
                reply.is_file(&file)?;
            }
            Ok(())
        }
    }
}

async fn range(context: &Context<'_>) -> CheckResult {
    let (given, known) = file(context).await?;
    let reply = from(context, &given, 5).await?;
    reply.status_is(206)?;
    let size = known.size;
    let expected = format!("bytes 5-{}/{size}", size - 1);
    let holds = reply.header("Content-Range") == expected;
    reply.require(holds, format!("Content-Range: {expected}"))?;
    let (token, entry) = (Auth::Header(context.token()), given.entry());
    let whole = given.file(context, token, &entry, &[]).await?;
    whole.is_file(&known)?;
    let rest = whole.body.get(5..).unwrap_or_default();
    reply.require(reply.body == rest, "the bytes from the fifth on")
}

async fn range_at_end(context: &Context<'_>) -> CheckResult {
    let (given, known) = file(context).await?;
    let reply = from(context, &given, known.size).await?;
    if reply.status == 416 {
        let plain = reply.header("Content-Range").is_empty();
        return reply.require(plain, "no Content-Range with a 416");
    }
    reply.is_file(&known)
}

/// Downloads a box from a byte on, as a client resumes.
async fn from(context: &Context<'_>, given: &SampleBox<'_>, first: u64) -> CheckResult<Exchange> {
    let range = format!("bytes={first}-");
    let token = Auth::Header(context.token());
    let headers = [("Range", range.as_str())];
    let entry = given.entry();
    given.file(context, token, &entry, &headers).await
}

/// Returns a released box with a file: a fixture, or else a new one.
async fn file<'a>(context: &'a Context<'_>) -> CheckResult<(SampleBox<'a>, KnownFile)> {
    let bytes = box_file("file");
    let given = context.sample_box(Precondition::BoxFile, VERSION, PROVIDER, &bytes);
    let given = given.await?;
    let known = given.known_file()?;
    Ok((given, known))
}

async fn immutable(context: &Context<'_>) -> CheckResult {
    let made = context.make_box(false).await?;
    let (old, new) = (box_file("old"), box_file("new"));
    made.released(VERSION, &[PROVIDER], &old).await?;
    let before = address(context, &made).await?;
    made.upload(VERSION, PROVIDER, &new).await?;
    let after = address(context, &made).await?;
    let fetch = |address: String| async move {
        let http = context.http();
        http.fetch(&address, Auth::Anonymous, &[], MAX_REPLY_BYTES)
            .await
    };
    let stale = fetch(before).await?;
    stale.require(stale.body != new, "other bytes only at another address")?;
    is_file(&fetch(after).await?, &new)
}

/// Returns the address of the first provider's file in the document that `box add` reads.
async fn address(context: &Context<'_>, made: &VagrantBox<'_>) -> CheckResult<String> {
    let document = super::add::document(context, made).await?;
    let url = document.json()?["versions"][0]["providers"][0]["url"].clone();
    let url = url.as_str().map(str::to_owned);
    url.ok_or_else(|| document.violation("a url of the provider"))
}

async fn private(context: &Context<'_>) -> CheckResult {
    let made = context.make_box(true).await?;
    let bytes = box_file("private");
    made.released(VERSION, &[PROVIDER], &bytes).await?;
    let shown = made.provider_shown(VERSION, PROVIDER).await?.json()?;
    let mut addresses = vec![made.file_address(VERSION, PROVIDER)];
    addresses.extend(shown["download_url"].as_str().map(str::to_owned));
    let token = context.token();
    for address in addresses {
        let fetch = async |auth: Auth<'_>| {
            let http = context.http();
            http.fetch(&address, auth, &[], MAX_REPLY_BYTES).await
        };
        let anonymous = fetch(Auth::Anonymous).await?;
        anonymous.denied(404)?;
        for auth in [Auth::Bearer(token), Auth::Query(token)] {
            is_file(&fetch(auth).await?, &bytes)?;
        }
    }
    Ok(())
}

//! Clauses on what `box add` asks for: the paths, the methods, the headers and the token.

use reqwest::Method;

use super::{PROVIDER, VERSION, texts};
use crate::{
    failure::CheckResult,
    http::{Auth, exchange::Exchange},
    suite::{
        box_api::{BoxApi, Boxes},
        clause::{
            Clause,
            Evidence::{Client, Docs, Thread},
            clause,
        },
        clauses::{authentication::UNKNOWN, samples::box_file},
        context::Context,
        precondition::Precondition,
        vagrant_box::VagrantBox,
    },
};

pub(super) const CLAUSES: &[Clause] = &[
    clause(
        "boxes-add.head",
        "HEAD of both addresses of a box answers application/json, and GET the document",
        &[Client],
        |context| Box::pin(head(context)),
    )
    .of(Boxes::V2)
    .reading(&[Precondition::PublicBox]),
    clause(
        "boxes-add.double-slash",
        "a doubled slash before the path makes no difference",
        &[Client],
        |context| Box::pin(double_slash(context)),
    )
    .of(Boxes::V2)
    .reading(&[Precondition::PublicBox]),
    clause(
        "boxes-add.private",
        "the document of a private box is 404 without the token, given as a bearer or access_token",
        &[Client, Docs],
        |context| Box::pin(private(context)),
    )
    .of(Boxes::Any)
    .never()
    .reading(&[Precondition::PrivateBox]),
    clause(
        "boxes-add.bad-token",
        "an unknown token hides neither the document of a public box nor its file",
        &[Thread],
        |context| Box::pin(bad_token(context)),
    )
    .of(Boxes::Any),
];

/// Returns the path of the document that `box add` reads: that of version 2 where the server has it, else `/U/N`.
pub(super) fn path(of: &VagrantBox<'_>) -> String {
    match of.api {
        BoxApi::V1 => root_path(of),
        BoxApi::V2 => format!("/api/v2/vagrant/{}", of.tag()),
    }
}

/// Returns the path of the document for Vagrant before 2.4.
pub(super) fn root_path(of: &VagrantBox<'_>) -> String {
    format!("/{}", of.tag())
}

/// Returns the document that `box add` reads, with the main token.
pub(super) async fn document(context: &Context<'_>, of: &VagrantBox<'_>) -> CheckResult<Exchange> {
    let read = context.read_root(Method::GET, path(of));
    let token = Auth::Bearer(context.token());
    read.auth(token).answer(200).await
}

/// Returns a public box: a fixture, or else a new one.
async fn public<'a>(context: &'a Context<'_>) -> CheckResult<VagrantBox<'a>> {
    if let Some(given) = context.box_fixture(Precondition::PublicBox)? {
        return Ok(given.of);
    }
    let made = context.make_box(false).await?;
    made.released(VERSION, &[PROVIDER], &box_file("public"))
        .await?;
    Ok(made)
}

async fn head(context: &Context<'_>) -> CheckResult {
    let public = public(context).await?;
    for path in [path(&public), root_path(&public)] {
        let read = |method: Method| {
            let read = context.read_root(method, path.clone());
            read.auth(Auth::Anonymous).answer(200)
        };
        let (head, get) = (read(Method::HEAD).await?, read(Method::GET).await?);
        head.require(head.body.is_empty(), "no body")?;
        for reply in [&head, &get] {
            let json = reply.header("Content-Type").contains("application/json");
            reply.require(json, "Content-Type: application/json")?;
        }
        get.expect("/name", public.tag())?;
    }
    Ok(())
}

async fn double_slash(context: &Context<'_>) -> CheckResult {
    let public = public(context).await?;
    for path in [path(&public), root_path(&public)] {
        for method in [Method::HEAD, Method::GET] {
            let read = context.read_root(method, format!("/{path}"));
            let reply = read.auth(Auth::Anonymous).answer(200).await?;
            let json = reply.header("Content-Type").contains("application/json");
            reply.require(json, "Content-Type: application/json")?;
        }
    }
    Ok(())
}

async fn private(context: &Context<'_>) -> CheckResult {
    let private = match context.box_fixture(Precondition::PrivateBox)? {
        Some(given) => given.of,
        None => {
            let made = context.make_box(true).await?;
            made.released(VERSION, &[PROVIDER], &box_file("private"))
                .await?;
            made
        }
    };
    let token = context.token();
    for path in [path(&private), root_path(&private)] {
        for method in [Method::HEAD, Method::GET] {
            let read = |auth| context.read_root(method.clone(), path.clone()).auth(auth);
            read(Auth::Anonymous).denied(404).await?;
            for auth in [Auth::Bearer(token), Auth::Query(token)] {
                read(auth).answer(200).await?;
            }
        }
    }
    Ok(())
}

async fn bad_token(context: &Context<'_>) -> CheckResult {
    let made = context.make_box(false).await?;
    let bytes = box_file("bad token");
    made.released(VERSION, &[PROVIDER], &bytes).await?;
    for auth in [Auth::Bearer(UNKNOWN), Auth::Query(UNKNOWN)] {
        for path in [path(&made), root_path(&made)] {
            let document = context.read_root(Method::GET, path).auth(auth);
            let document = document.answer(200).await?;
            let versions = texts(&document.json()?["versions"], "version");
            document.require(versions == [VERSION], "the version of the box")?;
        }
        let file = made.file(auth, VERSION, PROVIDER).await?;
        super::providers::is_file(&file, &bytes)?;
    }
    Ok(())
}

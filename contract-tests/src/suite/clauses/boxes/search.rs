//! Clauses on searching boxes, and on the boxes of a user.

use serde_json::{Value, json};

use super::{ELSEWHERE, PROVIDER, VERSION, objects::has_fields, release_elsewhere, texts};
use crate::{
    failure::CheckResult,
    http::{Auth, exchange::Exchange},
    suite::{
        box_api::Boxes,
        clause::{
            Clause,
            Evidence::{Client, Docs},
            clause,
        },
        clauses::samples::box_file,
        context::Context,
        precondition::Precondition,
        vagrant_box::VagrantBox,
    },
};

pub(super) const CLAUSES: &[Clause] = &[
    clause(
        "boxes.search",
        "a search answers boxes alone, without their versions",
        &[Docs, Client],
        |context| Box::pin(search(context)),
    )
    .of(Boxes::Any)
    .reading(&[Precondition::PublicBox]),
    clause(
        "boxes.search-active",
        "a search finds only boxes that have a current version",
        &[Client],
        |context| Box::pin(search_active(context)),
    )
    .of(Boxes::Any),
    clause(
        "boxes.search-terms",
        "q matches the user's name, the box's name and the short description",
        &[Docs],
        |context| Box::pin(search_terms(context)),
    )
    .of(Boxes::Any),
    clause(
        "boxes.search-filters",
        "provider and architecture choose among the boxes",
        &[Docs],
        |context| Box::pin(search_filters(context)),
    )
    .of(Boxes::V2),
    clause(
        "boxes.search-pages",
        "limit and page cut the list of boxes",
        &[Docs],
        |context| Box::pin(search_pages(context)),
    )
    .of(Boxes::Any),
    clause(
        "boxes.search-order",
        "sort and order sort the list: by downloads, the most first, unless told",
        &[Docs],
        |context| Box::pin(search_order(context)),
    )
    .of(Boxes::Any),
    clause(
        "boxes.user",
        "GET of a user answers the name, the profile and the boxes, without their versions",
        &[Docs, Client],
        |context| Box::pin(user(context)),
    )
    .of(Boxes::Any)
    .reading(&[Precondition::Box]),
    clause(
        "boxes.user-lists-all",
        "the boxes of a user are all that the caller may see, on one page",
        &[Client],
        |context| Box::pin(user_lists_all(context)),
    )
    .of(Boxes::Any),
];

const USER_FIELDS: [&str; 5] = [
    "username",
    "avatar_url",
    "profile_html",
    "profile_markdown",
    "boxes",
];

/// Searches boxes.
async fn found(
    context: &Context<'_>,
    query: &[(&str, &str)],
) -> CheckResult<(Exchange, Vec<String>)> {
    let call = context.get_box_api(context.box_api()?, "/search");
    let reply = call.query(query).answer(200).await?;
    let body = reply.json()?;
    let boxes = &body["boxes"];
    reply.require(boxes.is_array(), r#"{"boxes": […]}"#)?;
    Ok((reply, texts(boxes, "tag")))
}

/// Requires that a search finds exactly these boxes, in this order.
async fn finds(
    context: &Context<'_>,
    query: &[(&str, &str)],
    expected: &[&VagrantBox<'_>],
) -> CheckResult {
    let expected: Vec<_> = expected.iter().map(|it| it.tag()).collect();
    let (reply, tags) = found(context, query).await?;
    reply.require(tags == expected, format!("the boxes {expected:?}"))
}

/// Makes a public box with an active version whose bytes are elsewhere.
async fn active<'a>(context: &'a Context<'_>) -> CheckResult<VagrantBox<'a>> {
    let made = context.make_box(false).await?;
    release_elsewhere(&made, VERSION).await?;
    Ok(made)
}

async fn search(context: &Context<'_>) -> CheckResult {
    let some = match context.box_fixture(Precondition::PublicBox)? {
        Some(given) => given.of,
        None => active(context).await?,
    };
    let query = [("q", some.name.as_str()), ("limit", "100")];
    let (reply, tags) = found(context, &query).await?;
    reply.require(
        tags.contains(&some.tag()),
        format!("{} among the boxes", some.tag()),
    )?;
    let body = reply.json()?;
    let alone = body.as_object().is_some_and(|it| it.len() == 1);
    reply.require(alone, "no other key than boxes")?;
    let mut boxes = body["boxes"].as_array().into_iter().flatten();
    let plain = boxes.all(|it| it.get("versions").is_none() && it["current_version"].is_object());
    reply.require(plain, "boxes with a current_version, and without versions")
}

async fn search_active(context: &Context<'_>) -> CheckResult {
    let (released, made) = (active(context).await?, context.make_box(false).await?);
    made.version(VERSION).await?;
    made.provider(VERSION, json!({"name": PROVIDER, "url": ELSEWHERE}))
        .await?;
    finds(context, &[("q", &made.name)], &[]).await?;
    let release = format!("/version/{VERSION}/release");
    made.put(&release, Value::Null).await?;
    finds(context, &[("q", &made.name)], &[&made]).await?;
    let revoke = format!("/version/{VERSION}/revoke");
    released.put(&revoke, Value::Null).await?;
    let (reply, tags) = found(context, &[("q", &released.name), ("limit", "100")]).await?;
    let hidden = !tags.contains(&released.tag());
    reply.require(
        hidden,
        format!("no {}, whose version is revoked", released.tag()),
    )
}

async fn search_terms(context: &Context<'_>) -> CheckResult {
    let made = active(context).await?;
    let word = format!("word-of-{}", made.name);
    let fields = json!({"box": {"short_description": format!("A {word} here")}});
    made.put("", fields).await?;
    for q in [
        made.name.as_str(),
        &made.name.replace("boxes", "BOXES"),
        &word,
    ] {
        finds(context, &[("q", q)], &[&made]).await?;
    }
    // Many boxes may have the user's name, so the newest are asked for.
    let newest = [
        ("q", made.user.as_str()),
        ("sort", "created"),
        ("limit", "100"),
    ];
    let (reply, tags) = found(context, &newest).await?;
    let holds = tags.contains(&made.tag());
    reply.require(holds, format!("{} among the boxes of its user", made.tag()))?;
    finds(context, &[("q", &format!("no-such-{word}"))], &[]).await
}

async fn search_filters(context: &Context<'_>) -> CheckResult {
    let made = context.make_box(false).await?;
    made.version(VERSION).await?;
    let fields = json!({"name": PROVIDER, "url": ELSEWHERE, "architecture": "arm64"});
    made.provider(VERSION, fields).await?;
    let release = format!("/version/{VERSION}/release");
    made.put(&release, Value::Null).await?;
    let q = ("q", made.name.as_str());
    for (key, value, hit) in [
        ("provider", PROVIDER, true),
        ("provider", "docker", false),
        ("architecture", "arm64", true),
        ("architecture", "amd64", false),
    ] {
        let expected: &[_] = if hit { &[&made] } else { &[] };
        finds(context, &[q, (key, value)], expected).await?;
    }
    Ok(())
}

/// Makes three public boxes with a word that no other box has, the oldest first.
async fn three<'a>(context: &'a Context<'_>) -> CheckResult<(String, [VagrantBox<'a>; 3])> {
    let word = format!("three-{}", context.name());
    let mut boxes = Vec::new();
    for _ in 0..3 {
        let made = active(context).await?;
        let fields = json!({"box": {"short_description": word}});
        made.put("", fields).await?;
        boxes.push(made);
    }
    let three = <[VagrantBox<'_>; 3]>::try_from(boxes);
    let three = three.map_err(|_| crate::failure::violation("three boxes", "others"))?;
    Ok((word, three))
}

async fn search_pages(context: &Context<'_>) -> CheckResult {
    let (word, [first, second, third]) = three(context).await?;
    let page = |limit: &'static str, page: &'static str| {
        let query = [
            ("sort", "created"),
            ("order", "asc"),
            ("limit", limit),
            ("page", page),
        ];
        [&query[..], &[("q", word.as_str())]].concat()
    };
    finds(context, &page("2", "1"), &[&first, &second]).await?;
    finds(context, &page("2", "2"), &[&third]).await?;
    finds(context, &page("2", "3"), &[]).await?;
    finds(context, &page("1", "2"), &[&second]).await
}

async fn search_order(context: &Context<'_>) -> CheckResult {
    let (word, [first, second, third]) = three(context).await?;
    let q = ("q", word.as_str());
    let ascending = [q, ("sort", "created"), ("order", "asc")];
    finds(context, &ascending, &[&first, &second, &third]).await?;
    finds(
        context,
        &[q, ("sort", "created")],
        &[&third, &second, &first],
    )
    .await?;
    // A download, which only bytes on the server count for, makes the second one the most wanted.
    made_wanted(&second).await?;
    let (reply, tags) = found(context, &[q]).await?;
    reply.require(
        tags.first() == Some(&second.tag()),
        format!("{} at first", second.tag()),
    )
}

async fn made_wanted(made: &VagrantBox<'_>) -> CheckResult {
    made.released("2.0.0", &[PROVIDER], &box_file("wanted"))
        .await?;
    for _ in 0..2 {
        let file = made.file(Auth::Anonymous, "2.0.0", PROVIDER).await?;
        file.status_is(200)?;
    }
    Ok(())
}

async fn user(context: &Context<'_>) -> CheckResult {
    let some = match context.box_fixture(Precondition::Box)? {
        Some(given) => given.of,
        None => context.make_box(true).await?,
    };
    let reply = context.get_box_api(some.api, format!("/user/{}", some.user));
    let reply = reply.answer(200).await?;
    has_fields(&reply, &USER_FIELDS)?;
    reply.expect("/username", some.user.as_str())?;
    let body = reply.json()?;
    let boxes = body["boxes"].as_array().cloned().unwrap_or_default();
    reply.require(!boxes.is_empty(), "a list of boxes")?;
    let plain = boxes
        .iter()
        .all(|it| it.get("versions").is_none() && it["tag"].is_string());
    reply.require(plain, "boxes without versions")
}

async fn user_lists_all(context: &Context<'_>) -> CheckResult {
    let mut made = vec![active(context).await?];
    // More boxes than a page of a search has.
    for _ in 0..11 {
        made.push(context.make_box(true).await?);
    }
    let user = &context.facts().namespace;
    let reply = context.get_box_api(context.box_api()?, format!("/user/{user}"));
    let reply = reply.answer(200).await?;
    let tags = texts(&reply.json()?["boxes"], "tag");
    let missing: Vec<_> = made
        .iter()
        .map(VagrantBox::tag)
        .filter(|it| !tags.contains(it))
        .collect();
    reply.require(missing.is_empty(), format!("the boxes {missing:?}, too"))
}

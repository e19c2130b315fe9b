//! Clauses on the objects of HCP's registry API: boxes, versions, providers and architectures.

use reqwest::Method;
use serde_json::{Value, json};

use super::{ELSEWHERE, VERSION, hcp::CLIENT, texts};
use crate::{
    failure::CheckResult,
    http::exchange::Exchange,
    suite::{
        clause::{
            Clause,
            Evidence::{Client, Thread},
            requiring,
        },
        context::Context,
        hcp_registry::{HcpRegistry, architecture_path},
    },
};

pub(super) const CLAUSES: &[Clause] = &[
    requiring(
        CLIENT,
        "boxes-hcp.box-create",
        "POST boxes answers the box, and an operation with its location",
        &[Client],
        |context| Box::pin(box_create(context)),
    ),
    requiring(
        CLIENT,
        "boxes-hcp.operation",
        "the wait for an operation answers that it is DONE",
        &[Client],
        |context| Box::pin(operation(context)),
    ),
    requiring(
        CLIENT,
        "boxes-hcp.zero-times",
        "zero times and nulls in a body say nothing",
        &[Client],
        |context| Box::pin(zero_times(context)),
    ),
    requiring(
        CLIENT,
        "boxes-hcp.version",
        "a version is made UNRELEASED, and answered below version",
        &[Client],
        |context| Box::pin(version(context)),
    ),
    requiring(
        CLIENT,
        "boxes-hcp.architecture",
        "a provider and an architecture are made, and answered below their names",
        &[Client],
        |context| Box::pin(architecture(context)),
    ),
    requiring(
        CLIENT,
        "boxes-hcp.checksum-types",
        "the type of a checksum is taken in any case, and shown in capitals",
        &[Client, Thread],
        |context| Box::pin(checksum_types(context)),
    ),
    requiring(
        CLIENT,
        "boxes-hcp.update",
        "PUT of a box or an architecture changes what it tells",
        &[Client],
        |context| Box::pin(update(context)),
    ),
    requiring(
        CLIENT,
        "boxes-hcp.delete",
        "DELETE of a box, a version, a provider or an architecture removes it",
        &[Client],
        |context| Box::pin(delete(context)),
    ),
    requiring(
        CLIENT,
        "boxes-hcp.lists",
        "a list is cut by pagination.page_size, and its tokens lead to the next pages",
        &[Client],
        |context| Box::pin(lists(context)),
    ),
    requiring(
        CLIENT,
        "boxes-hcp.expanded",
        "expanded=true brings the versions, providers and architectures of a box",
        &[Client, Thread],
        |context| Box::pin(expanded(context)),
    ),
    requiring(
        CLIENT,
        "boxes-hcp.box-fields",
        "a box has its state, and its counts as texts",
        &[Client],
        |context| Box::pin(box_fields(context)),
    ),
    requiring(
        CLIENT,
        "boxes-hcp.search",
        "a search finds released boxes with their current version",
        &[Client],
        |context| Box::pin(search(context)),
    ),
];

async fn box_create(context: &Context<'_>) -> CheckResult {
    let registry = HcpRegistry::open(context).await?;
    let made = registry.make_box(true).await?;
    let read = made.get("").answer(200).await?;
    for reply in [&made.created, &read] {
        reply.expect("/box/name", made.name.as_str())?;
        reply.expect("/box/description", "of the suite")?;
        reply.expect("/box/is_private", true)?;
    }
    let operation = &made.created.json()?["operation"];
    let location = &operation["location"];
    let holds = operation["id"].is_string()
        && location["organization_id"].is_string()
        && location["project_id"].is_string();
    made.created
        .require(holds, "an operation with its id and location")
}

async fn operation(context: &Context<'_>) -> CheckResult {
    let registry = HcpRegistry::open(context).await?;
    let made = registry.make_box(true).await?;
    let operation = made.created.json()?["operation"].clone();
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let location = &operation["location"];
    let path = format!(
        "/operation/2020-05-05/organizations/{}/projects/{}/operations/{}/wait",
        text(&location["organization_id"]),
        text(&location["project_id"]),
        text(&operation["id"])
    );
    let wait = registry.get_root(&path).query(&[("timeout", "60s")]);
    let reply = wait.answer(200).await?;
    reply.expect("/operation/state", "DONE")?;
    let error = reply.json()?["operation"]["error"].clone();
    reply.require(error.is_null(), "no error of the operation")
}

const ZERO: &str = "0001-01-01T00:00:00.000Z";

async fn zero_times(context: &Context<'_>) -> CheckResult {
    let registry = HcpRegistry::open(context).await?;
    let name = context.name();
    let fields = json!({"created_at": ZERO, "description": "zero", "is_private": true, "name": name,
        "updated_at": ZERO, "versions": null});
    let create = registry.write(Method::POST, "/boxes", &name, fields)?;
    create.answer(200).await?;
    let of_box = format!("/box/{name}");
    let steps = [
        (
            "/versions",
            json!({"created_at": ZERO, "name": VERSION, "providers": null, "updated_at": ZERO}),
        ),
        (
            "/version/1.0.0/providers",
            json!({"architectures": null, "created_at": ZERO, "name": "virtualbox", "updated_at": ZERO}),
        ),
        (
            "/version/1.0.0/provider/virtualbox/architectures",
            json!({"architecture_type": "amd64", "created_at": ZERO, "updated_at": ZERO,
                "box_data": {"checksum_type": "NONE", "created_at": ZERO, "updated_at": ZERO}}),
        ),
    ];
    for (within, fields) in steps {
        let path = format!("{of_box}{within}");
        let create = registry.write(Method::POST, &path, &name, fields)?;
        create.answer(200).await?;
    }
    let read = registry.get(&of_box).answer(200).await?;
    read.expect("/box/description", "zero")?;
    let made_now = read.json()?["box"]["created_at"] != ZERO;
    read.require(made_now, "the time at which the box was made")
}

async fn version(context: &Context<'_>) -> CheckResult {
    let registry = HcpRegistry::open(context).await?;
    let made = registry.make_box(true).await?;
    let fields = json!({"name": VERSION, "description": "first"});
    let created = made.wrote(Method::POST, "/versions", fields).await?;
    let read = made.get("/version/1.0.0").answer(200).await?;
    for reply in [created, read] {
        reply.expect("/version/name", VERSION)?;
        reply.expect("/version/description", "first")?;
        reply.expect("/version/state", "UNRELEASED")?;
    }
    made.get("/version/2.0.0").denied(404).await.map(drop)
}

async fn architecture(context: &Context<'_>) -> CheckResult {
    let registry = HcpRegistry::open(context).await?;
    let made = registry.make_box(true).await?;
    let data = json!({"download_url": ELSEWHERE});
    let created = made.version(VERSION, data).await?;
    let read = made.get(&architecture_path(VERSION)).answer(200).await?;
    for reply in [created, read] {
        reply.expect("/architecture/architecture_type", "amd64")?;
        reply.expect("/architecture/default", true)?;
        reply.expect("/architecture/box_data/download_url", ELSEWHERE)?;
    }
    let provider = made.get("/version/1.0.0/provider/virtualbox");
    provider
        .answer(200)
        .await?
        .expect("/provider/name", "virtualbox")
}

async fn checksum_types(context: &Context<'_>) -> CheckResult {
    let registry = HcpRegistry::open(context).await?;
    let made = registry.make_box(true).await?;
    let sum = "a1".repeat(32);
    let data = json!({"download_url": ELSEWHERE, "checksum": sum, "checksum_type": "sha256"});
    made.version(VERSION, data).await?;
    let shown = made.get(&architecture_path(VERSION)).answer(200).await?;
    shown.expect("/architecture/box_data/checksum_type", "SHA256")?;
    shown.expect("/architecture/box_data/checksum", sum.as_str())?;
    let sum = "b2".repeat(64);
    let data = json!({"checksum": sum, "checksum_type": "SHA512"});
    let fields = json!({"box_data": data});
    made.wrote(Method::PUT, &architecture_path(VERSION), fields)
        .await?;
    let shown = made.get(&architecture_path(VERSION)).answer(200).await?;
    shown.expect("/architecture/box_data/checksum_type", "SHA512")
}

async fn update(context: &Context<'_>) -> CheckResult {
    let registry = HcpRegistry::open(context).await?;
    let made = registry.make_box(true).await?;
    let fields = json!({"short_description": "short", "is_private": false});
    made.wrote(Method::PUT, "", fields).await?;
    let read = made.get("").answer(200).await?;
    read.expect("/box/short_description", "short")?;
    read.expect("/box/is_private", false)?;
    made.version(VERSION, json!({"download_url": ELSEWHERE}))
        .await?;
    let fields = json!({"box_data": {"download_url": "https://files.invalid/new.box"}});
    made.wrote(Method::PUT, &architecture_path(VERSION), fields)
        .await?;
    let read = made.get(&architecture_path(VERSION)).answer(200).await?;
    read.expect(
        "/architecture/box_data/download_url",
        "https://files.invalid/new.box",
    )
}

async fn delete(context: &Context<'_>) -> CheckResult {
    let registry = HcpRegistry::open(context).await?;
    let made = registry.make_box(true).await?;
    made.version(VERSION, json!({"download_url": ELSEWHERE}))
        .await?;
    for within in [
        architecture_path(VERSION).as_str(),
        "/version/1.0.0/provider/virtualbox",
        "/version/1.0.0",
        "",
    ] {
        made.get(within).answer(200).await?;
        made.wrote(Method::DELETE, within, Value::Null).await?;
        made.get(within).denied(404).await?;
    }
    Ok(())
}

async fn lists(context: &Context<'_>) -> CheckResult {
    let registry = HcpRegistry::open(context).await?;
    let made = registry.make_box(true).await?;
    for version in ["1.0.0", "1.1.0", "1.2.0"] {
        let fields = json!({"name": version});
        made.wrote(Method::POST, "/versions", fields).await?;
    }
    let (mut names, mut token) = (Vec::new(), String::new());
    for size in [2, 1] {
        let query = [
            ("pagination.page_size", "2"),
            ("pagination.next_page_token", &token),
        ];
        let page = made.get("/versions").query(&query).answer(200).await?;
        let body = page.json()?;
        let listed = texts(&body["versions"], "name");
        page.require(listed.len() == size, format!("{size} versions"))?;
        names.extend(listed);
        let next = body["pagination"]["next_page_token"].as_str();
        token = next.unwrap_or_default().to_owned();
        let more = size == 2;
        page.require(
            token.is_empty() != more,
            "a next_page_token where more follows",
        )?;
    }
    names.sort();
    let all = names == ["1.0.0", "1.1.0", "1.2.0"];
    let page = made.get("/versions").answer(200).await?;
    page.require(all, format!("pages of all versions, not {names:?}"))
}

async fn expanded(context: &Context<'_>) -> CheckResult {
    let registry = HcpRegistry::open(context).await?;
    let made = registry.make_box(true).await?;
    made.version(VERSION, json!({"download_url": ELSEWHERE}))
        .await?;
    let reply = made
        .get("")
        .query(&[("expanded", "true")])
        .answer(200)
        .await?;
    reply.expect("/box/versions/0/name", VERSION)?;
    let provider = "/box/versions/0/providers/0";
    reply.expect(&format!("{provider}/name"), "virtualbox")?;
    let architecture = format!("{provider}/architectures/0");
    reply.expect(&format!("{architecture}/architecture_type"), "amd64")?;
    reply.expect(&format!("{architecture}/box_data/download_url"), ELSEWHERE)
}

async fn box_fields(context: &Context<'_>) -> CheckResult {
    let registry = HcpRegistry::open(context).await?;
    let made = registry.make_box(true).await?;
    let empty = made.get("").answer(200).await?;
    empty.expect("/box/state", "NO_VERSIONS")?;
    made.version(VERSION, json!({"download_url": ELSEWHERE}))
        .await?;
    let unreleased = made.get("").answer(200).await?;
    unreleased.expect("/box/state", "NO_RELEASED_VERSIONS")?;
    made.wrote(Method::PUT, "/version/1.0.0/release", Value::Null)
        .await?;
    let available = made.get("").answer(200).await?;
    available.expect("/box/state", "AVAILABLE")?;
    available.expect("/box/summary/versions_count", "1")?;
    available.expect("/box/summary/provider_names", json!(["virtualbox"]))?;
    let downloads: Exchange = available;
    let text = downloads.json()?["box"]["downloads"].is_string();
    downloads.require(text, "a text as downloads")
}

async fn search(context: &Context<'_>) -> CheckResult {
    let registry = HcpRegistry::open(context).await?;
    let made = registry.make_box(false).await?;
    made.version(VERSION, json!({"download_url": ELSEWHERE}))
        .await?;
    made.wrote(Method::PUT, "/version/1.0.0/release", Value::Null)
        .await?;
    let find = registry
        .get_api("/search")
        .query(&[("q", made.name.as_str())]);
    let reply = find.answer(200).await?;
    let body = reply.json()?;
    let lists = body.as_object().into_iter().flat_map(|it| it.values());
    let mut found = lists.filter_map(Value::as_array).flatten();
    let found = found.find(|it| it["box_name"] == *made.name);
    let holds = found.is_some_and(|it| {
        it["registry_name"] == *context.facts().namespace
            && it["current_version_name"] == VERSION
            && it["provider_names"] == json!(["virtualbox"])
            && it["architecture_types"] == json!(["amd64"])
            && it["is_private"] == false
    });
    reply.require(
        holds,
        "the box with its current version, provider and architecture",
    )
}

//! The description of the API for people, made of that for programs. Nothing is loaded from elsewhere.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use askama::Template;
use axum::response::Response;
use serde_json::{Map, Value};
use tokio::task::spawn_blocking;

use super::page::{Frame, PageError, render};
use super::visitor::Visitor;
use crate::http::error::ApiError;
use crate::http::openapi;

#[derive(Template)]
#[template(path = "api.html")]
struct ApiPage {
    frame: Frame,
    description: &'static str,
}

/// The description itself, which is the same on every page.
#[derive(Template)]
#[template(path = "api_description.html")]
struct Description {
    about: String,
    openapi: String,
    groups: Vec<Group>,
    schemas: Vec<(String, String)>,
}

/// The description in HTML, or why there is none.
static DESCRIPTION: LazyLock<Result<String, String>> = LazyLock::new(|| {
    let document = serde_json::from_slice(&openapi::text()).map_err(|error| error.to_string())?;
    let rendered = Description::new(&document).render();
    rendered.map_err(|error| error.to_string())
});

struct Group {
    tag: String,
    calls: Vec<Call>,
}

struct Call {
    method: String,
    path: String,
    summary: String,
    parameters: Vec<(String, String)>,
    /// The kinds of bodies that the call takes, with the names of their schemas.
    body: Vec<String>,
    replies: Vec<(String, String)>,
}

/// Handles `GET /_mock/pages/api`.
pub(crate) async fn show(visitor: Visitor) -> Result<Response, PageError> {
    // Making it takes a while, which must not block the runtime.
    let made = spawn_blocking(|| DESCRIPTION.as_deref()).await;
    let made = made.map_err(visitor.failed())?;
    let description = made.map_err(|error| visitor.failed()(ApiError::Internal(error.clone())))?;
    Ok(render(&ApiPage {
        frame: Frame::new("The API", &visitor),
        description,
    }))
}

impl Description {
    fn new(document: &Value) -> Self {
        let mut groups: BTreeMap<String, Vec<Call>> = BTreeMap::new();
        for (path, item) in entries(&document["paths"]) {
            for (method, operation) in entries(item) {
                let tag = text(&operation["tags"][0]);
                let call = call(document, (method, path), operation);
                groups.entry(tag).or_default().push(call);
            }
        }
        let groups = groups.into_iter().map(|(tag, calls)| Group { tag, calls });
        let schemas = entries(&document["components"]["schemas"]);
        let schemas = schemas.map(|(name, schema)| (name.clone(), format!("{schema:#}")));
        Self {
            about: text(&document["info"]["description"]),
            openapi: text(&document["openapi"]),
            groups: groups.collect(),
            schemas: schemas.collect(),
        }
    }
}

fn call(document: &Value, (method, path): (&str, &str), operation: &Value) -> Call {
    let parameters = operation["parameters"].as_array().into_iter().flatten();
    let parameters = parameters.map(|parameter| {
        let parameter = resolved(document, parameter);
        let (name, place) = (text(&parameter["name"]), text(&parameter["in"]));
        (
            name,
            format!("{} ({place})", text(&parameter["description"])),
        )
    });
    let bodies = entries(&operation["requestBody"]["content"]);
    let bodies = bodies.map(|(kind, content)| match schema_name(&content["schema"]) {
        Some(name) => format!("{kind}: {name}"),
        None => kind.clone(),
    });
    let replies = entries(&operation["responses"]).map(|(status, reply)| {
        let about = text(&resolved(document, reply)["description"]);
        let mut schemas = entries(&reply["content"]).map(|(_, content)| &content["schema"]);
        let schema = schemas.find_map(schema_name).unwrap_or_default();
        (status.clone(), format!("{about} {schema}"))
    });
    Call {
        method: method.to_uppercase(),
        path: path.to_owned(),
        summary: text(&operation["summary"]),
        parameters: parameters.collect(),
        body: bodies.collect(),
        replies: replies.collect(),
    }
}

fn entries(value: &Value) -> impl Iterator<Item = (&String, &Value)> {
    value.as_object().into_iter().flat_map(Map::iter)
}

fn text(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}

/// Returns the value to which a reference points, or the value itself.
fn resolved<'a>(document: &'a Value, value: &'a Value) -> &'a Value {
    let reference = value["$ref"].as_str().and_then(|of| of.strip_prefix('#'));
    let target = reference.and_then(|pointer| document.pointer(pointer));
    target.unwrap_or(value)
}

/// Returns the name of the schema to which a reference points.
fn schema_name(schema: &Value) -> Option<String> {
    let reference = schema["$ref"].as_str()?;
    Some(reference.rsplit('/').next()?.to_owned())
}

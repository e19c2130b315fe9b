//! Describes all endpoints for programs, as a document of OpenAPI 3.1.
//!
//! Methods, paths and the forms of errors come from `endpoint` and `error_format`. `atlas`, `boxes`, `hcp` and `admin`
//! add an [`Operation`] for each endpoint, `components.json` the schemas and parameters. A double slash at the
//! beginning of a path is not described: OpenAPI knows only one.

mod admin;
mod atlas;
mod boxes;
mod hcp;
mod operation;

use std::sync::LazyLock;

use axum::body::Bytes;
use serde_json::{Map, Value, json};

use self::operation::{Access, Content, Mark, Operation};
use super::error_format::ErrorFormat;
use crate::endpoint::{Api, Endpoint, Method, Unserved};

/// The schemas, the parameters and the ways to send a token.
const COMPONENTS: &str = include_str!("components.json");

const DESCRIPTION: &str = "An Atlas: a registry for machine images and Vagrant boxes, with the API of HashiCorp's \
    Atlas, of Vagrant Cloud and of HCP's registry of boxes. `x-evidence` says how it is known that Atlas had an \
    operation, by the marks of docs/contract.md; `own` stands for the emulator's own endpoints below `/_mock`, which \
    need the root token, except for channels. A GET is also answered as HEAD. Injected faults, which are not described, may answer any \
    request with any status.";

/// The schemas of the three forms of errors.
const FORMS: [&str; 3] = ["Error", "HcpError", "OAuthError"];

/// The statuses of errors.
const ERRORS: [u16; 16] = [
    400, 401, 404, 405, 406, 408, 409, 413, 415, 416, 421, 422, 500, 501, 503, 507,
];

/// The document, in JSON.
static DOCUMENT: LazyLock<Bytes> = LazyLock::new(|| {
    let text = serde_json::to_string_pretty(&document());
    // Serialization fails only for a key that is no text, and no key is any other.
    text.unwrap_or_default().into()
});

/// Returns the document, in JSON.
pub(crate) fn text() -> Bytes {
    DOCUMENT.clone()
}

fn document() -> Value {
    let mut components: Value = serde_json::from_str(COMPONENTS).unwrap_or_default();
    let mut paths: Map<String, Value> = Map::new();
    for endpoint in Endpoint::all() {
        let Some((path, methods)) = item(endpoint, &components) else {
            continue;
        };
        let known = paths.entry(path).or_insert_with(|| json!({}));
        for (method, operation) in methods {
            known[name_of(method)] = operation;
        }
    }
    components["responses"] = errors();
    json!({
        "openapi": "3.1.0",
        "info": {
            "title": "mock-atlas",
            "version": env!("CARGO_PKG_VERSION"),
            "license": {"name": "MIT OR Apache-2.0", "identifier": "MIT OR Apache-2.0"},
            "description": DESCRIPTION,
        },
        "servers": [{"url": "/"}],
        "paths": paths,
        "components": components,
    })
}

/// Returns the path of an endpoint, and its operations by their methods; `None` for what is not described.
fn item(endpoint: Endpoint, components: &Value) -> Option<(String, Vec<(Method, Value)>)> {
    let template = endpoint.path().filter(|path| !path.starts_with("//"))?;
    let path = template.replace("{*", "{");
    let operations = match endpoint {
        Endpoint::Api(call, _) => {
            let (tag, variant, operation) = of_call(call);
            let place = call.paths().iter().position(|one| *one == template);
            let id = match place {
                None | Some(0) => format!("{tag}{variant}"),
                Some(place) => format!("{tag}{variant}_{}", place + 1),
            };
            let described = described(&path, (&id, tag), &operation, components);
            vec![(call.method(), described)]
        }
        Endpoint::Admin(own) => {
            let id = format!("emulator{own:?}");
            let operation = admin::describe(own);
            let described = described(&path, (&id, "emulator"), &operation, components);
            vec![(own.method(), described)]
        }
        Endpoint::Unserved(part, _) => unserved(part, &path),
        // Pages are for people.
        Endpoint::Page(_) | Endpoint::WrongMethod(_) | Endpoint::Unknown => return None,
    };
    Some((path, operations))
}

/// Returns the tag, the name and the description of a call.
fn of_call(call: Api) -> (&'static str, String, Operation) {
    match call {
        Api::Account(call) => ("tokens", format!("{call:?}"), atlas::account(call)),
        Api::Artifact(call) => ("artifacts", format!("{call:?}"), atlas::artifact(call)),
        Api::Box(call) => ("boxes", format!("{call:?}"), boxes::describe(call)),
        Api::Hcp(call) => ("hcp", format!("{call:?}"), hcp::describe(call)),
    }
}

fn name_of(method: Method) -> &'static str {
    match method {
        Method::Get => "get",
        Method::Post => "post",
        Method::Put => "put",
        Method::Delete => "delete",
    }
}

fn described(
    path: &str,
    (id, tag): (&str, &str),
    operation: &Operation,
    components: &Value,
) -> Value {
    let names = parameter_names(path);
    let mut described = json!({
        "operationId": id,
        "tags": [tag],
        "summary": operation.summary,
        "x-evidence": operation.evidence,
        "security": security(operation.access),
        "parameters": parameters(&names, operation, components),
        "responses": responses(path, &operation.statuses(&names), operation.replies),
    });
    if let Some(body) = request_body(path, operation.request, components) {
        described["requestBody"] = body;
    }
    described
}

/// Returns the names of the parameters in a path.
fn parameter_names(path: &str) -> Vec<&str> {
    let parts = path.split('{').skip(1);
    parts.filter_map(|part| part.split('}').next()).collect()
}

/// Returns references to the parameters of the path and of the query.
fn parameters(names: &[&str], operation: &Operation, components: &Value) -> Vec<Value> {
    let of_path = names.iter().map(|name| format!("path.{name}"));
    let known = components["parameters"].as_object();
    let known = known.into_iter().flat_map(Map::keys);
    let of_query = known.filter(|key| {
        let mut wanted = operation.query.iter();
        wanted.any(|wanted| key.starts_with(wanted))
    });
    of_path
        .chain(of_query.cloned())
        .map(|key| json!({"$ref": format!("#/components/parameters/{key}")}))
        .collect()
}

fn security(access: Access) -> Value {
    match access {
        Access::Everybody => json!([]),
        Access::PublicOrToken => json!([{}, {"header": []}, {"bearer": []}, {"query": []}]),
        Access::Token => json!([{"header": []}, {"bearer": []}, {"query": []}]),
        Access::Client => json!([{}, {"client": []}]),
    }
}

fn responses(path: &str, errors: &[u16], replies: &[(u16, Content)]) -> Value {
    let mut responses = Map::new();
    for (status, content) in replies {
        let mut response = json!({"description": meaning(*status)});
        if let Some(content) = media(*content) {
            response["content"] = content;
        }
        responses.insert(status.to_string(), response);
    }
    let form = match ErrorFormat::of(path) {
        ErrorFormat::Atlas => FORMS[0],
        ErrorFormat::Grpc => FORMS[1],
        ErrorFormat::OAuth => FORMS[2],
    };
    for status in errors {
        let response = format!("#/components/responses/{form}{status}");
        responses.insert(status.to_string(), json!({"$ref": response}));
    }
    responses.into()
}

/// Returns the responses of all errors, each in the three forms, by their names.
fn errors() -> Value {
    let mut responses = Map::new();
    for form in FORMS {
        for status in ERRORS {
            let schema = if status == 406 { "CodeNeeded" } else { form };
            let content = media(Content::Json(schema));
            let response = json!({"description": meaning(status), "content": content});
            responses.insert(format!("{form}{status}"), response);
        }
    }
    responses.into()
}

fn meaning(status: u16) -> &'static str {
    match status {
        200 => "The answer.",
        204 => "Done.",
        206 => "The part of the file that `Range` asks for.",
        302 => "The file is at the address in `Location`.",
        304 => "The client has what is there already.",
        400 => "The request cannot be parsed, or broke off.",
        401 => "The token, or the password, is missing or unknown.",
        404 => "There is nothing of this name that the caller may see, or write to.",
        405 => "The path is that of another endpoint, which does not take this method.",
        406 => "The login needs the code of the second factor.",
        408 => "The body did not come in time.",
        409 => "The request contradicts what is there.",
        413 => "The body is too large, or the owner's quota is used up.",
        415 => "The media type of the body is not known.",
        416 => "The range begins beyond the end of the file.",
        421 => "The request names a host by which the emulator is not known.",
        422 => "A name, a field or a parameter is invalid.",
        501 => "Atlas had this, and the emulator does not serve it.",
        503 => "The database cannot be reached, or too many uploads are under way: try again.",
        507 => "There is no room for more.",
        _ => "The emulator failed.",
    }
}

fn reference(schema: &str) -> Value {
    json!({"$ref": format!("#/components/schemas/{schema}")})
}

/// Returns the contents of a body by their media types; `None` for a body without content.
fn media(content: Content) -> Option<Value> {
    match content {
        Content::Nothing => None,
        Content::Json(schema) | Content::Fields(schema) => {
            Some(json!({"application/json": {"schema": reference(schema)}}))
        }
        Content::Form(schema) => {
            Some(json!({"application/x-www-form-urlencoded": {"schema": reference(schema)}}))
        }
        Content::Bytes(media_type) => Some(json!({media_type: {}})),
    }
}

fn request_body(path: &str, content: Content, components: &Value) -> Option<Value> {
    let mut media = media(content)?;
    if let (Content::Fields(schema), ErrorFormat::Atlas) = (content, ErrorFormat::of(path)) {
        let form = form(&components["schemas"][schema]);
        media["application/x-www-form-urlencoded"] = json!({"schema": form});
    }
    Some(json!({"content": media}))
}

/// Returns the schema of a form with the fields of this one: `artifact[name]` is the field `name` of the object
/// `artifact`. Its other fields are the entries of objects with arbitrary keys.
fn form(schema: &Value) -> Value {
    let mut fields = Map::new();
    for (name, object) in schema["properties"].as_object().into_iter().flatten() {
        for (inner, of) in object["properties"].as_object().into_iter().flatten() {
            if of["oneOf"].is_null() {
                fields.insert(format!("{name}[{inner}]"), json!({"type": "string"}));
            }
        }
    }
    let text = json!({"type": "string"});
    json!({"type": "object", "properties": fields, "additionalProperties": text})
}

/// Returns the operations of a path that Atlas had and the emulator does not serve.
fn unserved(part: Unserved, path: &str) -> Vec<(Method, Value)> {
    const UNSERVED: Operation = Operation::new("", &[], &[]).access(Access::PublicOrToken);
    let names = parameter_names(path);
    let parameters = parameters(&names, &UNSERVED, &Value::Null);
    let methods = [Method::Get, Method::Post, Method::Put, Method::Delete];
    let described = methods.into_iter().map(|method| {
        let described = json!({
            "operationId": format!("unserved_{}_{}", name_of(method), path.replace('/', "_")),
            "tags": ["unserved"],
            "summary": format!("Is not served: {}.", part.description()),
            "x-evidence": [Mark::Docs],
            "security": security(UNSERVED.access),
            "parameters": parameters,
            "responses": responses(path, &[401, 500, 501, 503], &[]),
        });
        (method, described)
    });
    described.collect()
}

#[cfg(test)]
mod tests;

//! Tests that the document describes all endpoints and nothing else.

use std::collections::BTreeSet;
use std::path::Path;

use super::*;
use crate::endpoint::Body;

const PUBLISHED: &str = "../docs/openapi.json";

fn references(value: &Value, found: &mut BTreeSet<String>) {
    match value {
        Value::Object(object) => {
            found.extend(
                object
                    .get("$ref")
                    .and_then(Value::as_str)
                    .map(str::to_owned),
            );
            object.values().for_each(|value| references(value, found));
        }
        Value::Array(array) => array.iter().for_each(|value| references(value, found)),
        _ => {}
    }
}

/// Compares the published document with this one; with `UPDATE_OPENAPI=1`, it is written.
#[test]
fn the_published_document_is_this_one() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(PUBLISHED);
    let text = [&text()[..], b"\n"].concat();
    if std::env::var_os("UPDATE_OPENAPI").is_some() {
        std::fs::write(&path, &text).unwrap();
    }
    let published = std::fs::read(&path).unwrap_or_default();
    assert!(
        published == text,
        "{PUBLISHED} is old: UPDATE_OPENAPI=1 writes it"
    );
}

#[test]
fn every_reference_has_a_component_and_every_component_a_reference() {
    let document = document();
    let mut found = BTreeSet::new();
    references(&document, &mut found);
    let mut known = BTreeSet::new();
    for kind in ["schemas", "parameters", "responses"] {
        let names = document["components"][kind].as_object().unwrap().keys();
        known.extend(names.map(|name| format!("#/components/{kind}/{name}")));
    }
    // Each error has a response in each of the three forms, whether or not an endpoint answers it.
    known.retain(|name| found.contains(name) || !name.starts_with("#/components/responses/"));
    assert_eq!(found, known);
}

#[test]
fn each_endpoint_is_described_and_nothing_else() {
    let document = document();
    let paths = document["paths"].as_object().unwrap();
    let mut described = BTreeSet::new();
    for (path, item) in paths {
        for (method, operation) in item.as_object().unwrap() {
            assert_ne!(operation["summary"], "", "{path}");
            assert!(operation["x-evidence"][0].is_string(), "{path}");
            described.insert((method.clone(), path.clone()));
        }
    }
    let mut expected = BTreeSet::new();
    for endpoint in Endpoint::all() {
        let methods = match endpoint {
            Endpoint::Api(call, _) => vec![call.method()],
            Endpoint::Admin(own) => vec![own.method()],
            Endpoint::Unserved(..) => {
                vec![Method::Get, Method::Post, Method::Put, Method::Delete]
            }
            Endpoint::Page(_) | Endpoint::WrongMethod(_) | Endpoint::Unknown => vec![],
        };
        let path = endpoint.label().replace("{*", "{");
        if !path.starts_with("//") {
            let methods = methods.into_iter().map(name_of);
            expected.extend(methods.map(|method| (method.to_owned(), path.clone())));
        }
    }
    assert_eq!(described, expected);
}

#[test]
fn what_checks_the_host_tells_of_421_and_nothing_else_does() {
    let components: Value = serde_json::from_str(COMPONENTS).unwrap();
    for endpoint in Endpoint::all() {
        for (_, operation) in item(endpoint, &components).into_iter().flat_map(|of| of.1) {
            let is_told = !operation["responses"]["421"].is_null();
            assert_eq!(is_told, endpoint.checks_host(), "{}", endpoint.label());
        }
    }
}

#[test]
fn each_operation_has_an_id_of_its_own() {
    let document = document();
    let mut ids = BTreeSet::new();
    for item in document["paths"].as_object().unwrap().values() {
        for operation in item.as_object().unwrap().values() {
            let id = operation["operationId"].as_str().unwrap();
            assert!(ids.insert(id.to_owned()), "{id}");
        }
    }
}

/// Checks that a body is described where one is read, and that its fields are those which the endpoint knows.
#[test]
fn the_body_of_each_call_has_the_fields_that_the_call_knows() {
    let components: Value = serde_json::from_str(COMPONENTS).unwrap();
    for call in Api::all() {
        let (_, name, operation) = of_call(call);
        match (call.body(), operation.request) {
            (Body::Nothing, Content::Nothing) | (Body::File, Content::Bytes(_)) => {}
            (Body::Fields(fields), Content::Fields(schema) | Content::Form(schema)) => {
                let properties = &components["schemas"][schema]["properties"];
                for (field, of) in properties.as_object().unwrap() {
                    assert!(fields.has(field), "{name}: {field}");
                    for (inner, _) in of["properties"].as_object().into_iter().flatten() {
                        assert!(
                            fields.has(&format!("{field}.{inner}")) || fields.has(inner),
                            "{name}: {inner}"
                        );
                    }
                }
            }
            (body, described) => panic!("{name}: {body:?} is described as {described:?}"),
        }
    }
}

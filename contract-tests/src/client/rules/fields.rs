//! These rules are about the fields of request bodies.

use serde_json::{Map, Value};

use crate::{
    client::{
        fields::Fields,
        observation::{Call, Observation, require, violation},
        rule::{Rule, each, rule},
    },
    failure::CheckResult,
    suite::clause::Evidence::{Client, Thread},
};

const VERSION: &str = "artifact_version";

pub(super) const RULES: &[Rule] = &[
    rule(
        "client.artifact-fields",
        "an artifact is made of a username and a name, below artifact",
        &[Client],
        |observed| section_is(observed, Call::CreateArtifact, "artifact", ARTIFACT_FIELDS),
    ),
    rule(
        "client.version-fields",
        "a version is made of id, file, metadata, build_id and compile_id, below artifact_version",
        &[Client],
        |observed| section_is(observed, Call::CreateVersion, VERSION, VERSION_FIELDS),
    ),
    rule(
        "client.id-is-text",
        "the id of a version is a text",
        &[Client],
        |observed| typed(observed, &["id"], "a text", |_, id| id.is_string()),
    ),
    rule(
        "client.file-is-flag",
        "file is true or false",
        &[Client],
        |observed| typed(observed, &["file"], "true or false", Fields::is_flag),
    ),
    rule(
        "client.build-ids-are-numbers",
        "build_id and compile_id are numbers",
        &[Client],
        |observed| typed(observed, BUILD_FIELDS, "a number", Fields::is_count),
    ),
    rule(
        "client.metadata-is-texts",
        "metadata is an object of texts",
        &[Client],
        |observed| typed(observed, &["metadata"], "an object of texts", is_texts),
    ),
    rule(
        "client.box-names-provider",
        "a version of the type vagrant.box has the metadata key provider",
        &[Thread],
        box_names_provider,
    ),
];

const ARTIFACT_FIELDS: &[&str] = &["username", "name"];
const VERSION_FIELDS: &[&str] = &["id", "file", "metadata", "build_id", "compile_id"];
const BUILD_FIELDS: &[&str] = &["build_id", "compile_id"];

/// Checks that the body of each call has only this section, with only the known fields.
fn section_is(
    observed: &Observation,
    call: Call,
    section: &str,
    known: &[&str],
) -> Option<CheckResult> {
    each(observed.calls(call), |transaction| {
        let request = &transaction.request;
        let expected = format!("{section}, and below it {} alone", known.join(", "));
        let Some(body) = Fields::of(request) else {
            return Err(violation(expected, "no JSON, and no form", request));
        };
        let is_known =
            |fields: &Map<String, Value>| fields.keys().all(|name| known.contains(&name.as_str()));
        let has_it_alone = body.value.as_object().is_some_and(|it| it.len() == 1);
        let inner = body.value.get(section).and_then(Value::as_object);
        let holds = has_it_alone && inner.is_some_and(is_known);
        require(holds, expected, &body.value, request)
    })
}

/// Checks the type of fields in each request for a version. Absent fields are not checked, nor is `null`, which means
/// the same.
fn typed(
    observed: &Observation,
    names: &[&str],
    expected: &str,
    is_such: impl Fn(&Fields, &Value) -> bool,
) -> Option<CheckResult> {
    let versions = observed.calls(Call::CreateVersion);
    let bodies = versions.filter_map(|it| Some((&it.request, Fields::of(&it.request)?)));
    let bodies: Vec<_> = bodies.collect();
    let fields = bodies.iter().flat_map(|(request, body)| {
        names.iter().filter_map(move |name| {
            let value = body.value.get(VERSION)?.get(name)?;
            (!value.is_null()).then_some((request, body, name, value))
        })
    });
    each(fields, |(request, body, name, value)| {
        let came = format!("{name} {value}");
        require(is_such(body, value), expected, came, request)
    })
}

fn is_texts(_: &Fields, metadata: &Value) -> bool {
    let values = metadata.as_object().map(Map::values);
    values.is_some_and(|mut values| values.all(Value::is_string))
}

fn box_names_provider(observed: &Observation) -> Option<CheckResult> {
    let versions = observed.calls(Call::CreateVersion);
    let boxes = versions.filter(|it| it.request.path().ends_with("/vagrant.box"));
    each(boxes, |transaction| {
        let request = &transaction.request;
        let body = Fields::of(request).map(|fields| fields.value);
        let provider = body
            .as_ref()
            .and_then(|body| body.get(VERSION)?.get("metadata")?.get("provider"));
        let is_named = provider
            .and_then(Value::as_str)
            .is_some_and(|it| !it.is_empty());
        require(is_named, "metadata with the key provider", "none", request)
    })
}

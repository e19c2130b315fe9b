//! Compares the requests of a publication with the recorded ones of Vagrant and of Packer's plugin: the same calls in
//! the same order, with the same bodies.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use serde_json::{Value, json};

use super::a_box;
use crate::support::program::Program;
use crate::support::server::{Reply, Request, Server};

const VAGRANT: &str =
    include_str!("../../../../../contract-tests/testdata/wire/vagrant-2.4.9-cloud.jsonl");
const PACKER: &str = include_str!(
    "../../../../../contract-tests/testdata/wire/packer-plugin-vagrant-1.1.7-vagrant-registry.jsonl"
);

/// Returns the exchanges of one step of a recording.
fn exchanges(recording: &str, step: &str) -> Vec<Value> {
    let lines = recording
        .lines()
        .map(|line| serde_json::from_str(line).unwrap());
    let of_step: Vec<Value> = lines.filter(|line: &Value| line["step"] == step).collect();
    assert!(!of_step.is_empty(), "{step}");
    of_step
}

fn key(exchange: &Value) -> (String, String) {
    let text = |key: &str| exchange["request"][key].as_str().unwrap().to_owned();
    (text("method"), text("target"))
}

/// Returns whether a request is part of a publication itself: a write, or the request for an upload address.
fn counts(method: &str, target: &str) -> bool {
    let is_token = target.starts_with("/oauth2/");
    (method != "GET" || target.contains("upload")) && !is_token
}

/// Starts a server that gives the recorded answers, each as often as it was recorded and then the last one again, and
/// `more` for requests that the recorded client did not send.
async fn replaying(
    exchanges: &[Value],
    more: impl Fn(&str, &Request) -> Reply + Send + Sync + 'static,
) -> Server {
    let mut answers: BTreeMap<_, Vec<Value>> = BTreeMap::new();
    for exchange in exchanges {
        let of_request = answers.entry(key(exchange)).or_default();
        of_request.insert(0, exchange["answered"].clone());
    }
    let answers = Arc::new(Mutex::new(answers));
    Server::start(move |url, request| {
        let mut answers = answers.lock().unwrap();
        let place = (request.method.clone(), request.target.clone());
        let Some(left) = answers.get_mut(&place) else {
            return more(url, request);
        };
        let answer = match left.len() {
            1 => left[0].clone(),
            _ => left.pop().unwrap(),
        };
        let status = answer["status"].as_u64().unwrap();
        let body = answer["body"]
            .to_string()
            .replace("http://vagrant.test", url);
        Reply::Status(
            status.try_into().unwrap(),
            vec![("Content-Type".to_owned(), "application/json".to_owned())],
            body.into_bytes(),
        )
    })
    .await
}

/// Removes what says nothing: nulls, and Go's zero times.
fn without_nothing(value: &mut Value) {
    if let Some(fields) = value.as_object_mut() {
        fields.retain(|_, value| {
            let is_no_time = value
                .as_str()
                .is_some_and(|text| text.starts_with("0001-01-01"));
            !value.is_null() && !is_no_time
        });
        fields.values_mut().for_each(without_nothing);
    }
}

/// Asserts that the requests that count are the recorded ones. `mend` makes bodies equal that must differ.
fn assert_same(server: &Server, exchanges: &[Value], mend: impl Fn(&mut Value)) {
    let mended = |mut body: Value| {
        without_nothing(&mut body);
        mend(&mut body);
        // The bytes of the file are others.
        if body.is_object() { body } else { Value::Null }
    };
    let read = |text: &[u8]| mended(serde_json::from_slice(text).unwrap_or_default());
    let ours = server.requests().into_iter();
    let ours = ours.filter(|request| counts(&request.method, &request.target));
    let ours: Vec<_> = ours
        .map(|request| (request.line(), read(&request.body)))
        .collect();
    let theirs = exchanges.iter().map(|exchange| {
        let (method, target) = key(exchange);
        (
            (method, target),
            mended(exchange["request"]["body"].clone()),
        )
    });
    let theirs = theirs.filter(|((method, target), _)| counts(method, target));
    let theirs: Vec<_> = theirs
        .map(|((method, target), body)| (format!("{method} {target}"), body))
        .collect();
    assert_eq!(ours, theirs);
}

/// The recorded checksum is not one of the file.
fn mend_checksum(body: &mut Value) {
    if let Some(provider) = body.get_mut("provider").and_then(Value::as_object_mut) {
        provider.remove("checksum");
        provider.remove("checksum_type");
    }
}

/// Answers what Vagrant does not ask: whether the box exists, and after the upload whether the file is there.
fn of_cloud(_: &str, request: &Request) -> Reply {
    let is_file = request.target.contains("/provider/");
    match request.method.as_str() {
        "GET" if is_file => Reply::json(200, json!({"hosted": true, "checksum": null})),
        "GET" => Reply::json(
            404,
            json!({"errors": ["Resource not found!"], "success": false}),
        ),
        _ => Reply::json(500, json!({})),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_new_box_is_published_with_the_requests_of_vagrant() {
    let exchanges = exchanges(VAGRANT, "cloud publish, new box");
    let server = replaying(&exchanges, of_cloud).await;
    let program = Program::at(server.url(), "TOKEN");
    program.write("pub.box", a_box("virtualbox", b"disk"));
    let publish = [
        "box",
        "publish",
        "acme/pub",
        "1.0.0",
        "virtualbox",
        "pub.box",
    ];
    let told = [
        "--description",
        "D",
        "--short-description",
        "S",
        "--version-description",
        "V",
    ];
    let more = ["--default-architecture", "--no-private", "--release"];
    let run = program.run(&[&publish[..], &told, &more].concat()).await;
    assert_eq!(run.code, 0, "{run}");
    assert_same(&server, &exchanges, mend_checksum);
    for request in server.requests() {
        let is_upload = request.target.starts_with("/_up/");
        let token = request.header("authorization");
        let expected = (!is_upload).then_some("Bearer TOKEN");
        assert_eq!(token, expected, "{}", request.line());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_address_of_the_owner_is_published_with_the_requests_of_vagrant() {
    let exchanges = exchanges(VAGRANT, "cloud publish --url");
    let server = replaying(&exchanges, of_cloud).await;
    let program = Program::at(server.url(), "TOKEN");
    let publish = [
        "box",
        "publish",
        "acme/pub",
        "1.2.0",
        "virtualbox",
        "--release",
    ];
    let told = [
        "--url",
        "http://files.test/c.box",
        "--architecture",
        "amd64",
    ];
    let run = program.run(&[&publish[..], &told].concat()).await;
    assert_eq!(run.code, 0, "{run}");
    assert_same(&server, &exchanges, mend_checksum);
}

#[tokio::test(flavor = "multi_thread")]
async fn bytes_that_go_through_the_registry_need_no_callback() {
    let exchanges = exchanges(VAGRANT, "cloud publish, new version, --no-direct-upload");
    let server = replaying(&exchanges, of_cloud).await;
    let program = Program::at(server.url(), "TOKEN");
    program.write("pub.box", a_box("virtualbox", b"disk"));
    let publish = [
        "box",
        "publish",
        "acme/pub",
        "1.1.0",
        "virtualbox",
        "pub.box",
    ];
    let told = ["--no-direct-upload", "--release", "--api", "v2"];
    let run = program.run(&[&publish[..], &told].concat()).await;
    assert_eq!(run.code, 0, "{run}");
    assert_same(&server, &exchanges, mend_checksum);
}

/// A registry that answers 201 for what was created is understood, as by Vagrant.
#[tokio::test(flavor = "multi_thread")]
async fn a_registry_may_answer_201() {
    let exchanges = exchanges(VAGRANT, "cloud publish, 201 answers");
    let server = replaying(&exchanges, of_cloud).await;
    let program = Program::at(server.url(), "TOKEN");
    program.write("pub.box", a_box("virtualbox", b"disk"));
    let publish = [
        "box",
        "publish",
        "acme/pub2",
        "1.0.0",
        "virtualbox",
        "pub.box",
        "--release",
    ];
    let run = program.run(&publish).await;
    assert_eq!(run.code, 0, "{run}");
    assert_same(&server, &exchanges, mend_checksum);
}

/// Answers what the plugin does not ask of a new box.
fn of_hcp(_: &str, _: &Request) -> Reply {
    Reply::json(
        404,
        json!({"code": 5, "message": "not found", "details": []}),
    )
}

#[tokio::test(flavor = "multi_thread")]
async fn a_new_box_is_published_to_hcp_with_the_requests_of_packer() {
    let exchanges = exchanges(PACKER, "vagrant-registry: new box, direct upload");
    let server = replaying(&exchanges, of_hcp).await;
    let program = Program::new()
        .with("ATLAS_ADDRESS", server.url())
        .with("HCP_CLIENT_ID", "CLIENT_ID")
        .with("HCP_CLIENT_SECRET", "CLIENT_SECRET")
        .with("HCP_AUTH_URL", server.url());
    program.write("n1.box", a_box("virtualbox", b"disk"));
    let publish = ["box", "publish", "acme/n1", "2.0.0", "virtualbox", "n1.box"];
    let told = ["--description", "BD", "--version-description", "VD"];
    let more = ["--private", "--release", "--api", "hcp"];
    let run = program.run(&[&publish[..], &told, &more].concat()).await;
    assert_eq!(run.code, 0, "{run}");
    assert_same(&server, &exchanges, |body| {
        // The plugin does not compute a checksum.
        body.as_object_mut().map(|fields| fields.remove("box_data"));
    });
    let lines = server.lines();
    let waits = lines
        .iter()
        .filter(|line| line.contains("/operations/op-1/wait"));
    assert_eq!(waits.count(), 1, "{lines:?}");
}

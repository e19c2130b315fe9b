//! Genuine clients keep the rules for boxes, as they were recorded; a client that differs in one thing breaks its rule.

use std::collections::BTreeSet;

use atlas_contract_tests::{
    client::{
        observation::{Ended, Observation},
        rule::Profile,
        rules,
        scenario::Scenario,
    },
    report::Status,
    self_test::proxy::{Reply, Request, Transaction},
    suite::fixtures::Digest,
};
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method};
use serde_json::{Value, json};

use super::{judged, with};

const CLOUD: &str = include_str!("../../../testdata/wire/vagrant-2.4.9-cloud.jsonl");
const PACKER: &str =
    include_str!("../../../testdata/wire/packer-plugin-vagrant-1.1.7-vagrant-cloud.jsonl");
const REGISTRY: &str =
    include_str!("../../../testdata/wire/packer-plugin-vagrant-1.1.7-vagrant-registry.jsonl");

const PUBLISH: (&str, &str) = (CLOUD, "cloud publish, new box");
const TOKEN: &str = "the-token-of-then";

/// A change that makes a wrong client of a genuine one.
type Change = fn(&mut Vec<Transaction>);

/// Returns the bytes of a recorded body; those of an upload are filled up to the recorded size.
fn body(recorded: &Value) -> Vec<u8> {
    match recorded {
        Value::String(text) => match text.strip_prefix('<').and_then(|it| it.split_once(' ')) {
            Some((size, _)) => vec![b'.'; size.parse().unwrap()],
            None => text.clone().into_bytes(),
        },
        json => json.to_string().into_bytes(),
    }
}

fn transaction(line: &Value) -> Transaction {
    let (request, answered) = (&line["request"], &line["answered"]);
    let mut headers = HeaderMap::new();
    for header in request["headers"].as_array().unwrap() {
        let text = |at: usize| header[at].as_str().unwrap().replace("TOKEN", TOKEN);
        let name = HeaderName::try_from(text(0)).unwrap();
        headers.insert(name, HeaderValue::try_from(text(1)).unwrap());
    }
    Transaction {
        request: Request {
            method: request["method"].as_str().unwrap().parse().unwrap(),
            target: request["target"].as_str().unwrap().to_owned(),
            headers,
            body: body(&request["body"]).into(),
            is_complete: true,
        },
        reply: Some(Reply::new(
            answered["status"].as_u64().unwrap().try_into().unwrap(),
            answered["body"].to_string(),
        )),
        lost: false,
    }
}

/// Returns the transactions of a step of a recording.
fn recorded((lines, step): (&str, &str)) -> Vec<Transaction> {
    let lines = lines
        .lines()
        .map(|line| serde_json::from_str::<Value>(line).unwrap());
    let of_step = lines.filter(|line| line["step"] == step);
    let transactions: Vec<_> = of_step.map(|line| transaction(&line)).collect();
    assert!(!transactions.is_empty(), "{step}");
    transactions
}

/// Changes the fields of the provider in the request that makes it.
fn tell(transactions: &mut [Transaction], change: impl Fn(&mut Value)) {
    let made = transactions
        .iter_mut()
        .find(|it| it.request.path().ends_with("/providers"));
    let request = &mut made.unwrap().request;
    let mut body: Value = serde_json::from_slice(&request.body).unwrap();
    change(&mut body["provider"]);
    request.body = body.to_string().into();
}

/// Tells the checksum of these bytes, or none.
fn tell_checksum(transactions: &mut [Transaction], bytes: Option<&[u8]>) {
    tell(transactions, |provider| {
        provider["checksum"] = bytes.map(|bytes| Digest::of(bytes).to_string()).into();
    });
}

/// Returns the verdicts of the rules for boxes: those that passed, and those that failed or differ.
fn verdicts(transactions: Vec<Transaction>) -> (BTreeSet<String>, BTreeSet<String>) {
    let observed = Observation {
        scenario: Scenario::Fresh,
        token: TOKEN.to_owned(),
        transactions,
        ended: Ended {
            success: true,
            output: String::new(),
        },
    };
    let reports = judged(&[observed], Profile::Any);
    let of_boxes = |status| {
        let ids = with(&reports, status).into_iter();
        let ids = ids.filter_map(|id| id.strip_prefix("client.boxes-"));
        ids.map(str::to_owned).collect::<BTreeSet<_>>()
    };
    let mut broken = of_boxes(Status::Fail);
    broken.extend(of_boxes(Status::Difference));
    (of_boxes(Status::Pass), broken)
}

fn names(names: &[&str]) -> BTreeSet<String> {
    names.iter().map(ToString::to_string).collect()
}

/// Returns a genuine publication whose checksum is that of its bytes.
fn publication() -> Vec<Transaction> {
    let mut transactions = recorded(PUBLISH);
    let put = transactions
        .iter()
        .find(|it| it.request.path().starts_with("/_up/"));
    let bytes = put.unwrap().request.body.clone();
    tell_checksum(&mut transactions, Some(&bytes));
    transactions
}

fn all() -> BTreeSet<String> {
    let ids = rules::all().filter_map(|rule| rule.id.strip_prefix("client.boxes-"));
    ids.map(str::to_owned).collect()
}

#[test]
fn genuine_clients_keep_every_rule_for_boxes() {
    assert_eq!(verdicts(publication()), (all(), BTreeSet::new()));
    let without = |rules: &[&str]| &all() - &names(rules);
    for (recording, step, silent) in [
        (
            CLOUD,
            "cloud publish, second provider, no architecture given",
            &["checksum", "released-whole"][..],
        ),
        (
            PACKER,
            "vagrant-cloud: new version, direct upload, architecture from the box",
            &["checksum"],
        ),
        (
            PACKER,
            "vagrant-cloud: same again (version released)",
            &["checksum"],
        ),
        (
            REGISTRY,
            "vagrant-registry: new box, direct upload",
            &["checksum", "architecture"],
        ),
    ] {
        let (passed, broken) = verdicts(recorded((recording, step)));
        assert_eq!(broken, BTreeSet::new(), "{step}");
        assert_eq!(passed, without(silent), "{step}");
    }
}

#[test]
fn a_client_that_differs_in_one_thing_breaks_its_rule_and_no_other() {
    let changed = |change: Change| {
        let mut transactions = publication();
        change(&mut transactions);
        verdicts(transactions).1
    };
    fn at(transactions: &[Transaction], end: &str) -> usize {
        transactions
            .iter()
            .position(|it| it.request.path().ends_with(end))
            .unwrap()
    }
    let broken: [(&str, Change); 6] = [
        ("order", |it| drop(it.remove(at(it, "/boxes")))),
        ("callback", |it| {
            let callback = at(it, "/OBJ");
            it.swap(callback - 1, callback);
        }),
        ("checksum", |it| tell_checksum(it, Some(b"other bytes"))),
        ("released-whole", |it| {
            let ask = at(it, "/direct");
            it.drain(ask..ask + 3);
        }),
        ("made-once", |it| {
            let again = it[at(it, "/versions")].clone();
            it.insert(at(it, "/versions"), again);
        }),
        ("architecture", |it| {
            tell(it, |provider| {
                drop(provider.as_object_mut().unwrap().remove("architecture"))
            });
        }),
    ];
    for (rule, change) in broken {
        assert_eq!(changed(change), names(&[rule]), "{rule}");
    }
    let all_rules: BTreeSet<_> = broken.iter().map(|(rule, _)| (*rule).to_owned()).collect();
    assert_eq!(all_rules, all());
}

#[test]
fn what_comes_after_the_release_is_too_late() {
    let mut transactions = publication();
    let release = transactions.pop().unwrap();
    let ask = transactions
        .iter()
        .position(|it| it.request.path().ends_with("/direct"));
    transactions.insert(ask.unwrap(), release);
    let (_, broken) = verdicts(transactions);
    assert_eq!(broken, names(&["order"]));
}

/// Returns the rules that failed, of all rules.
fn failed(transactions: Vec<Transaction>) -> BTreeSet<String> {
    let observed = Observation {
        scenario: Scenario::Fresh,
        token: TOKEN.to_owned(),
        transactions,
        ended: Ended {
            success: true,
            output: String::new(),
        },
    };
    let reports = judged(&[observed], Profile::Any);
    names(&with(&reports, Status::Fail).into_iter().collect::<Vec<_>>())
}

#[test]
fn a_token_on_the_way_of_the_bytes_breaks_the_rule_for_every_upload() {
    let mut transactions = publication();
    assert_eq!(failed(transactions.clone()), BTreeSet::new());
    let put = transactions
        .iter_mut()
        .find(|it| it.request.path().starts_with("/_up/"));
    let bearer = HeaderValue::try_from(format!("Bearer {TOKEN}")).unwrap();
    put.unwrap().request.headers.insert("Authorization", bearer);
    assert_eq!(
        failed(transactions),
        names(&["client.upload-without-token"])
    );
}

#[test]
fn a_pushed_box_names_its_provider() {
    let push = |metadata: Value| {
        let mut request = publication().remove(0).request;
        request.method = Method::POST;
        request.target = "/api/v1/artifacts/acme/web/vagrant.box".to_owned();
        let version =
            json!({"artifact_version": {"id": "box", "file": false, "metadata": metadata}});
        request.body = version.to_string().into();
        let upload = "http://atlas.test/_up/1";
        let reply = json!({"version": 1, "file": false, "upload_path": upload});
        vec![Transaction {
            request,
            reply: Some(Reply::new(200, reply.to_string())),
            lost: false,
        }]
    };
    assert_eq!(
        failed(push(json!({"provider": "virtualbox"}))),
        BTreeSet::new()
    );
    for metadata in [json!({}), json!({"provider": ""})] {
        let broken = failed(push(metadata));
        assert_eq!(broken, names(&["client.box-names-provider"]));
    }
}

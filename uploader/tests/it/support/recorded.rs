//! Reads the recorded requests of Packer 1.2.5, and compares requests with them.

use std::collections::BTreeMap;

use serde_json::Value;

use super::server::Request;

/// Returns the genuine requests of a recording, one per line.
pub(crate) fn recorded(recording: &str) -> Vec<Value> {
    recording
        .lines()
        .map(|line| serde_json::from_str::<Value>(line).unwrap()["request"].take())
        .collect()
}

/// Returns the headers of a recorded request, by name in lower case.
fn headers(recorded: &Value) -> BTreeMap<String, &str> {
    let pairs = recorded["headers"].as_array().unwrap().iter();
    let text = |value: &'_ Value| value.as_str().unwrap().to_lowercase();
    pairs
        .map(|pair| (text(&pair[0]), pair[1].as_str().unwrap()))
        .collect()
}

/// Asserts that two requests are the same, except for the headers that name the client and the bytes of a
/// file, which differ with each packing.
pub(crate) fn assert_same(ours: &Request, theirs: &Value) {
    assert_eq!(ours.method, theirs["method"]);
    assert_eq!(ours.target, theirs["target"]);
    let genuine = headers(theirs);
    for name in [
        "x-atlas-token",
        "content-type",
        "content-length",
        "transfer-encoding",
    ] {
        let (sent, expected) = (ours.header(name).is_some(), genuine.contains_key(name));
        assert_eq!(sent, expected, "{name} of {}", ours.line());
    }
    assert_eq!(
        ours.header("content-type"),
        genuine.get("content-type").copied()
    );
    if let Some(body) = theirs["body"].as_str() {
        assert_eq!(String::from_utf8_lossy(&ours.body), body);
    }
}

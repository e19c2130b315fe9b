//! Tests that each request has an id, and that the log shows requests without their secrets.

use reqwest::{Method, Response};
use rustix::process::Signal;
use serde_json::Value;
use tokio::io::AsyncReadExt;

use crate::support::program::Program;
use crate::support::{Fixture, http, upload_path};

fn id_of(response: &Response) -> String {
    response.headers()["x-request-id"]
        .to_str()
        .unwrap()
        .to_owned()
}

#[tokio::test]
async fn each_reply_has_an_id_and_a_client_can_choose_it() {
    let fixture = Fixture::new().await;
    let ask = async |path: &str, id: Option<&str>| {
        let mut request = fixture.request(Method::GET, path);
        if let Some(id) = id {
            request = request.header("X-Request-Id", id);
        }
        id_of(&request.send().await.unwrap())
    };
    for path in ["/api/v1/token", "/nowhere", "/_mock/health"] {
        assert_eq!(ask(path, Some("build-7")).await, "build-7", "{path}");
        let made = ask(path, None).await;
        assert!(made.len() == 32 && made != ask(path, None).await, "{made}");
    }
    // An id that a log cannot show, or that is the token itself, is replaced.
    for sent in ["a b", "x\ty", "ROOT"] {
        assert_eq!(ask("/api/v1/token", Some(sent)).await.len(), 32, "{sent}");
    }
}

/// Returns the lines of a JSON log that say how a request ended.
async fn answered(program: Program) -> Vec<Value> {
    let mut program = program;
    let mut stderr = program.child.stderr.take().unwrap();
    assert_eq!(program.stop(Signal::TERM).await, Some(0));
    let mut log = String::new();
    stderr.read_to_string(&mut log).await.unwrap();
    let lines = log.lines().map(|line| serde_json::from_str(line).unwrap());
    lines
        .filter(|line: &Value| line["message"] == "answered")
        .collect()
}

#[tokio::test]
async fn a_line_of_log_tells_the_route_the_status_the_bytes_and_the_time() {
    let variables = [
        ("MOCK_ATLAS_TOKEN", "T"),
        ("MOCK_ATLAS_LOG", "info"),
        ("MOCK_ATLAS_LOG_FORMAT", "json"),
    ];
    let mut program = Program::serve(&[], &variables);
    let address = program.json().await["address"].as_str().unwrap().to_owned();
    let artifacts = format!("{address}/api/v1/artifacts");
    let http = http();
    let post = async |path: &str, body: &'static str| {
        let request = http.post(format!("{artifacts}{path}")).body(body);
        let request = request.header("X-Atlas-Token", "T");
        request.send().await.unwrap().json::<Value>().await.unwrap()
    };
    post("", r#"{"artifact":{"username":"acme","name":"web"}}"#).await;
    let version = r#"{"artifact_version":{"file":true}}"#;
    let version = post("/acme/web/x", version).await;
    let put = http.put(upload_path(&version)).body("bytes");
    put.header("X-Request-Id", "the-upload")
        .send()
        .await
        .unwrap();
    let file = format!("{artifacts}/acme/web/x/1/file?access_token=T");
    http.get(&file).send().await.unwrap().bytes().await.unwrap();
    http.head(&file).send().await.unwrap();

    let lines = answered(program).await;
    let of_file = "/api/v1/artifacts/{username}/{name}/{type}/{version}/file";
    for (line, (method, route, received, sent)) in lines.iter().zip([
        ("POST", "/api/v1/artifacts", 45, 62),
        ("POST", "/api/v1/artifacts/{username}/{name}/{type}", 34, 0),
        ("PUT", "/_binstore/{upload}", 5, 2),
        ("GET", of_file, 0, 5),
        ("HEAD", of_file, 0, 0),
    ]) {
        assert_eq!(
            (&line["method"], &line["route"]),
            (&method.into(), &route.into())
        );
        assert_eq!(
            (&line["status"], &line["received"]),
            (&200.into(), &received.into())
        );
        assert!(sent == 0 || line["sent"] == sent, "{line}");
        assert!(line["milliseconds"].is_u64(), "{line}");
        assert!(line["span"]["request_id"].is_string(), "{line}");
    }
    assert_eq!(lines.len(), 5);
    assert_eq!(lines[2]["span"]["request_id"], "the-upload");
}

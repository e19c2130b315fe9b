//! Tests the ways to add faults to an emulator: the API, seeds, commands and flags.

use mock_atlas::{Builder, Seed};
use reqwest::Method;
use serde_json::{Value, json};

use super::{SEARCH, fault, fired, fixture};
use crate::support::program::Program;
use crate::support::{Fixture, http, printed, program, run};

#[tokio::test]
async fn faults_are_added_listed_and_taken_away_by_the_emulators_own_api() {
    let fixture = fixture(&["search:status=503"]).await;
    let add = async |rule: &str| {
        let body = json!({"fault": {"rule": rule}});
        fixture.mock(Method::POST, "/faults", Some(body)).await
    };
    let made = add("upload:latency=2000ms,times=1").await;
    let rule = r#""rule":"upload:latency=2s,times=1""#;
    assert_eq!(
        made.body,
        format!(r#"{{"id":2,{rule},"seen":0,"fired":0}}"#)
    );
    fixture.get(SEARCH).await;
    let list = fixture.mock(Method::GET, "/faults", None).await;
    let search = r#"{"id":1,"rule":"search:status=503","seen":1,"fired":1}"#;
    assert_eq!(
        list.body,
        format!(r#"{{"faults":[{search},{}],"chaos":null}}"#, made.body)
    );
    for (rule, reason) in [
        (
            "upload:cut",
            "fault[rule]: the fault \"upload:cut\": unknown effect",
        ),
        ("search:cut-after=1", "cannot happen on the route"),
    ] {
        let refused = add(rule).await;
        assert_eq!(refused.status, 422);
        assert!(
            refused.json()["errors"][0]
                .as_str()
                .unwrap()
                .contains(reason)
        );
    }
    for (path, status) in [("/1", 204), ("/1", 404), ("/x", 404), ("", 204)] {
        let path = format!("/faults{path}");
        let reply = fixture.mock(Method::DELETE, &path, None).await;
        assert_eq!(reply.status.as_u16(), status, "{path}");
    }
    assert_eq!(fixture.get(SEARCH).await.status, 200);
    assert!(fixture.atlas.faults().is_empty());
}

#[tokio::test]
async fn only_the_root_token_sees_and_changes_faults() {
    let fixture = fixture(&["search:latency=1ms"]).await;
    for (method, path) in [
        (Method::GET, "/_mock/faults"),
        (Method::POST, "/_mock/faults"),
        (Method::DELETE, "/_mock/faults"),
        (Method::DELETE, "/_mock/faults/1"),
    ] {
        let ask = || {
            let body = json!({"fault": {"rule": "search:reset"}});
            fixture.anonymous(method.clone(), path).json(&body)
        };
        for request in [
            ask(),
            ask().bearer_auth("RIVAL"),
            ask().bearer_auth("other"),
        ] {
            assert_eq!(
                request.send().await.unwrap().status(),
                401,
                "{method} {path}"
            );
        }
    }
    assert_eq!(fixture.atlas.faults().len(), 1);
}

#[tokio::test]
async fn a_seed_declares_faults_and_a_reset_forgets_those_of_a_later_one() {
    let seed = Seed::from_toml("faults = [\"search:status=503,times=1\"]").unwrap();
    let change = |builder: Builder| builder.seed(seed).fault(fault("search:latency=1ms"));
    let fixture = Fixture::with(change).await;
    let later = json!({"faults": ["search:status=500"]});
    let reply = fixture.mock(Method::POST, "/seed", Some(later)).await;
    assert_eq!(reply.status, 204, "{}", reply.body);
    let bad = json!({"faults": ["search:status=501", "search:status=5"]});
    let reply = fixture.mock(Method::POST, "/seed", Some(bad)).await;
    assert_eq!(reply.status, 422, "{}", reply.body);
    let rules = || -> Vec<String> {
        let reports = fixture.atlas.faults();
        reports.iter().map(|it| it.fault.to_string()).collect()
    };
    let first = ["search:latency=1ms", "search:status=503,times=1"];
    assert_eq!(rules(), [&first[..], &["search:status=500"]].concat());
    fixture.mock(Method::POST, "/reset", None).await;
    assert_eq!(rules(), first);
}

#[tokio::test]
async fn commands_add_list_and_clear_faults() {
    let fixture = fixture(&[]).await;
    let atlas = &fixture.atlas;
    let add = ["fault", "add", "search:status=503,times=1"];
    assert_eq!(printed(atlas, &add).await, "1\n");
    assert_eq!(
        printed(atlas, &["fault", "add", "upload:reset"]).await,
        "2\n"
    );
    assert_eq!(fixture.get(SEARCH).await.status, 503);
    assert_eq!(
        printed(atlas, &["fault", "list"]).await,
        "1  1  1  search:status=503,times=1\n2  0  0  upload:reset\n"
    );
    printed(atlas, &["fault", "clear", "1"]).await;
    assert_eq!(atlas.faults().len(), 1);
    printed(atlas, &["fault", "clear"]).await;
    assert_eq!(printed(atlas, &["fault", "list"]).await, "");
    let gone = run(atlas, "ROOT", &["fault", "clear", "1"]).await;
    assert_eq!(gone.status.code(), Some(1));
    let wrong = run(atlas, "ROOT", &["fault", "add", "upload:cut"]).await;
    assert_eq!(wrong.status.code(), Some(2));
    let message = String::from_utf8(wrong.stderr).unwrap();
    assert!(message.contains("unknown effect \"cut\""), "{message}");
}

#[tokio::test]
async fn flags_and_variables_name_faults_and_chaos() {
    let arguments = [
        "--listen=127.0.0.1:0",
        "--token=T",
        "--output=json",
        "--fault=search:status=503,times=1",
        "--fault",
        "authenticate:status=429,every=2",
        "--chaos=0.000001",
    ];
    let mut emulator = Program::start(&arguments, &[]);
    let said = emulator.json().await;
    let faults = async |said: &Value| -> Value {
        let url = format!(
            "{}/_mock/faults?access_token=T",
            said["address"].as_str().unwrap()
        );
        http().get(url).send().await.unwrap().json().await.unwrap()
    };
    let all = faults(&said).await;
    assert_eq!(all["faults"][0]["rule"], "search:status=503,times=1");
    assert_eq!(all["faults"][1]["rule"], "authenticate:status=429,every=2");
    assert_eq!(all["chaos"]["probability"], 0.000001);
    assert!(said["chaos_seed"].is_u64() && all["chaos"]["seed"] == said["chaos_seed"]);

    let variables = [
        ("MOCK_ATLAS_FAULT", "search:reset upload:reset"),
        ("MOCK_ATLAS_CHAOS", "0.05"),
        ("MOCK_ATLAS_CHAOS_SEED", "42"),
    ];
    let mut emulator = Program::start(&arguments[..3], &variables);
    let said = emulator.json().await;
    assert_eq!(said["chaos_seed"], 42);
    assert_eq!(faults(&said).await["faults"].as_array().unwrap().len(), 2);

    let mut emulator = Program::start(&arguments[..2], &variables);
    while !emulator.line().await.contains("--chaos-seed 42") {}
}

#[tokio::test]
async fn a_flag_with_a_mistake_says_what_is_wrong() {
    for (arguments, code, reason) in [
        (
            ["--fault", "upload:cut-after=1k"],
            2,
            "cut-after must be a whole number",
        ),
        (["--chaos", "5"], 1, "chaos must be from 0 to 1"),
    ] {
        let output = program().args(arguments).output().await.unwrap();
        assert_eq!(output.status.code(), Some(code), "{arguments:?}");
        let message = String::from_utf8(output.stderr).unwrap();
        assert!(message.contains(reason), "{message}");
    }
}

#[tokio::test]
async fn a_reset_of_the_state_brings_back_the_faults_of_the_start_and_no_others() {
    let fixture = Fixture::with(|builder| builder.fault(fault("search:status=503,times=1"))).await;
    for _ in 0..2 {
        fixture.make_artifact("acme", "web").await;
        fixture.atlas.add_fault(fault("search:status=500"));
        for status in [503, 500] {
            assert_eq!(fixture.get(SEARCH).await.status, status);
        }
        fixture.mock(Method::POST, "/reset", None).await;
        let reports = fixture.atlas.faults();
        let faults: Vec<_> = reports.iter().map(|it| it.fault.to_string()).collect();
        assert_eq!(faults, ["search:status=503,times=1"]);
        assert_eq!(fired(&fixture), [0]);
    }
    fixture.atlas.clear_faults();
    assert!(fixture.atlas.faults().is_empty());
}

#[tokio::test]
async fn a_command_within_chaos_keeps_its_stdout_to_itself() {
    let chaos = ["exec", "--chaos=0.5", "--chaos-seed=42", "--", "true"];
    let output = program().args(chaos).output().await.unwrap();
    assert_eq!(output.status.code(), Some(0));
    assert_eq!(output.stdout, b"");
    let said = String::from_utf8(output.stderr).unwrap();
    assert!(said.contains("--chaos-seed 42"), "{said}");
}

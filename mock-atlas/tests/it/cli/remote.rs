//! Tests the commands of the program that send requests to a running emulator.

use reqwest::Method;
use rustix::process::Signal;
use serde_json::{Value, json};

use crate::support::program::Program;
use crate::support::{FILE, Fixture, printed, program, run, status_of};

fn stderr(output: &std::process::Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

#[tokio::test]
async fn a_token_is_made_listed_and_revoked() {
    let fixture = Fixture::new().await;
    let atlas = &fixture.atlas;
    let made = printed(
        atlas,
        &["token", "create", "rival", "--description", "c\x1bi"],
    )
    .await;
    let url = format!(
        "{}/api/v1/token?access_token={}",
        atlas.url(),
        made.trim_end()
    );
    assert_eq!(status_of(&url).await, Some(200));

    let list = printed(atlas, &["token", "list"]).await;
    let lines: Vec<&str> = list.lines().collect();
    assert_eq!(lines.len(), 3, "{list}");
    assert!(
        !list.contains(made.trim_end()) && !list.contains("RIVAL"),
        "{list}"
    );
    let last: Vec<&str> = lines[2].split_whitespace().collect();
    assert_eq!((last[1], last[6]), ("rival", "c?i"), "{list}");
    assert_eq!(last[3], "admin", "the scope: {list}");

    assert_eq!(printed(atlas, &["token", "revoke", last[0]]).await, "");
    assert_eq!(status_of(&url).await, Some(401));
    let again = run(atlas, "ROOT", &["token", "revoke", last[0]]).await;
    assert_eq!(again.status.code(), Some(1));
    assert!(
        stderr(&again).contains("Resource not found!"),
        "{}",
        stderr(&again)
    );
}

#[tokio::test]
async fn json_is_what_the_emulator_answered() {
    let fixture = Fixture::new().await;
    let arguments = ["token", "create", "rival", "--output", "json"];
    let made: Value = serde_json::from_str(&printed(&fixture.atlas, &arguments).await).unwrap();
    assert_eq!(made["username"], "rival");
    let arguments = ["token", "list", "--output", "json"];
    let all: Value = serde_json::from_str(&printed(&fixture.atlas, &arguments).await).unwrap();
    assert_eq!(all["tokens"][2]["id"], made["id"]);
}

#[tokio::test]
async fn what_cannot_be_done_says_why() {
    let fixture = Fixture::new().await;
    let atlas = &fixture.atlas;
    for (token, arguments, message) in [
        (
            "RIVAL",
            &["token", "list"][..],
            "401 Unauthorized: This is for the token",
        ),
        (
            "canary",
            &["token", "list"],
            "401 Unauthorized: The token is missing or unknown",
        ),
        (
            "ROOT",
            &["token", "create", "eve"],
            "there is no user of this name",
        ),
        (
            "ROOT",
            &["token", "list", "--atlas-url", "ftp://127.0.0.1"],
            "must be like http://",
        ),
        (
            "ROOT",
            &[
                "token",
                "list",
                "--atlas-url",
                "http://amy:canary@127.0.0.1:1",
            ],
            "must not contain a user or a password",
        ),
        (
            "ROOT",
            &["token", "list", "--atlas-url", "http://127.0.0.1:1"],
            "Is mock-atlas running there?",
        ),
        (
            "can\nary",
            &["token", "list"],
            "characters that a request cannot contain",
        ),
    ] {
        let output = run(atlas, token, arguments).await;
        assert_eq!(output.status.code(), Some(1), "{arguments:?}");
        let stderr = stderr(&output);
        assert!(stderr.contains(message), "{stderr}");
        assert!(
            !stderr.contains("canary") && !stderr.contains("ary\n"),
            "{stderr}"
        );
    }
    let output = run(atlas, "ROOT", &["token", "revoke", "../reset"]).await;
    assert_eq!(output.status.code(), Some(2));
}

#[tokio::test]
async fn what_a_proxy_wants_before_each_path_is_asked_for() {
    let fixture = Fixture::new().await;
    let proxied = format!("{}/behind/a/proxy/api/v1/", fixture.atlas.url());
    let output = run(&fixture.atlas, "ROOT", &["lints", "--atlas-url", &proxied]).await;
    assert_eq!(output.status.code(), Some(1), "there is no proxy");
    let requests = fixture.atlas.requests();
    let paths: Vec<&str> = requests.iter().map(|one| &*one.path).collect();
    assert_eq!(paths, ["/behind/a/proxy/_mock/lints"]);
}

#[tokio::test]
async fn the_settings_of_an_emulator_find_it_too() {
    let mut emulator = Program::serve(&[], &[("MOCK_ATLAS_TOKEN", "T")]);
    let address = emulator.json().await["address"]
        .as_str()
        .unwrap()
        .to_owned();
    let port = address.rsplit(':').next().unwrap();
    let output = program()
        .args(["token", "list"])
        .env("ATLAS_ADDRESS", "")
        .env("ATLAS_TOKEN", "")
        .env("MOCK_ATLAS_LISTEN", format!("0.0.0.0:{port}"))
        .env("MOCK_ATLAS_TOKEN", "T")
        .output()
        .await
        .unwrap();
    assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
    let output = program()
        .args([
            "token",
            "list",
            "--atlas-url",
            &format!("{address}/api/v1/"),
        ])
        .env_remove("ATLAS_TOKEN")
        .output()
        .await
        .unwrap();
    assert_eq!(output.status.code(), Some(1));
    assert!(
        stderr(&output).contains("Set --token or ATLAS_TOKEN."),
        "{}",
        stderr(&output)
    );
    assert_eq!(emulator.stop(Signal::TERM).await, Some(0));
}

#[tokio::test]
async fn the_state_is_seeded_looked_at_and_reset() {
    let fixture = Fixture::new().await;
    let atlas = &fixture.atlas;
    let folder = tempfile::tempdir().unwrap();
    let seed = folder.path().join("seed.toml");
    let text = "[[artifacts]]\nname = \"acme/web\"\n\n[[artifacts.versions]]\ntype = \"custom.image\"\nfile = { path = \"disk.img\" }\n\n\
                [[boxes]]\nname = \"acme/box\"\n[[boxes.versions]]\nversion = \"1.0\"\nproviders = [{ name = \"kvm\", file = { path = \"disk.img\" } }]\n";
    std::fs::write(&seed, text).unwrap();
    let seed = seed.to_str().unwrap();
    let missing = run(atlas, "ROOT", &["seed", seed]).await;
    assert_eq!(missing.status.code(), Some(1));
    assert!(stderr(&missing).contains("artifacts[0].versions[0].file"));

    // The bytes are no UTF-8.
    std::fs::write(folder.path().join("disk.img"), [0, 159, 146, 150]).unwrap();
    assert_eq!(printed(atlas, &["seed", seed]).await, "");
    let path = format!("{FILE}/1/file");
    let file = fixture.request(Method::GET, &path).send().await.unwrap();
    assert_eq!(&file.bytes().await.unwrap()[..], [0, 159, 146, 150]);
    let file = fixture
        .request(Method::GET, "/api/v1/artifacts/acme/box/vagrant.box/1/file")
        .send();
    let bytes = file.await.unwrap().bytes().await.unwrap();
    assert_eq!(&bytes[..], [0, 159, 146, 150]);
    let again = run(atlas, "ROOT", &["seed", seed]).await;
    assert!(
        stderr(&again).contains("artifacts[0]: "),
        "{}",
        stderr(&again)
    );

    fixture.make_version(json!({"file": true})).await;
    let orphans = printed(atlas, &["orphans"]).await;
    assert!(
        orphans.starts_with("acme/web/custom.image/2  reserved  0  -  "),
        "{orphans}"
    );
    printed(atlas, &["delete", "acme/web/custom.image/2"]).await;
    assert_eq!(printed(atlas, &["orphans"]).await, "");
    for name in ["acme/web", "acme/box"] {
        printed(atlas, &["delete", name]).await;
    }
    assert_eq!(fixture.get(&path).await.status, 404);
    printed(atlas, &["seed", seed]).await;
    printed(atlas, &["reset"]).await;
    assert_eq!(fixture.get(&path).await.status, 404);

    let users = folder.path().join("users.json");
    std::fs::write(&users, r#"{"users": [{"username": "amy"}]}"#).unwrap();
    printed(atlas, &["seed", users.to_str().unwrap()]).await;
    printed(atlas, &["token", "create", "amy"]).await;

    for slug in ["acme", "acme/web/x", "acme/../reset/x", "acme/a?b"] {
        let output = run(atlas, "ROOT", &["delete", slug]).await;
        assert_ne!(output.status.code(), Some(0), "{slug}");
    }
}

#[tokio::test]
async fn health_is_an_exit_code() {
    let fixture = Fixture::new().await;
    let healthy = run(&fixture.atlas, "", &["health"]).await;
    assert_eq!(
        (healthy.status.code(), &healthy.stdout[..]),
        (Some(0), &b"ready\n"[..])
    );
    let gone = run(
        &fixture.atlas,
        "",
        &["health", "--atlas-url", "http://127.0.0.1:1"],
    )
    .await;
    assert_eq!(gone.status.code(), Some(1));
}

/// Returns the endpoints below `/_mock`, as `endpoint/admin.rs` lists them: `("GET", "/health")`.
fn calls() -> Vec<(String, &'static str)> {
    let (_, routes) = include_str!("../../../src/endpoint/admin.rs")
        .split_once("impl Admin {")
        .unwrap();
    let pieces: Vec<&str> = routes.split("\"/_mock").collect();
    let call = |pair: &[&'static str]| {
        let method = pair[0].trim_end().trim_end_matches(',');
        let method = method.rsplit(['(', ' ']).next().unwrap();
        let path = pair[1].split('"').next().unwrap();
        (method.to_uppercase(), path)
    };
    pieces.windows(2).map(call).collect()
}

#[tokio::test]
async fn each_call_of_the_emulators_own_api_has_a_command() {
    let fixture = Fixture::new().await;
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
    let (seed, archive, tree) = (path("seed.json"), path("atlas.tar"), path("tree"));
    let text = r#"{
        "artifacts": [{"name": "acme/web", "versions": [
            {"type": "custom.image"}, {"type": "custom.image"}
        ]}],
        "boxes": [{"name": "acme/box"}]
    }"#;
    std::fs::write(&seed, text).unwrap();
    let printed = async |line: &str| {
        let arguments: Vec<&str> = line.split(' ').collect();
        printed(&fixture.atlas, &arguments).await
    };
    for line in [
        "health",
        "token create rival",
        "reset",
        "quota set rival 1GiB",
        "quota list",
        "quota remove rival",
        "fault add upload:reset",
        "fault list",
        "fault clear 1",
        "fault clear",
        &format!("seed {seed}"),
        &format!("backup {archive}"),
        &format!("restore {archive}"),
        &format!("export {tree}"),
        &format!("import {tree}"),
        "channel set acme/web:custom.image production 1",
        "channel set acme/web:custom.image production 2",
        "channel rollback acme/web:custom.image production",
        "channel list acme/web",
        "channel history acme/web:custom.image production",
        "channel remove acme/web:custom.image production",
        "delete acme/web/custom.image/1",
        "delete acme/web",
        "orphans",
        "requests",
        "requests --clear",
        "verify --lint",
        "lints",
        "metrics",
        "openapi",
        "audit",
    ] {
        printed(line).await;
    }
    let list = printed("token list").await;
    let id = list.lines().last().unwrap().split(' ').next().unwrap();
    printed(&format!("token revoke {id}")).await;
    let added = printed("webhook add http://127.0.0.1:9/").await;
    let id = added.lines().next().unwrap();
    let number = printed(&format!("webhook test {id}")).await;
    printed(format!("webhook redeliver {number}").trim_end()).await;
    printed("webhook deliveries").await;
    printed("webhook list").await;
    printed(&format!("webhook remove {id}")).await;

    let metrics = printed("metrics").await;
    assert!(metrics.ends_with("\n# EOF\n"), "{metrics}");
    let calls = calls();
    assert!(calls.contains(&("GET".to_owned(), "/metrics")), "{calls:?}");
    for (method, path) in calls {
        let count = format!(r#"requests_total{{method="{method}",route="/_mock{path}",status="2"#);
        assert!(
            metrics.contains(&count),
            "no command asks for {method} {path}"
        );
    }
}

//! Tests that neither stream shows a secret, whatever the server replies and however much is logged.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use serde_json::json;

use crate::support::gzip;
use crate::support::program::{Program, assert_run};
use crate::support::server::{Reply, Request, Server};

const TOKEN: &str = "canary/T0ken+with \"signs\"";
const UPLOAD: &str = "canary-upload-0123456789";

/// Replies like an Atlas that repeats every secret it knows: in headers, in errors and in names.
fn talkative(url: &str, request: &Request) -> Reply {
    let upload = format!("{url}/store/{UPLOAD}");
    let escaped = TOKEN
        .replace('/', "%2F")
        .replace('+', "%2b")
        .replace(' ', "%20")
        .replace('"', "%22");
    let echo = json!({"errors": [format!("bad token {TOKEN}"), format!("{TOKEN:?} {escaped}"), format!("see {upload} or {UPLOAD}")]});
    let reply = match (request.method.as_str(), request.target.as_str()) {
        (_, "/api/v1/authenticate") => Reply::json(200, json!({"user": {"username": TOKEN}})),
        ("PUT", _) => Reply::json(500, echo),
        ("POST", _) => Reply::json(
            200,
            json!({
                "version": 1, "slug": TOKEN, "upload_path": upload, "upload_token": UPLOAD,
            }),
        ),
        // A pull searches before it receives the secret address.
        (_, target) if target.ends_with("search?version=1") => {
            Reply::json(200, json!({"versions": []}))
        }
        (_, target) if target.contains("search") => Reply::json(422, echo),
        (_, target) if target.ends_with("/file") => Reply::redirect(302, &upload),
        (_, target) if target.contains("store") => Reply::json(403, echo),
        _ => Reply::json(
            200,
            json!({"artifact": {"username": TOKEN, "name": UPLOAD}}),
        ),
    };
    reply.with("X-Echo", TOKEN).with("X-Echo-Upload", UPLOAD)
}

/// Writes a template whose token comes from a variable, which other settings use too.
fn template(program: &Program) {
    let block = json!({
        "type": "atlas", "token": "{{user `t`}}", "artifact": "acme/web", "artifact_type": "t",
        "metadata": {"oops": "{{user `t`}}"},
    });
    let wrong =
        json!({"type": "atlas", "artifact": "{{user `t`}}/{{user `t`}}/x", "only": ["other"]});
    let template = json!({
        "builders": [{"type": "qemu"}, {"type": "other"}], "post-processors": [block, wrong],
    });
    program.write("template.json", template.to_string());
    let build = json!({"name": "qemu", "artifact_id": "VM", "packer_run_uuid": "1"});
    let manifest = json!({"builds": [build], "last_run_uuid": "1"});
    program.write("manifest.json", manifest.to_string());
}

/// The runs in which a secret could appear: through a name, a reply, an error, a redirect or an
/// argument.
const RUNS: &[&[&str]] = &[
    &["whoami"],
    &["whoami", "--output", "json"],
    &["push", "acme/web", "--type", "t", "disk.img.gz"],
    &[
        "push",
        "acme/web",
        "--type",
        "t",
        "disk.img.gz",
        "--output",
        "json",
    ],
    &[
        "push",
        "acme/web",
        "--type",
        "t",
        "disk.img.gz",
        "--progress",
        "json",
    ],
    &[
        "push",
        "acme/web",
        "--type",
        "t",
        "disk.img.gz",
        "--progress",
        "bar",
    ],
    &[
        "pull",
        "acme/web",
        "--type",
        "t",
        "--version",
        "1",
        "--extract",
        "folder",
    ],
    &["show", "acme/web", "--type", "t"],
    &["config"],
    &[
        "push",
        "--template",
        "template.json",
        "--manifest",
        "manifest.json",
        "--var",
        "t=canary/T0ken+with \"signs\"",
    ],
    &[
        "push",
        "--template",
        "template.json",
        "--manifest",
        "manifest.json",
        "--var",
        "T0ken",
    ],
    &["config", "--output", "json", "--token", TOKEN],
    &["search", "acme/web", "--type", "t"],
    &[
        "pull",
        "acme/web",
        "--type",
        "t",
        "--version",
        "1",
        "-o",
        "out",
    ],
    &["push", "acme/web", "--type", "t", "--tokem", TOKEN],
    &["search", TOKEN, "--type", "t", "--token", TOKEN],
];

/// The flags for a single retry: each attempt has the same output.
const FEW: &[&str] = &["--retries", "1"];

/// A part of the token that every encoding of it contains.
const TELLTALE: &str = "T0ken";

#[tokio::test(flavor = "multi_thread")]
async fn no_secret_appears_in_any_stream_at_the_highest_log_level() {
    let server = Server::start(talkative).await;
    let program = Program::at(server.url(), TOKEN);
    program.write("disk.img.gz", gzip(b"disk"));
    template(&program);
    let levels: [&[&str]; 4] = [&[], &["-v"], &["-vv"], &["-vvvv"]];
    let all = RUNS
        .iter()
        .flat_map(|arguments| levels.map(|level| [*arguments, level, FEW].concat()));
    futures_util::future::join_all(all.map(async |arguments| {
        let all = program.run(&arguments).await.to_string();
        assert!(!all.contains(TELLTALE), "{arguments:?}: {all}");
        let learnt = arguments.contains(&"disk.img.gz") || arguments.contains(&"pull");
        assert!(!learnt || !all.contains(UPLOAD), "{arguments:?}: {all}");
    }))
    .await;
    // The server received the token, so there was a secret to hide.
    assert!(
        server
            .requests()
            .iter()
            .any(|request| request.header("x-atlas-token") == Some(TOKEN))
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn the_highest_log_level_shows_the_connections_and_what_was_redacted() {
    let server = Server::start(talkative).await;
    let program = Program::at(server.url(), TOKEN);
    program.write("disk.img.gz", gzip(b"disk"));
    let run = program
        .run(&[
            "push",
            "acme/web",
            "--type",
            "t",
            "disk.img.gz",
            "-vvv",
            "--retries",
            "1",
        ])
        .await;
    assert_eq!(run.code, 7);
    for shown in ["TRACE", "hyper", "reqwest", "atlas_uploader", "[REDACTED]"] {
        assert!(run.stderr.contains(shown), "{shown} {run}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_servers_own_words_arrive_without_the_secrets_in_them() {
    let server = Server::start(talkative).await;
    let program = Program::at(server.url(), TOKEN);
    program.write("disk.img.gz", gzip(b"disk"));
    let push = [&["push", "acme/web", "--type", "t", "disk.img.gz"], FEW].concat();
    assert_run("echoed_secrets", program.run(&push).await);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_push_that_is_resumed_shows_no_secret_either() {
    let [resuming, told] = [(); 2].map(|()| Arc::new(AtomicBool::new(false)));
    let (later, tell) = (Arc::clone(&resuming), Arc::clone(&told));
    let server = Server::start(move |url, request| {
        // Only the first request of the resumed push is refused.
        let first = later.load(Ordering::Relaxed) && !tell.swap(true, Ordering::Relaxed);
        if first {
            return Reply::json(
                503,
                json!({"errors": [format!("see {url}/store/{UPLOAD}")]}),
            );
        }
        talkative(url, request)
    })
    .await;
    let program = Program::at(server.url(), TOKEN);
    program.write("disk.img.gz", gzip(b"disk"));
    let push = ["push", "acme/web", "--type", "t", "disk.img.gz"];
    let receipt = ["--receipt", "push.json"];
    assert_eq!(
        program.run(&[&push[..], &receipt, FEW].concat()).await.code,
        7
    );
    let kept = std::fs::read_to_string(program.path("push.json")).unwrap();
    assert!(kept.contains(UPLOAD) && !kept.contains(TELLTALE), "{kept}");
    resuming.store(true, Ordering::Relaxed);
    for level in ["-v", "-vv", "-vvvv"] {
        let resume = ["push", "--resume", "push.json", level];
        let all = program.run(&[&resume, FEW].concat()).await.to_string();
        assert!(all.contains("exit code: 7"), "{all}");
        assert!(!all.contains(TELLTALE) && !all.contains(UPLOAD), "{all}");
    }
    assert!(told.load(Ordering::Relaxed));
}

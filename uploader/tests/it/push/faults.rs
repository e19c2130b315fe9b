//! These tests put every fault of a network and a server between the program and a real emulator. Each test
//! pushes into the fault, and then resumes the push from its receipt. Afterwards at most one version is visible,
//! and the receipt agrees.

use std::sync::atomic::{AtomicUsize, Ordering};

use atlas_uploader::api::SearchQuery;
use mock_atlas::MockAtlas;
use serde_json::{Value, json};

use crate::support::program::{Program, Run, assert_run};
use crate::support::server::{Reply, Request, Server};
use crate::support::{CANARY, client, gzip};

const RECEIPT: &str = "push.json";
const FILE: &[&str] = &["disk.img.gz"];
/// The timeout for a server that never answers; it is not shorter, since a server that does answer may run on a
/// slow machine.
const SOON: &[&str] = &["--timeout", "3"];
const NO_FILE: &[&str] = &["--id", "ami-1"];

struct Scene {
    atlas: MockAtlas,
    proxy: Server,
    program: Program,
}

/// Starts an emulator with an artifact, behind a proxy that answers the first `times` requests of a kind with a
/// fault.
async fn scene(kind: fn(&Request) -> bool, times: usize, fault: fn(&str) -> Reply) -> Scene {
    let atlas = MockAtlas::builder()
        .token(CANARY)
        .public_artifact("acme/web")
        .start()
        .await
        .unwrap();
    let (upstream, seen) = (atlas.url().to_owned(), AtomicUsize::new(0));
    let proxy = Server::start(move |_, request| {
        if kind(request) && seen.fetch_add(1, Ordering::Relaxed) < times {
            fault(&upstream)
        } else {
            Reply::Forward(upstream.clone(), None)
        }
    })
    .await;
    let program = Program::at(proxy.url(), CANARY);
    program.write("disk.img.gz", gzip(&noise()));
    Scene {
        atlas,
        proxy,
        program,
    }
}

/// Returns a megabyte that cannot be compressed, so that a connection can break in its middle.
fn noise() -> Vec<u8> {
    let mut state = 1_u32;
    let mut next = || {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (state >> 24) as u8
    };
    std::iter::repeat_with(&mut next).take(1_000_000).collect()
}

fn the_version(request: &Request) -> bool {
    request.method == "POST" && request.target.ends_with("/acme/web/t")
}

fn the_bytes(request: &Request) -> bool {
    request.method == "PUT"
}

/// Forwards the request to the emulator and replaces its reply.
fn done_but(upstream: &str, reply: Reply) -> Reply {
    Reply::Forward(upstream.to_owned(), Some(Box::new(reply)))
}

fn refused(status: u16) -> Reply {
    Reply::json(status, json!({"errors": [format!("no, {CANARY}")]}))
}

impl Scene {
    /// Pushes with one repeat and a receipt; returns the run and a description of the end state.
    async fn push(&self, what: &[&str]) -> (Run, String) {
        let push = ["push", "acme/web", "--type", "t", "--retries", "1"];
        let arguments = [&push, what, &["--receipt", RECEIPT]].concat();
        let run = self.program.run(&arguments).await;
        let told = format!("{run}{}", self.end().await);
        (run, told)
    }

    async fn resume(&self) -> (Run, String) {
        let run = self.program.run(&["push", "--resume", RECEIPT]).await;
        let told = format!("{run}{}", self.end().await);
        (run, told)
    }

    fn receipt(&self) -> Value {
        let text = std::fs::read(self.program.path(RECEIPT)).unwrap();
        serde_json::from_slice::<Value>(&text).unwrap()["pushes"][0].take()
    }

    /// Describes the receipt and the visible versions.
    async fn end(&self) -> String {
        let receipt = self.receipt();
        let seen = self.visible().await;
        assert!(seen.len() <= 1, "doubled: {seen:?}");
        if receipt["state"] == "done" {
            assert_eq!(seen, [receipt["version"].as_u64().unwrap()]);
        }
        format!(
            "--- receipt\n{} version {}, possible orphans {}\n--- visible\n{seen:?}\n",
            receipt["state"].as_str().unwrap(),
            receipt["version"],
            receipt["possible_orphans"]
        )
    }

    async fn visible(&self) -> Vec<u64> {
        let client = client(self.atlas.url(), CANARY);
        let (name, kind) = ("acme/web".parse().unwrap(), "t".parse().unwrap());
        let found = client.search(&name, &kind, &SearchQuery::default()).await;
        found
            .unwrap()
            .iter()
            .map(|version| version.version)
            .collect()
    }

    fn requests(&self, kind: fn(&Request) -> bool) -> usize {
        let requests = self.proxy.requests();
        requests.iter().filter(|request| kind(request)).count()
    }

    /// Pushes into the fault and resumes; resumes once more, which must make no difference.
    async fn story(&self, name: &str, what: &[&str]) {
        let (first, told) = self.push(what).await;
        assert_ne!(first.code, 0, "{first}");
        let (second, then) = self.resume().await;
        assert_eq!(second.code, 0, "{second}");
        let (third, _) = self.resume().await;
        assert_eq!((third.code, &third.stdout), (0, &second.stdout), "{third}");
        assert_eq!(self.visible().await.len(), 1);
        tell(name, &format!("{told}\n=== resumed\n{then}"));
    }

    /// Pushes into a fault that the push survives without being resumed.
    async fn ends_well(&self, name: &str, what: &[&str]) {
        let (run, told) = self.push(what).await;
        assert_eq!(run.code, 0, "{run}");
        tell(name, &told);
    }
}

fn tell(name: &str, told: &str) {
    for secret in ["T0ken", "_binstore"] {
        assert!(!told.contains(secret), "{told}");
    }
    assert_run(&format!("fault_{name}"), told);
}

fn the_bytes_or_a_look_at_them(request: &Request) -> bool {
    the_bytes(request) || request.target.ends_with("/file")
}

#[tokio::test(flavor = "multi_thread")]
async fn the_bytes_arrive_and_nobody_can_tell() {
    // The proxy replaces the replies to two PUTs and to the two requests that look for the bytes.
    let kind = the_bytes_or_a_look_at_them;
    let scene = scene(kind, 4, |url| done_but(url, refused(503))).await;
    scene.story("stored_and_unknown", FILE).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_bytes_arrive_and_their_address_is_refused_then() {
    let kind = the_bytes_or_a_look_at_them;
    let scene = scene(kind, 2, |url| done_but(url, refused(503))).await;
    // A second proxy in front of the first refuses all later PUTs, and all later requests for the bytes.
    let upstream = scene.proxy.url().to_owned();
    let (sent, asked) = (AtomicUsize::new(0), AtomicUsize::new(0));
    let proxy = Server::start(move |_, request| {
        let count = |counter: &AtomicUsize| counter.fetch_add(1, Ordering::Relaxed);
        if the_bytes(request) && count(&sent) > 0 {
            return refused(403);
        }
        if request.target.ends_with("/file") && count(&asked) > 0 {
            return refused(503);
        }
        Reply::Forward(upstream.clone(), None)
    })
    .await;
    let push = ["push", "acme/web", "--type", "t", "--retries", "1"];
    let address = ["--atlas-url", proxy.url()];
    let run = scene
        .program
        .run(&[&push[..], FILE, &address].concat())
        .await;
    assert_eq!(run.code, 6, "{run}");
    let told = "hint: it is unknown whether the bytes of acme/web/t/1 have arrived";
    assert!(run.stderr.contains(told), "{run}");
    let told =
        "check before you push again: atlas-upload search acme/web --type t --version 1; with";
    assert!(run.stderr.contains(told), "{run}");
    assert!(!run.stderr.contains("invisible"), "{run}");
    assert_eq!(scene.visible().await, [1]);
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_listens() {
    let scene = scene(|_| true, 2, |_| Reply::Hangup).await;
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let closed = format!("http://{}", listener.local_addr().unwrap());
    drop(listener);
    let program = Program::at(&closed, CANARY);
    let arguments = [
        &["push", "acme/web", "--type", "t", "--receipt", RECEIPT],
        NO_FILE,
    ];
    let run = program
        .run(&[&arguments.concat()[..], &["--retries", "1"]].concat())
        .await;
    assert_eq!(run.code, 7);
    tell("nobody_listens", &run.to_string());
    let receipt = std::fs::read_to_string(program.path(RECEIPT)).unwrap();
    assert!(receipt.contains(r#""state": "planned""#), "{receipt}");
    assert!(scene.visible().await.is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn the_connection_is_reset_in_the_middle_of_the_bytes() {
    let scene = scene(the_bytes, 2, |_| Reply::ResetAfter(300_000)).await;
    // The system's message depends on the moment at which it notices the reset.
    let (run, _) = scene.push(FILE).await;
    assert_eq!(run.code, 7);
    assert!(run.stderr.contains("Error uploading"), "{run}");
    assert!(run.stderr.contains("to acme/web/t/1"), "{run}");
    let (run, told) = scene.resume().await;
    assert_eq!(run.code, 0, "{run}");
    tell("reset_then_resumed", &told);
}

#[tokio::test(flavor = "multi_thread")]
async fn all_bytes_are_taken_and_thrown_away() {
    let scene = scene(the_bytes, 2, |_| refused(503)).await;
    scene.story("taken_and_lost", FILE).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_bytes_are_stored_and_the_reply_is_503() {
    let scene = scene(the_bytes, 1, |atlas| done_but(atlas, refused(503))).await;
    scene.ends_well("stored_and_503", FILE).await;
    assert_eq!(scene.requests(the_bytes), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_bytes_are_stored_and_there_is_no_reply() {
    let scene = scene(the_bytes, 1, |atlas| done_but(atlas, Reply::Hangup)).await;
    scene.ends_well("stored_and_hung_up", FILE).await;
    assert_eq!(scene.requests(the_bytes), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_bytes_are_stored_and_the_reply_takes_too_long() {
    let scene = scene(the_bytes, 1, |atlas| done_but(atlas, Reply::Silence)).await;
    scene
        .ends_well("stored_and_silent", &[FILE, SOON].concat())
        .await;
    assert_eq!(scene.requests(the_bytes), 1);
}

/// Returns the page of a gateway that demands a login.
fn page(kind: &str) -> Reply {
    let page = b"<html>Welcome! Accept our terms.</html>".to_vec();
    Reply::Status(200, Vec::new(), page).with("Content-Type", kind)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_success_comes_before_the_bytes_were_taken() {
    let early = |_: &str| Reply::Early(Box::new(Reply::json(200, json!({}))));
    let scene = scene(the_bytes, 2, early).await;
    // No connection can buffer that many bytes, so the reply is certainly early.
    scene
        .program
        .write(FILE[0], gzip(&crate::support::noise(16_000_000)));
    let (run, _) = scene.push(FILE).await;
    assert_eq!(run.code, 7, "{run}");
    assert!(
        run.stderr
            .contains("the server answered 200 OK after taking"),
        "{run}"
    );
    assert!(scene.visible().await.is_empty());
    let (run, told) = scene.resume().await;
    assert_eq!(run.code, 0, "{run}");
    tell("early_success_then_resumed", &told);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_page_comes_instead_of_a_confirmation_and_nothing_is_stored() {
    let scene = scene(the_bytes, 2, |_| page("Text/HTML; charset=utf-8")).await;
    scene.story("page_and_not_stored", FILE).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_page_comes_instead_of_a_confirmation_and_the_bytes_are_stored() {
    let scene = scene(the_bytes, 1, |atlas| {
        done_but(atlas, page("application/xhtml+xml"))
    })
    .await;
    scene.ends_well("page_and_stored", FILE).await;
    assert_eq!(scene.requests(the_bytes), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_bytes_are_too_many() {
    let scene = scene(the_bytes, 1, |_| refused(413)).await;
    scene.story("too_large", FILE).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_upload_is_redirected() {
    let scene = scene(the_bytes, 1, |_| Reply::redirect(307, "/elsewhere")).await;
    scene.story("upload_redirected", FILE).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_address_of_the_upload_has_expired() {
    let mut told = String::new();
    for status in [401, 403, 404, 410] {
        let fault: fn(&str) -> Reply = match status {
            401 => |_| refused(401),
            403 => |_| refused(403),
            404 => |_| refused(404),
            _ => |_| refused(410),
        };
        let scene = scene(the_bytes, usize::MAX, fault).await;
        let (_, first) = scene.push(FILE).await;
        let (_, second) = scene.resume().await;
        told += &format!("{first}\n=== resumed\n{second}\n");
        // The push must not create a new version.
        assert_eq!(scene.requests(the_version), 1);
    }
    tell("upload_expired", &told);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_version_without_a_file_is_made_and_there_is_no_reply() {
    let scene = scene(the_version, 1, |atlas| done_but(atlas, Reply::Hangup)).await;
    scene.ends_well("made_and_hung_up", NO_FILE).await;
    assert_eq!(scene.requests(the_version), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_version_without_a_file_is_made_and_the_reply_is_503() {
    let scene = scene(the_version, 1, |atlas| done_but(atlas, refused(503))).await;
    scene.ends_well("made_and_503", NO_FILE).await;
    assert_eq!(scene.requests(the_version), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_version_without_a_file_is_made_and_the_reply_is_a_refusal_for_now() {
    let refusals = [
        (
            "408",
            (|atlas| done_but(atlas, refused(408))) as fn(&str) -> Reply,
        ),
        ("425", |atlas| done_but(atlas, refused(425))),
        ("429", |atlas| done_but(atlas, refused(429))),
        ("302", |atlas| {
            let nowhere = Reply::Status(302, Vec::new(), Vec::new());
            done_but(atlas, nowhere)
        }),
    ];
    for (status, fault) in refusals {
        let scene = scene(the_version, 1, fault).await;
        scene
            .ends_well(&format!("made_and_{status}"), NO_FILE)
            .await;
        assert_eq!(scene.requests(the_version), 1);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_version_without_a_file_is_made_and_the_reply_takes_too_long() {
    let scene = scene(the_version, 1, |atlas| done_but(atlas, Reply::Silence)).await;
    scene
        .ends_well("made_and_silent", &[NO_FILE, SOON].concat())
        .await;
    assert_eq!(scene.requests(the_version), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_version_without_a_file_is_made_and_the_reply_is_garbled() {
    let garbled = |atlas: &str| done_but(atlas, Reply::Status(200, Vec::new(), b"{oops".to_vec()));
    let scene = scene(the_version, 1, garbled).await;
    scene.ends_well("made_and_garbled", NO_FILE).await;
    assert_eq!(scene.requests(the_version), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_version_without_a_file_is_not_made_and_the_reply_is_503() {
    let scene = scene(the_version, 1, |_| refused(503)).await;
    scene.ends_well("not_made_and_503", NO_FILE).await;
    assert_eq!(scene.requests(the_version), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_version_without_a_file_is_not_made_and_nobody_answers_in_time() {
    // The server could still create the version, so the program searches for it instead of creating another.
    let scene = scene(the_version, 1, |_| Reply::Silence).await;
    scene
        .story("not_made_and_silent", &[NO_FILE, SOON].concat())
        .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_version_without_a_file_is_made_and_the_reply_is_a_redirect_to_it() {
    let seen = |atlas: &str| done_but(atlas, Reply::redirect(302, "/acme/web/1"));
    let scene = scene(the_version, 1, seen).await;
    scene.ends_well("made_and_redirected", NO_FILE).await;
    assert_eq!(scene.requests(the_version), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_older_push_of_the_same_is_not_taken_for_this_one() {
    let scene = scene(the_version, 1, |_| Reply::Hangup).await;
    let older = crate::support::push_without_file("ami-1");
    let older = atlas_uploader::Push {
        artifact_type: "t".parse().unwrap(),
        idempotency_key: Some("older".to_owned()),
        ..older
    };
    let client = client(scene.atlas.url(), CANARY);
    atlas_uploader::push(&client, &older).await.unwrap();
    let push = ["push", "acme/web", "--type", "t", "--retries", "1"];
    let run = scene.program.run(&[&push, NO_FILE].concat()).await;
    assert_eq!(
        (run.code, run.stdout.as_str()),
        (0, "acme/web/t/2\n"),
        "{}",
        run.stderr
    );
    assert_eq!(scene.visible().await, [2, 1]);
}

#[tokio::test(flavor = "multi_thread")]
async fn without_marks_a_version_without_a_file_is_left_in_doubt() {
    let scene = scene(the_version, 1, |atlas| done_but(atlas, Reply::Hangup)).await;
    let (first, told) = scene.push(&[NO_FILE, &["--no-digest"]].concat()).await;
    let (second, then) = scene.resume().await;
    assert_eq!((first.code, second.code), (9, 9));
    assert_eq!(scene.requests(the_version), 1);
    tell("in_doubt", &format!("{told}\n=== resumed\n{then}"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_version_that_awaits_its_file_is_made_and_there_is_no_reply() {
    let scene = scene(the_version, 1, |atlas| done_but(atlas, Reply::Hangup)).await;
    scene.ends_well("orphaned", FILE).await;
    assert_eq!(scene.requests(the_version), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_version_that_awaits_its_file_is_made_and_the_reply_is_garbled() {
    let garbled = |atlas: &str| done_but(atlas, Reply::Status(200, Vec::new(), b"{oops".to_vec()));
    let scene = scene(the_version, 1, garbled).await;
    scene.story("orphaned_by_garbled_reply", FILE).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_token_is_refused_halfway() {
    let scene = scene(the_version, 1, |_| refused(401)).await;
    scene.story("refused_halfway", NO_FILE).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_version_is_redirected() {
    let scene = scene(the_version, 1, |_| Reply::redirect(301, "/elsewhere")).await;
    scene.story("version_redirected", FILE).await;
}

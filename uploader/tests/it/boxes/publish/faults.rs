//! Publishes through a proxy that spoils single requests: nothing is made twice, and a receipt finishes what was
//! stopped.

use std::collections::BTreeMap;
use std::sync::Mutex;

use serde_json::json;

use super::a_box;
use super::emulator::{Scene, parsed};
use crate::support::program::Program;
use crate::support::server::{Reply, Request, Server};

/// The requests of a publication that write, and that for the addresses of the upload.
const STEPS: [(&str, &str); 7] = [
    ("POST", "/boxes"),
    ("POST", "/versions"),
    ("POST", "/providers"),
    ("GET", "/upload/direct"),
    ("PUT", "/_binstore/"),
    ("PUT", "/upload/complete/"),
    ("PUT", "/release"),
];

fn is_step(request: &Request, (method, part): (&str, &str)) -> bool {
    request.method == method && request.target.contains(part)
}

/// Starts a proxy before the emulator. `spoil` returns the reply in place of the emulator's, and whether the emulator
/// gets the request all the same; it is asked with the number of the request among those of its kind.
async fn proxy(
    upstream: &str,
    spoil: impl Fn(&Request, u32) -> Option<(Reply, bool)> + Send + Sync + 'static,
) -> Server {
    let upstream = upstream.to_owned();
    let seen: Mutex<BTreeMap<String, u32>> = Mutex::default();
    Server::start(move |_, request| {
        let number = {
            let mut seen = seen.lock().unwrap();
            let kind = STEPS.iter().position(|step| is_step(request, *step));
            let number = seen.entry(format!("{kind:?}")).or_default();
            *number += 1;
            *number
        };
        match spoil(request, number) {
            Some((reply, false)) => reply,
            Some((reply, true)) => Reply::Forward(upstream.clone(), Some(Box::new(reply))),
            None => Reply::Forward(upstream.clone(), None),
        }
    })
    .await
}

/// Asserts that exactly one file is there, and that it is the one of this folder.
async fn assert_published(scene: &Scene, what: &str) {
    let shown = scene.json(&["show", "acme/web"]).await;
    let versions = shown["versions"].as_array().unwrap();
    assert_eq!(versions.len(), 1, "{what}");
    assert_eq!(versions[0]["state"], "active", "{what}");
    let files = versions[0]["providers"].as_array().unwrap();
    assert_eq!(files.len(), 1, "{what}");
    let whole = std::fs::read(scene.program.path("web.box")).unwrap();
    assert!(scene.downloaded("1.0.0").await == whole, "{what}");
}

fn publish(scene: &Scene, url: &str) -> Program {
    let program = Program::at(url, crate::support::CANARY);
    program.write(
        "web.box",
        std::fs::read(scene.program.path("web.box")).unwrap(),
    );
    program
}

const PUBLISH: [&str; 8] = [
    "box",
    "publish",
    "acme/web",
    "1.0.0",
    "libvirt",
    "web.box",
    "--release",
    "--output=json",
];

#[tokio::test(flavor = "multi_thread")]
async fn a_reply_that_is_lost_at_any_step_makes_nothing_twice() {
    for step in STEPS {
        let scene = Scene::new("v2").await;
        let proxy = proxy(scene.atlas.url(), move |request, number| {
            (is_step(request, step) && number == 1).then_some((Reply::Hangup, true))
        })
        .await;
        let run = publish(&scene, proxy.url()).run(&PUBLISH).await;
        parsed(&run);
        assert_published(&scene, &format!("{step:?}: {run}")).await;
    }
}

/// The steps of a publication to HCP, each with its own address.
const STEPS_OF_HCP: [(&str, &str); 8] = [
    ("POST", "/boxes"),
    ("POST", "/versions"),
    ("POST", "/providers"),
    ("POST", "/architectures"),
    ("GET", "/direct/upload"),
    ("PUT", "/_binstore/"),
    ("PUT", "/direct/complete/"),
    ("PUT", "/release"),
];

#[tokio::test(flavor = "multi_thread")]
async fn a_reply_of_hcp_that_is_lost_at_any_step_makes_nothing_twice() {
    for step in STEPS_OF_HCP {
        let scene = Scene::new("hcp").await;
        let lost = std::sync::atomic::AtomicBool::new(false);
        let proxy = proxy(scene.atlas.url(), move |request, _| {
            let spoils =
                is_step(request, step) && !lost.swap(true, std::sync::atomic::Ordering::Relaxed);
            spoils.then_some((Reply::Hangup, true))
        })
        .await;
        let publish = publish(&scene, proxy.url());
        let run = publish
            .run(&[&PUBLISH[..], &["--api", "hcp"]].concat())
            .await;
        parsed(&run);
        assert_published(&scene, &format!("{step:?}: {run}")).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_request_that_fails_once_at_any_step_is_repeated() {
    for step in STEPS {
        let scene = Scene::new("v2").await;
        let proxy = proxy(scene.atlas.url(), move |request, number| {
            let unavailable = Reply::json(503, json!({}));
            (is_step(request, step) && number == 1).then_some((unavailable, false))
        })
        .await;
        let run = publish(&scene, proxy.url()).run(&PUBLISH).await;
        parsed(&run);
        assert_published(&scene, &format!("{step:?}: {run}")).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stopped_publication_continues_at_any_step_with_the_same_command() {
    for step in STEPS {
        let scene = Scene::new("v2").await;
        let proxy = proxy(scene.atlas.url(), move |request, _| {
            let refused = Reply::json(403, json!({"errors": ["no"]}));
            is_step(request, step).then_some((refused, false))
        })
        .await;
        let program = publish(&scene, proxy.url());
        let run = program.run(&PUBLISH).await;
        assert_eq!(run.code, 6, "{step:?}: {run}");
        let again = publish(&scene, scene.atlas.url()).run(&PUBLISH).await;
        parsed(&again);
        assert_published(&scene, &format!("{step:?}: {again}")).await;
    }
}

/// The bytes of a large box are not sent again when only the completion of the upload was missing.
#[tokio::test(flavor = "multi_thread")]
async fn a_receipt_completes_an_upload_without_sending_the_bytes_again() {
    let scene = Scene::new("v2").await;
    let is_blocked = std::sync::Arc::new(std::sync::atomic::AtomicBool::new(true));
    let blocked = is_blocked.clone();
    let proxy = proxy(scene.atlas.url(), move |request, _| {
        let refused = Reply::json(403, json!({"errors": ["no"]}));
        let is_last = is_step(request, ("PUT", "/upload/complete/"));
        let is_blocked = blocked.load(std::sync::atomic::Ordering::Relaxed);
        (is_last && is_blocked).then_some((refused, false))
    })
    .await;
    let program = publish(&scene, proxy.url());
    let run = program
        .run(&[&PUBLISH[..], &["--receipt", "web.json"]].concat())
        .await;
    assert_eq!(run.code, 6, "{run}");
    let told = "atlas-upload box publish --resume web.json";
    assert!(run.stderr.contains(told), "{run}");
    let receipt = std::fs::read_to_string(program.path("web.json")).unwrap();
    let uploads = || {
        proxy
            .lines()
            .iter()
            .filter(|line| line.contains("/_binstore/"))
            .count()
    };
    assert_eq!(uploads(), 1);
    for secret in receipt.lines().filter(|line| line.contains("/_binstore/")) {
        let (_, secret) = secret.rsplit_once('/').unwrap();
        assert!(
            !run.to_string()
                .contains(secret.trim_end_matches(['"', ','])),
            "{run}"
        );
    }

    // Another file must not be published under the name of the first.
    program.write("web.box", a_box("libvirt", b"another disk"));
    let resume = ["box", "publish", "--resume", "web.json", "--output", "json"];
    let refused = program.run(&resume).await;
    assert_eq!(refused.code, 8, "{refused}");
    assert!(
        refused.stderr.contains("the files have changed"),
        "{refused}"
    );
    program.write(
        "web.box",
        std::fs::read(scene.program.path("web.box")).unwrap(),
    );
    let elsewhere = program
        .run(&[&resume[..], &["--atlas-url", "http://127.0.0.1:9"]].concat())
        .await;
    assert_eq!(elsewhere.code, 2, "{elsewhere}");

    is_blocked.store(false, std::sync::atomic::Ordering::Relaxed);
    let run = program.run(&resume).await;
    assert_eq!(parsed(&run)["file"], "uploaded", "{run}");
    assert_eq!(uploads(), 1);
    assert_published(&scene, "resumed").await;
    let again = program.run(&resume).await;
    let again = parsed(&again);
    assert_eq!(
        (&again["file"], &again["released"]),
        (&json!("present"), &json!(true))
    );
    assert_eq!(uploads(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_upload_address_that_is_not_accepted_any_more_is_replaced() {
    let scene = Scene::new("v2").await;
    let proxy = proxy(scene.atlas.url(), |request, number| {
        let expired = Reply::Status(403, Vec::new(), b"expired".to_vec());
        (is_step(request, ("PUT", "/_binstore/")) && number == 1).then_some((expired, false))
    })
    .await;
    let run = publish(&scene, proxy.url()).run(&PUBLISH).await;
    parsed(&run);
    assert_published(&scene, &run.to_string()).await;
    let lines = proxy.lines();
    let asked = lines.iter().filter(|line| line.contains("/upload/direct"));
    assert_eq!(asked.count(), 2, "{lines:?}");
}

/// A gateway confirms the bytes and keeps them.
#[tokio::test(flavor = "multi_thread")]
async fn bytes_that_were_confirmed_and_did_not_arrive_are_sent_again() {
    for direct in [true, false] {
        let scene = Scene::new("v2").await;
        let proxy = proxy(scene.atlas.url(), |request, number| {
            let swallowed = Reply::json(200, json!({}));
            (is_step(request, ("PUT", "/_binstore/")) && number == 1).then_some((swallowed, false))
        })
        .await;
        let program = publish(&scene, proxy.url());
        let more: &[&str] = if direct { &[] } else { &["--no-direct-upload"] };
        let run = program.run(&[&PUBLISH[..], more].concat()).await;
        parsed(&run);
        assert_published(&scene, &run.to_string()).await;
    }
}

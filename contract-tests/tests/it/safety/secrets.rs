//! No secret leaves the program, whatever the server replies and wherever the program writes.

use std::{fs, sync::Mutex};

use atlas_contract_tests::self_test::proxy::{
    PassThrough, Proxy, Reply, ReplyInterceptor, Request,
};
use axum::http::Method;
use base64::prelude::{BASE64_STANDARD, Engine as _};
use serde_json::json;

use crate::support::{
    program::{Output, aimed_at, run, told_by_operator},
    proxy,
};

/// The upload path that a server handed out to another client, and repeats in every reply.
const OF_ANOTHER: &str = "4c0e6a52-93de-4c1b-8b0f-5d1c7f0a2e77";

/// Repeats all earlier requests and replies, and with them the upload paths, in every reply.
fn echo() -> impl Fn(&Request, &mut Reply) {
    let transcript = Mutex::new(String::new());
    move |request: &Request, reply: &mut Reply| {
        let mut transcript = transcript.lock().unwrap();
        let body = String::from_utf8_lossy(&request.body);
        let said = format!("{} {:?} {body}\n", request.target, request.headers);
        let handed_out = String::from_utf8_lossy(&reply.body).into_owned();
        // The newest text comes first, so that it is in the part of a reply that is shown.
        let another = json!({"upload_path": format!("https://bin.test/{OF_ANOTHER}")});
        *transcript = format!("{another} {handed_out} {said}{transcript}")
            .chars()
            .take(3_000)
            .collect();
        if request.target.contains("/authenticate") || request.method == Method::POST {
            reply.change(|body| body["you_said"] = transcript.clone().into());
        } else {
            reply.status = 418;
            reply.body = transcript.clone().into_bytes();
        }
    }
}

/// Returns all texts that no output may contain: the last segments of the upload paths that the server saw, and the
/// configured secrets.
fn secrets(proxy: &Proxy) -> Vec<String> {
    let settings = proxy.settings();
    let seen = proxy.seen();
    let puts = seen.iter().filter(|it| it.method == Method::PUT);
    // The last segment of a callback is that of the upload path.
    let keyed = |path: &str| path.starts_with("/_binstore/") || path.contains("/complete/");
    let puts = puts.filter(|it| keyed(it.path()));
    let paths = puts.map(|it| it.path().rsplit('/').next().unwrap().to_owned());
    let password = settings.password.unwrap();
    let (id, secret) = (settings.client_id.unwrap(), settings.client_secret.unwrap());
    let basic = BASE64_STANDARD.encode(format!("{id}:{secret}"));
    let given = [
        OF_ANOTHER.to_owned(),
        settings.token,
        settings.other_token.unwrap(),
        basic,
        password.replace(' ', "+"),
        password,
    ];
    paths.chain(given).collect()
}

fn assert_hidden(proxy: &Proxy, texts: &[&str]) {
    let secrets = secrets(proxy);
    for text in texts {
        for secret in &secrets {
            assert!(!text.contains(secret), "{secret} is shown");
        }
    }
}

#[tokio::test]
async fn a_server_that_repeats_all_it_hears_betrays_nothing() {
    let proxy = proxy(ReplyInterceptor(echo())).await;
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
    let (report, journal) = (path("report.json"), path("run.jsonl"));
    let settings = proxy.settings();
    let told = told_by_operator(&settings);
    let files = ["--json", &report, "--journal", &journal];
    let run_output = run(&aimed_at(&settings, &[&told[..], &files].concat())).await;
    assert_eq!(
        run_output.code, 1,
        "{} {}",
        run_output.stderr, run_output.stdout
    );
    let written = [&report, &journal].map(|file| fs::read_to_string(file).unwrap());
    assert!(written.iter().all(|text| text.len() > 1000));
    assert!(
        run_output.stdout.contains("you_said"),
        "{}",
        run_output.stdout
    );
    assert!(secrets(&proxy).len() > 20);
    let clean = ["cleanup", "--journal", &journal, "--token", &settings.token];
    let clean_output = run(&clean).await;
    let Output { stdout, stderr, .. } = &run_output;
    let texts = [
        stdout,
        stderr,
        &written[0],
        &written[1],
        &clean_output.stdout,
    ];
    assert_hidden(&proxy, &texts.map(String::as_str));
    assert_hidden(&proxy, &[&clean_output.stderr]);
}

#[tokio::test]
async fn neither_a_plan_nor_the_journal_of_a_good_run_has_a_secret() {
    let proxy = proxy(PassThrough).await;
    let folder = tempfile::tempdir().unwrap();
    let journal = folder.path().join("run.jsonl");
    let settings = proxy.settings();
    let told = told_by_operator(&settings);
    let plan = run(&aimed_at(&settings, &[&told[..], &["--plan"]].concat())).await;
    let kept = ["--journal", journal.to_str().unwrap()];
    let whole = run(&aimed_at(&settings, &[&told[..], &kept].concat())).await;
    assert_eq!((plan.code, whole.code), (0, 0));
    let journal = fs::read_to_string(&journal).unwrap();
    assert_hidden(
        &proxy,
        &[&plan.stdout, &plan.stderr, &whole.stdout, &journal],
    );
}

//! Why the suite may be aimed at somebody's server: where it writes, and whom it shows its token.

#![allow(clippy::unwrap_used, reason = "in a test a panic is the verdict")]

mod support;

use atlas_contract_tests::proxy::{Replies, Reply, Request, Right};

use axum::http::Method;
use support::{proxy, reports};

#[tokio::test]
async fn everything_is_written_below_the_namespace_and_under_the_prefix_of_the_run() {
    let proxy = proxy(Right).await;
    reports(&proxy, &[], true).await;
    let seen = proxy.seen();
    let writes: Vec<_> = seen.iter().filter(|it| it.method != Method::GET).collect();
    let strange: Vec<_> = writes
        .iter()
        .filter(|it| !is_of_the_run(it))
        .map(|it| format!("{} {} {:?}", it.method, it.target, it.body))
        .collect();
    assert!(strange.is_empty(), "{strange:#?}");
    assert!(writes.len() > 100, "{}", writes.len());
}

fn is_of_the_run(request: &Request) -> bool {
    let own = |text: &str, start: &str| text.starts_with(start) || start.starts_with(text);
    let path = request.path();
    if let Some(within) = path.strip_prefix("/api/v1/artifacts/acme/") {
        within.starts_with("contract-") || within.starts_with("public/contract-")
    } else if path == "/api/v1/artifacts" {
        // One clause sends half of a body, which may end before the name does.
        let text = String::from_utf8_lossy(&request.body)
            .replace("%5B", "[")
            .replace("%5D", "]");
        own(&text, r#"{"artifact":{"username":"acme","name":"contract-"#)
            || own(&text, "artifact[username]=acme&artifact[name]=contract-")
    } else {
        // An upload goes where the reply to a version said.
        request.method == Method::PUT || path == "/api/v1/authenticate"
    }
}

#[tokio::test]
async fn files_behind_a_redirect_are_found_and_no_token_reaches_their_origin() {
    let files = proxy(Replies(|_: &Request, reply: &mut Reply| {
        reply.status = 200;
        reply.body = b"from the other origin".to_vec();
    }))
    .await;
    let elsewhere = format!("{}/signed/file?signature=canary", files.url);
    let redirect = move |request: &Request, reply: &mut Reply| {
        if request.is(Method::GET, "/file") && reply.status == 200 {
            reply.status = 302;
            reply.body.clear();
            reply.location = Some(elsewhere.clone());
        }
    };
    let proxy = proxy(Replies(redirect)).await;
    let reports = reports(&proxy, &["download.numbered"], false).await;
    // The other bytes prove that the redirect was followed.
    assert!(
        reports[0]
            .detail
            .to_string()
            .contains("from the other origin"),
        "{}",
        reports[0]
    );
    assert!(
        !reports[0].detail.to_string().contains("canary"),
        "{}",
        reports[0]
    );
    let seen = files.seen();
    assert!(seen.iter().any(|it| it.path() == "/signed/file"));
    for request in seen {
        assert!(
            !request.headers.contains_key("X-Atlas-Token"),
            "{:?}",
            request.headers
        );
        assert!(
            !request.headers.contains_key("Authorization"),
            "{:?}",
            request.headers
        );
    }
}

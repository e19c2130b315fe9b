//! The suite writes only below its namespace and prefix, and sends its token only to the configured server.

use atlas_contract_tests::{
    run::{settings::Settings, target::Target},
    safety::policy::{Access, Policy},
    self_test::proxy::{PassThrough, Reply, ReplyInterceptor, Request},
    suite::fixtures::Digest,
};
use axum::http::Method;

use crate::support::{
    program::{aimed_at, output, program, run},
    proxy, reports,
};

#[tokio::test]
async fn everything_is_written_below_the_namespace_and_under_the_prefix_of_the_run() {
    let proxy = proxy(PassThrough).await;
    reports(&proxy, &[], true).await;
    let seen = proxy.seen();
    let reads = |it: &&Request| matches!(it.method, Method::GET | Method::HEAD);
    let writes: Vec<_> = seen.iter().filter(|it| !reads(it)).collect();
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
        // One clause sends half of a body, which may end within the name.
        let text = String::from_utf8_lossy(&request.body)
            .replace("%5B", "[")
            .replace("%5D", "]");
        own(&text, r#"{"artifact":{"username":"acme","name":"contract-"#)
            || own(&text, "artifact[username]=acme&artifact[name]=contract-")
    } else if let Some(within) = within_box(path) {
        within.starts_with("contract-")
    } else if path.ends_with("/boxes") {
        let text = String::from_utf8_lossy(&request.body);
        // One clause sends a body without a box.
        text.contains("contract-") || text == "{}"
    } else if request.method == Method::DELETE {
        path == "/api/v1/authenticate"
    } else if request.method == Method::POST {
        let logins = [
            "/api/v1/authenticate",
            "/api/v1/two-factor/request-code",
            "/oauth2/token",
        ];
        logins.contains(&path)
    } else {
        // An upload goes to the path in the reply to a version.
        path.starts_with("/_binstore/")
    }
}

/// Returns the part of a path that begins with the name of a box in the namespace.
fn within_box(path: &str) -> Option<&str> {
    let mut boxes = ["/api/v1/box/acme/", "/api/v2/box/acme/", HCP_BOX].into_iter();
    boxes.find_map(|start| path.strip_prefix(start))
}

const HCP_BOX: &str = "/vagrant/2022-09-30/registry/acme/box/";

#[tokio::test]
async fn files_behind_a_redirect_are_found_and_no_token_reaches_their_origin() {
    let files = proxy(ReplyInterceptor(|_: &Request, reply: &mut Reply| {
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
    let proxy = proxy(ReplyInterceptor(redirect)).await;
    let reports = reports(&proxy, &["download.numbered"], false).await;
    // The digest of the other bytes proves that the redirect was followed.
    assert!(
        reports[0]
            .detail
            .to_string()
            .contains(&Digest::of(b"from the other origin").to_string()),
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

#[tokio::test]
async fn a_signed_address_is_hidden_in_the_reply_that_redirects_there() {
    let redirect = |request: &Request, reply: &mut Reply| {
        if request.path().contains("/api/v1/api/v1/") {
            let signed = "https://bin.test/key?a=1&signature=canary";
            reply.status = 302;
            reply.location = Some(signed.to_owned());
            reply.body = format!("<a href=\"{}\">", signed.replace('&', "&amp;")).into();
        }
    };
    let proxy = proxy(ReplyInterceptor(redirect)).await;
    let reports = reports(&proxy, &["auth.base-path"], false).await;
    let detail = reports[0].detail.to_string();
    assert!(
        detail.contains("[redirect]") && !detail.contains("canary"),
        "{detail}"
    );
}

/// Returns the settings of the same server, under an address that is not known to be on this machine.
fn elsewhere(settings: Settings) -> Settings {
    Settings {
        url: settings.url.replace("127.0.0.1", "0.0.0.0"),
        ..settings
    }
}

#[tokio::test]
async fn a_server_elsewhere_is_written_to_only_with_permission() {
    let proxy = proxy(PassThrough).await;
    let settings = elsewhere(proxy.settings());
    let public = ["--public-artifact", "acme/public"];
    let refused = run(&aimed_at(&settings, &public)).await;
    assert_eq!((refused.code, refused.stdout.as_str()), (2, ""));
    for named in [
        settings.url.as_str(),
        "acme/contract-",
        "in acme/public",
        "--allow-writes",
        "ATLAS_CONTRACT_ALLOW_WRITES=1",
        "--read-only",
    ] {
        assert!(
            refused.stderr.contains(named),
            "{named}: {}",
            refused.stderr
        );
    }
    assert!(proxy.seen().is_empty());
    let filter = ["--pace", "1000", "--filter", "artifacts.create"];
    let mut by_variable = program(&aimed_at(&settings, &filter));
    by_variable.env("ATLAS_CONTRACT_ALLOW_WRITES", "1");
    let by_flag = program(&aimed_at(
        &settings,
        &[&filter[..], &["--allow-writes"]].concat(),
    ));
    for mut allowed in [by_flag, by_variable] {
        allowed.env("NO_PROXY", "*");
        let allowed = output(allowed).await;
        assert_eq!(allowed.code, 0, "{}{}", allowed.stdout, allowed.stderr);
    }
    for word in ["", "0", "False"] {
        let mut denied = program(&aimed_at(&settings, &filter));
        denied.env("ATLAS_CONTRACT_ALLOW_WRITES", word);
        assert_eq!(output(denied).await.code, 2, "{word}");
    }
}

#[tokio::test]
async fn a_pace_that_is_none_is_refused_by_name() {
    let proxy = proxy(PassThrough).await;
    for pace in ["0", "fast"] {
        let refused = run(&aimed_at(&proxy.settings(), &["--pace", pace])).await;
        assert_eq!(refused.code, 2);
        assert!(refused.stderr.contains("--pace"), "{}", refused.stderr);
    }
    assert!(proxy.seen().is_empty());
}

#[test]
fn the_variables_of_the_tests_allow_writes_by_a_word_of_their_own() {
    let policy = |allowed: &str| {
        let variable = |name: &str| match name {
            "ATLAS_CONTRACT_ALLOW_WRITES" => Some(allowed.to_owned()),
            "ATLAS_CONTRACT_URL" => Some("https://a.test".to_owned()),
            _ => (name == "ATLAS_CONTRACT_TOKEN").then(|| "T".to_owned()),
        };
        let namespace = |name: &str| match name {
            "ATLAS_CONTRACT_NAMESPACE" => Some("acme".to_owned()),
            _ => variable(name),
        };
        let settings = Settings::from_variables(namespace).unwrap().unwrap();
        settings.policy
    };
    for word in ["1", "yes"] {
        assert_eq!(policy(word).access, Access::Anywhere, "{word}");
        assert!(policy(word).journal.is_some(), "what they make is kept");
    }
    for word in ["", "0", "False", "NO", "n", " off"] {
        assert_eq!(policy(word).access, Access::Loopback, "{word}");
    }
}

#[test]
fn settings_and_targets_can_be_shown_without_their_secrets() {
    let settings = Settings {
        url: "https://a.test".to_owned(),
        token: "canary-token".to_owned(),
        namespace: "acme".to_owned(),
        login: Some("amy".to_owned()),
        password: Some("canary password".to_owned()),
        other_token: Some("canary-other".to_owned()),
        policy: Policy::default(),
        ..Settings::default()
    };
    let target = Target::new(settings.clone()).unwrap();
    let shown = format!("{settings:?} {target:?}");
    assert!(
        shown.contains("acme") && !shown.contains("canary"),
        "{shown}"
    );
}

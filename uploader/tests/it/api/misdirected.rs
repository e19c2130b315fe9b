//! Tests redirects to origins where the token is not sent, redirects to HTML pages, and servers that are not
//! an Atlas.

use serde_json::json;

use crate::support::plugin::{Plugin, map};
use crate::support::program::{Program, Run};
use crate::support::server::{Reply, Request, Server};
use crate::support::{CANARY, gzip, well};

const PAGE: &[u8] = b"\n<!DOCTYPE html><title>Log in</title>";

const COMMANDS: [&[&str]; 5] = [
    &["whoami"],
    &["push", "acme/web", "--type", "t", "disk.img.gz"],
    &["show", "acme/web"],
    &["search", "acme/web", "--type", "t"],
    &["pull", "acme/web", "--type", "t", "--version", "1"],
];

/// Runs every command with an Atlas at this address.
async fn all_commands(url: &str) -> Vec<(&'static str, Run)> {
    let program = Program::at(url, CANARY);
    program.write("disk.img.gz", gzip(b"disk"));
    let mut runs = Vec::new();
    for command in COMMANDS {
        runs.push((command[0], program.run(command).await));
        // Nothing was pulled, because the server is not an Atlas.
        assert_eq!(std::fs::read_dir(program.folder()).unwrap().count(), 1);
    }
    runs
}

/// Answers as an Atlas that hides everything that is not public from requests without a token.
fn careful(url: &str, request: &Request) -> Reply {
    match (request.header("x-atlas-token"), request.method.as_str()) {
        (Some(_), _) => well(url, request),
        (None, "GET") if !request.target.ends_with("/authenticate") => Reply::json(404, json!({})),
        (None, _) => Reply::json(401, json!({"errors": ["who are you?"]})),
    }
}

fn page() -> Reply {
    Reply::Status(200, Vec::new(), PAGE.to_vec()).with("Content-Type", "text/html; charset=utf-8")
}

#[tokio::test(flavor = "multi_thread")]
async fn an_atlas_that_has_moved_is_told_with_its_address_and_the_token_is_not_blamed() {
    for status in [301, 302, 303, 307, 308] {
        let new = Server::start(careful).await;
        let place = new.url().to_owned();
        let old = Server::start(move |_, request| {
            Reply::redirect(status, &format!("{place}/atlas{}", request.target))
        })
        .await;
        for (command, run) in all_commands(old.url()).await {
            let (code, refusal) = match command {
                "whoami" | "push" => (4, "401 Unauthorized"),
                _ => (5, "404 Not Found"),
            };
            assert_eq!(run.code, code, "{command} {run}");
            let told = format!("redirected to {}/atlas/api/v1/", new.url());
            assert!(run.stderr.contains(&told), "{command} {run}");
            let told = format!(", where the token is not sent: {refusal}");
            assert!(run.stderr.contains(&told), "{command} {run}");
            let hint = format!(
                "hint: the Atlas' address came from the variable ATLAS_ADDRESS; set it to {}/atlas, if",
                new.url()
            );
            assert!(run.stderr.contains(&hint), "{command} {run}");
            assert!(!run.stderr.contains("the token came from"), "{run}");
        }
        assert!(!format!("{:?}", new.requests()).contains("T0ken"));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_redirect_that_loses_the_path_is_told_with_the_place_it_leads_to() {
    let new = Server::start(|_, _| Reply::json(404, json!({}))).await;
    for path in ["/", "/sso/authenticate", "/authenticate"] {
        let place = format!("{}{path}", new.url());
        let old = Server::start(move |_, _| Reply::redirect(301, &place)).await;
        let run = Program::at(old.url(), CANARY).run(&["whoami"]).await;
        assert_eq!(run.code, 5, "{run}");
        // A server cannot cause the words of the API's own paths to be redacted.
        let told = format!(
            "GET {}/api/v1/authenticate: redirected to {}/…, where the token is not sent",
            old.url(),
            new.url()
        );
        assert!(run.stderr.contains(&told), "{run}");
        assert!(
            run.stderr.contains(&format!("set it to {}, if", new.url())),
            "{run}"
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_store_that_redirects_an_upload_is_no_atlas_that_has_moved() {
    for prefix in ["", "/eu-PREFIXSECRET"] {
        let store = Server::start(move |_, request| {
            let place = format!("http://localhost:7{prefix}{}", request.target);
            Reply::redirect(307, &place)
        })
        .await;
        let place = format!("{}/images/web.gz?X-Amz-Signature=abc", store.url());
        let atlas = Server::start(move |url, request| match request.method.as_str() {
            "POST" => Reply::json(200, json!({"version": 7, "upload_path": place})),
            _ => well(url, request),
        })
        .await;
        let program = Program::at(atlas.url(), CANARY);
        program.write("disk.img.gz", gzip(b"disk"));
        let run = program.run(COMMANDS[1]).await;
        assert_eq!(run.code, 6, "{run}");
        let told = "the server points to http://localhost:7/…";
        assert!(run.stderr.contains(told), "{run}");
        assert!(!run.stderr.contains("with the token"), "{run}");
        assert!(!run.stderr.contains("PREFIXSECRET"), "{run}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_write_that_is_redirected_names_the_address_too() {
    let new = Server::start(well).await;
    let place = new.url().to_owned();
    let old = Server::start(move |url, request| match request.method.as_str() {
        "POST" => Reply::redirect(308, &format!("{place}{}", request.target)),
        _ => well(url, request),
    })
    .await;
    let program = Program::at(old.url(), CANARY);
    let run = program
        .run(&["push", "acme/web", "--type", "t", "--id", "i"])
        .await;
    assert_eq!(run.code, 6, "{run}");
    assert!(
        run.stderr.contains(&format!("set it to {}, if", new.url())),
        "{run}"
    );
    assert!(new.requests().is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_store_that_refuses_an_address_it_was_given_is_no_atlas_that_has_moved() {
    let store = Server::start(|_, _| Reply::json(403, json!({}))).await;
    let place = format!("{}/store/0123456789?signature=s", store.url());
    let atlas = Server::of_files(move |_, _| Reply::redirect(302, &place)).await;
    let run = Program::at(atlas.url(), CANARY).run(COMMANDS[4]).await;
    assert_eq!(run.code, 6, "{run}");
    assert!(run.stderr.contains("/…: 403 Forbidden"), "{run}");
    assert!(!run.stderr.contains("hint"), "{run}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_page_to_log_in_is_told_as_such() {
    let elsewhere = Server::start(|_, _| page()).await;
    let away = format!("{}/oauth/authorize?state=s", elsewhere.url());
    for place in ["/users/sign_in".to_owned(), away] {
        let atlas = Server::start(move |_, request| match request.target.as_str() {
            "/users/sign_in" => page(),
            _ => Reply::redirect(302, &place),
        })
        .await;
        for (command, run) in all_commands(atlas.url()).await {
            assert_eq!(run.code, 1, "{command} {run}");
            for told in [
                "/…, which is an HTML page, such as a login page",
                "hint: the Atlas' address came from the variable ATLAS_ADDRESS; set it to one where",
            ] {
                assert!(run.stderr.contains(told), "{command} {run}");
            }
            assert!(!run.stderr.contains("the token came from"), "{run}");
        }
    }
}

/// Starts an Atlas that redirects every request to this page.
async fn guarded(page: String) -> Server {
    Server::start(move |_, request| match request.target.as_str() {
        "/login" => refusing_page(403),
        _ => Reply::redirect(302, &page),
    })
    .await
}

fn refusing_page(status: u16) -> Reply {
    let reply = Reply::Status(status, Vec::new(), PAGE.to_vec());
    reply.with("Content-Type", "text/html")
}

#[tokio::test(flavor = "multi_thread")]
async fn a_page_to_log_in_that_refuses_is_told_as_such_too() {
    let elsewhere = Server::start(|_, _| refusing_page(401)).await;
    let away = format!("{}/sso/authenticate", elsewhere.url());
    for place in ["/login".to_owned(), away] {
        let atlas = guarded(place).await;
        for (command, run) in all_commands(atlas.url()).await {
            assert_eq!(run.code, 1, "{command} {run}");
            for told in [
                ": redirected to http://127.0.0.1",
                "/…, which is an HTML page, such as a login page",
                "; set it to one where the Atlas itself answers",
            ] {
                assert!(run.stderr.contains(told), "{command} {run}");
            }
            assert!(!run.stderr.contains("with the token"), "{run}");
            assert!(!run.stderr.contains("the token came from"), "{run}");
        }
    }
    // A store may refuse a file with an HTML page.
    let store = Server::start(|_, _| refusing_page(403)).await;
    let place = format!("{}/store/1", store.url());
    let atlas = Server::of_files(move |_, _| Reply::redirect(302, &place)).await;
    let run = Program::at(atlas.url(), CANARY).run(COMMANDS[4]).await;
    assert_eq!(run.code, 6, "{run}");
    assert!(run.stderr.contains("/…: 403 Forbidden"), "{run}");
    assert!(!run.stderr.contains("hint"), "{run}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_page_to_log_in_does_not_become_the_file_that_is_pulled() {
    let atlas = Server::of_files(|_, request| match request.target.as_str() {
        "/users/sign_in" => page(),
        _ => Reply::redirect(302, "/users/sign_in"),
    })
    .await;
    let program = Program::at(atlas.url(), CANARY);
    let run = program.run(&[COMMANDS[4], &["-o", "disk"]].concat()).await;
    assert_eq!(run.code, 1, "{run}");
    let told = "/file: redirected to http://127.0.0.1";
    assert!(run.stderr.contains(told), "{run}");
    assert!(run.stderr.contains("which is an HTML page"), "{run}");
    assert!(!program.path("disk").exists());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_store_that_names_any_file_a_page_is_read_all_the_same() {
    let file = gzip(b"disk");
    let content = file.clone();
    let store = Server::start(move |_, _| {
        let reply = Reply::Status(200, Vec::new(), content.clone());
        reply.with("Content-Type", "text/html")
    })
    .await;
    let place = format!("{}/store/1", store.url());
    let atlas = Server::of_files(move |_, _| Reply::redirect(302, &place)).await;
    let program = Program::at(atlas.url(), CANARY);
    let run = program.run(&[COMMANDS[4], &["-o", "disk"]].concat()).await;
    assert_eq!(run.code, 0, "{run}");
    assert_eq!(std::fs::read(program.path("disk")).unwrap(), file);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_answers_whoami_with_something_else_is_no_atlas() {
    for body in [
        "",
        "ok",
        "[]",
        "null",
        r#"{"status":"up"}"#,
        r#"{"user":{}}"#,
        r#"{"user":{"username":""}}"#,
        r#"{"user":{"username":" \n"}}"#,
    ] {
        let server =
            Server::start(move |_, _| Reply::Status(200, Vec::new(), body.as_bytes().to_vec()))
                .await;
        let run = Program::at(server.url(), CANARY).run(&["whoami"]).await;
        assert_eq!(run.code, 1, "{body} {run}");
        assert!(
            run.stderr.contains("no Atlas answers there"),
            "{body} {run}"
        );
    }
    let server = Server::start(|_, _| page()).await;
    for (command, run) in all_commands(server.url()).await {
        assert_eq!(run.code, 1, "{command} {run}");
        let told = "the reply is an HTML page: no Atlas answers there";
        assert!(run.stderr.contains(told), "{command} {run}");
    }
    let server = Server::start(|_, _| Reply::json(200, json!({}))).await;
    let run = Program::at(server.url(), CANARY).run(&["whoami"]).await;
    assert_eq!(run.code, 0, "{run}");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_plugin_says_the_same() {
    let new = Server::start(careful).await;
    let place = new.url().to_owned();
    let old = Server::start(move |_, request| match request.target.as_str() {
        "/login/api/v1/authenticate" => Reply::redirect(302, "/users/sign_in"),
        "/users/sign_in" => page(),
        target => Reply::redirect(301, &format!("{place}{target}")),
    })
    .await;
    let settings = |url: &str| {
        let settings: [(&str, rmpv::Value); 3] = [
            ("artifact", "acme/web".into()),
            ("artifact_type", "t".into()),
            ("atlas_url", url.into()),
        ];
        map(&settings)
    };
    let program = Program::at("unused", CANARY);
    let plugin = Plugin::start(&program, &[]).await;
    for (url, told) in [
        (
            old.url().to_owned(),
            [
                ", where the token is not sent: 401 Unauthorized".to_owned(),
                format!(
                    "the Atlas' address came from the template's atlas_url; set it to {}, if",
                    new.url()
                ),
            ],
        ),
        (
            format!("{}/login", old.url()),
            [
                "which is an HTML page, such as a login page".to_owned(),
                "the Atlas' address came from the template's atlas_url; set it to one".to_owned(),
            ],
        ),
    ] {
        let refused = plugin.configure(vec![settings(&url)]).await.unwrap_err();
        let words = refused.to_string();
        for told in told {
            assert!(words.contains(&told), "{words}");
        }
        assert!(!words.contains("ATLAS_TOKEN"), "{words}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_mirror_of_boxes_says_the_same() {
    let new = Server::start(|_, _| Reply::json(401, json!({}))).await;
    let place = new.url().to_owned();
    let old = Server::start(move |_, request| {
        Reply::redirect(301, &format!("{place}{}", request.target))
    })
    .await;
    let run = mirror(old.url()).await;
    assert_eq!(run.code, 4, "{run}");
    let told = ", where the token is not sent: 401 Unauthorized";
    assert!(run.stderr.contains(told), "{run}");
    let hint = format!(
        "hint: the source's address came from --from; set it to {}, if",
        new.url()
    );
    assert!(run.stderr.contains(&hint), "{run}");
    assert!(!format!("{:?}", new.requests()).contains("T0ken"));
}

/// Mirrors the boxes of a source, with a token for it.
async fn mirror(source: &str) -> Run {
    let program = Program::new().with("VAGRANT_CLOUD_TOKEN", CANARY);
    let mirror = ["box", "mirror", "acme/web", "--to", "boxes", "--from"];
    let mirror = [&mirror[..], &[source, "--retries", "0"]].concat();
    program.run(&mirror).await
}

#[tokio::test(flavor = "multi_thread")]
async fn the_mirror_of_boxes_tells_of_a_log_in_too() {
    let refused = Server::start(|_, _| Reply::json(401, json!({}))).await;
    let source = guarded(format!("{}/sso/authenticate", refused.url())).await;
    let run = mirror(source.url()).await;
    assert_eq!(run.code, 4, "{run}");
    let told = format!(
        "/sso/authenticate, where the token is not sent: 401 Unauthorized: authentication failed\nhint: the source's address came from --from; set it to {}, if",
        refused.url()
    );
    assert!(run.stderr.contains(&told), "{run}");
    assert!(!run.stderr.contains("HCP_CLIENT_ID"), "{run}");
    assert!(!format!("{:?}", refused.requests()).contains("T0ken"));

    let welcome = Server::start(|_, _| page()).await;
    for place in ["/login".to_owned(), format!("{}/login", welcome.url())] {
        let source = guarded(place).await;
        let run = mirror(source.url()).await;
        assert_eq!(run.code, 1, "{run}");
        for told in [
            "/login, which is an HTML page, such as a login page",
            "hint: the source's address came from --from; set it to one where the source itself answers",
        ] {
            assert!(run.stderr.contains(told), "{run}");
        }
        assert!(!run.stderr.contains("VAGRANT_CLOUD_TOKEN"), "{run}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_source_with_pages_of_its_own_is_asked_for_its_boxes_all_the_same() {
    let catalog = json!({"name": "acme/web", "versions": []});
    for has_box in [true, false] {
        let catalog = catalog.clone();
        let source = Server::start(move |_, request| match request.target.as_str() {
            "/welcome" => page(),
            "/acme/web" if has_box => Reply::json(200, catalog.clone()),
            path if path.starts_with("/api/v1") => Reply::json(404, json!({})),
            path if path.starts_with("/api") || path == "/" => Reply::redirect(302, "/welcome"),
            _ => Reply::json(404, json!({})),
        })
        .await;
        let run = mirror(source.url()).await;
        assert!(!run.stderr.contains("log in"), "{run}");
        let is_missing = run.stderr.contains("shows no box for acme/web");
        assert_eq!(is_missing, !has_box, "{run}");
    }
}

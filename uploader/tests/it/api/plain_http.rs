//! Tests an Atlas with TLS that names addresses without TLS: no bytes are sent there unless it is allowed.

use std::path::Path;
use std::sync::Arc;

use serde_json::json;

use crate::support::command_lines::{PUSH_WITH_RECEIPT, RESUME};
use crate::support::plugin::{Built, Plugin, map};
use crate::support::program::Program;
use crate::support::server::{Reply, Server};
use crate::support::tls::front;
use crate::support::{gzip, well};

/// Starts a TLS front of a server, and returns the program that uses it.
async fn at_front_of(url: &str, token: &str) -> Program {
    let front = front(url, false).await;
    let program = Program::at(&front.url, token).with("ATLAS_CAFILE", "ca.pem");
    program.write("ca.pem", front.ca);
    program.write("disk.img.gz", gzip(b"disk"));
    program
}

/// Starts an Atlas that does not know of the TLS front, so its upload addresses are plain http.
async fn atlas() -> (Server, Program) {
    let atlas = Server::start(|url, request| match request.target.as_str() {
        target if target.ends_with("/file") => Reply::json(404, json!({})),
        _ => well(url, request),
    })
    .await;
    let program = at_front_of(atlas.url(), "canary-T0ken").await;
    (atlas, program)
}

fn puts(atlas: &Server) -> usize {
    let lines = atlas.lines();
    let puts = lines.iter().filter(|line| line.starts_with("PUT /_store/"));
    puts.count()
}

#[tokio::test(flavor = "multi_thread")]
async fn bytes_go_to_plain_http_behind_https_only_where_that_is_allowed_and_then_with_a_warning() {
    let (atlas, program) = atlas().await;
    let run = program.run(&PUSH_WITH_RECEIPT).await;
    assert_eq!(run.code, 1, "{run}");
    for told in [
        "/…: not sent: an https server gave this plain http address",
        "hint: acme/web/t/7 awaits its bytes",
        "--allow-http-upload, or ATLAS_ALLOW_HTTP_UPLOAD, sends the bytes anyway",
    ] {
        assert!(run.stderr.contains(told), "{run}");
    }
    assert!(!run.stderr.contains("_store"), "{run}");
    // The address in the receipt is refused, too.
    let run = program.run(&RESUME).await;
    assert_eq!(run.code, 1, "{run}");
    assert!(
        run.stderr
            .contains("an https server gave this plain http address"),
        "{run}"
    );
    assert_eq!(puts(&atlas), 0);

    let allowed = [&RESUME[..], &["--allow-http-upload", "--quiet"]].concat();
    let run = program.run(&allowed).await;
    assert_eq!(run.code, 0, "{run}");
    assert!(
        run.stderr.starts_with("WARNING: the bytes go to http://"),
        "{run}"
    );
    assert_eq!(puts(&atlas), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_variable_allows_it_too_and_config_tells_so() {
    let (atlas, program) = atlas().await;
    let program = program.with("ATLAS_ALLOW_HTTP_UPLOAD", "1");
    let run = program.run(&PUSH_WITH_RECEIPT).await;
    assert_eq!(run.code, 0, "{run}");
    assert!(
        run.stderr.contains("WARNING: the bytes go to http://"),
        "{run}"
    );
    assert_eq!(puts(&atlas), 1);
    let run = program.run(&["config"]).await;
    let row = run
        .stdout
        .lines()
        .find(|row| row.starts_with("allow-http-upload"));
    assert!(row.unwrap().ends_with("ATLAS_ALLOW_HTTP_UPLOAD"), "{run}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_variable_that_says_no_does_not_allow_it() {
    for no in ["0", "false"] {
        let (atlas, program) = atlas().await;
        let program = program.with("ATLAS_ALLOW_HTTP_UPLOAD", no);
        let run = program.run(&PUSH_WITH_RECEIPT).await;
        assert_eq!(run.code, 1, "{run}");
        assert!(
            run.stderr
                .contains("an https server gave this plain http address"),
            "{run}"
        );
        assert_eq!(puts(&atlas), 0);
    }
}

#[cfg(unix)]
#[tokio::test(flavor = "multi_thread")]
async fn the_plugin_has_a_setting_for_it() {
    let (atlas, program) = atlas().await;
    let built = Arc::new(Built {
        id: "i".to_owned(),
        files: vec![program.path("disk.img.gz")],
        ..Built::default()
    });
    // The setting overrides the variable.
    let program = program.with("ATLAS_ALLOW_HTTP_UPLOAD", "1");
    for allowed in [false, true] {
        let settings: [(&str, rmpv::Value); 3] = [
            ("artifact", "acme/web".into()),
            ("artifact_type", "t".into()),
            ("atlas_upload_allow_http", allowed.into()),
        ];
        let plugin = Plugin::start(&program, &[]).await;
        plugin.configure(vec![map(&settings)]).await.unwrap();
        let processed = plugin.post_process(&built).await;
        if allowed {
            assert_eq!(processed.error, None);
        } else {
            let words = processed.error.unwrap();
            assert!(
                words.contains("an https server gave this plain http address"),
                "{words}"
            );
            assert!(words.contains("atlas_upload_allow_http = true"), "{words}");
        }
    }
    let told = built.told().join("\n");
    assert!(told.contains("WARNING: the bytes go to http://"), "{told}");
    assert_eq!(puts(&atlas), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn no_get_goes_from_https_to_http() {
    let store = Server::start(|_, _| Reply::Status(200, Vec::new(), b"bytes".to_vec())).await;
    let place = store.url().to_owned();
    let atlas = Server::start(move |_, request| {
        Reply::redirect(302, &format!("{place}{}", request.target))
    })
    .await;
    let program = at_front_of(atlas.url(), "canary-T0ken").await;
    let catalog = format!("{}/box.json", program_url(&program).await);
    let trust = ["--ca-file", "ca.pem"];
    for command in [
        &["whoami"][..],
        &["search", "acme/web", "--type", "t"],
        &[
            "pull",
            "acme/web",
            "--type",
            "t",
            "--version",
            "1",
            "-o",
            "file",
        ],
        &[
            "box", "mirror", "acme/web", "--to", "boxes", "--from", &catalog,
        ],
    ] {
        let run = program.run(&[command, &trust].concat()).await;
        assert_eq!(run.code, 1, "{command:?} {run}");
        let told = "not sent: an https server gave this plain http address";
        assert!(run.stderr.contains(told), "{command:?} {run}");
        assert!(!run.stderr.contains("trying again"), "{command:?} {run}");
    }
    assert!(!Path::new(&program.path("file")).exists());
    assert!(store.requests().is_empty(), "{:?}", store.lines());
}

/// Returns the Atlas' address in the settings of the program.
async fn program_url(program: &Program) -> String {
    let run = program.run(&["config", "--output", "json"]).await;
    let rows: serde_json::Value = serde_json::from_str(&run.stdout).unwrap();
    let rows = rows.as_array().unwrap();
    let row = rows
        .iter()
        .find(|row| row["setting"] == "atlas-url")
        .unwrap();
    row["value"]
        .as_str()
        .unwrap()
        .trim_end_matches("/api/v1")
        .to_owned()
}

//! The plan of a run shows the requests that the run would send, and their server, without sending them.

use atlas_contract_tests::{
    run::settings::Settings,
    self_test::proxy::{PassThrough, Request},
};
use axum::http::Method;
use tokio::net::TcpListener;

use crate::support::{
    program::{aimed_at, run, told_by_operator},
    proxy,
};

/// Returns the requests in the output, without the digits of the run.
fn planned(stdout: &str) -> Vec<String> {
    let lines = stdout.lines().filter_map(|line| line.strip_prefix("    "));
    lines.map(without_digits).collect()
}

fn without_digits(line: &str) -> String {
    let mut parts = line.split("contract-");
    let first = parts.next().unwrap_or_default().to_owned();
    parts.fold(first, |line, part| {
        line + "contract-" + part.get(8..).unwrap_or_default()
    })
}

/// Returns a request in the format of the plan.
fn shown(request: &Request, settings: &Settings) -> String {
    let Request {
        method,
        target,
        body,
        ..
    } = request;
    if target.contains("/upload/complete/") || target.contains("/direct/complete/") {
        return "PUT [upload path]".to_owned();
    }
    if *method == Method::PUT && target.starts_with("/_binstore/") {
        return format!("PUT [upload path], {} bytes", body.len());
    }
    let line = format!(
        "{method} {}{target} {}",
        settings.url,
        String::from_utf8_lossy(body)
    );
    let mut line = line.replace(&settings.token, "[token]");
    for password in [&settings.password, &settings.two_factor_password] {
        let password = password.as_ref().unwrap();
        for spelling in [password.replace(' ', "+"), password.clone()] {
            line = line.replace(&spelling, "[password]");
        }
    }
    without_digits(line.trim_end())
}

/// Replaces the address of a box's bytes, which is hidden if the server has redirected to it.
fn without_address(line: String) -> String {
    let address = line.strip_prefix("GET ").unwrap_or_default();
    let address = address.split('?').next().unwrap_or_default();
    let digest = address.rsplit('/').nth(1).unwrap_or_default();
    let of_bytes = address.ends_with("/vagrant.box") && digest.len() == 64;
    // The server gives each operation an id of its own.
    if let Some((start, _)) = address.split_once("/operations/") {
        return format!("GET {start}/operations/[id]");
    }
    if of_bytes {
        "GET [redirect]".to_owned()
    } else {
        line
    }
}

/// Removes the sizes of files, since an interrupted upload may arrive in part.
fn without_sizes(lines: Vec<String>) -> Vec<String> {
    let upload = "PUT [upload path]";
    let cut = |line: String| {
        if line.starts_with(upload) {
            upload.to_owned()
        } else {
            without_address(line)
        }
    };
    lines.into_iter().map(cut).collect()
}

#[tokio::test]
async fn a_run_sends_what_its_plan_shows_and_nothing_else() {
    let proxy = proxy(PassThrough).await;
    let settings = proxy.settings();
    let told = told_by_operator(&settings);
    let plan = run(&aimed_at(&settings, &[&told[..], &["--plan"]].concat())).await;
    assert_eq!(plan.code, 0, "{}{}", plan.stdout, plan.stderr);
    assert!(proxy.seen().is_empty());
    assert!(!plan.stdout.contains("incomplete"), "{}", plan.stdout);
    let planned = planned(&plan.stdout);
    let end = format!(
        "\n{} requests to {}, of which none was sent.",
        planned.len(),
        settings.url
    );
    assert!(plan.stdout.contains(&end), "{}", plan.stdout);
    // Clauses are checked one after the other, as in the plan.
    let alone = [&told[..], &["--jobs", "1"]].concat();
    assert_eq!(run(&aimed_at(&settings, &alone)).await.code, 0);
    let sent: Vec<_> = proxy.seen().iter().map(|it| shown(it, &settings)).collect();
    assert!(sent.iter().filter(|line| planned.contains(line)).count() > 300);
    for (planned, sent) in without_sizes(planned.clone())
        .iter()
        .zip(without_sizes(sent.clone()))
    {
        assert_eq!(*planned, sent);
    }
    assert_eq!(planned.len(), sent.len());
}

#[tokio::test]
async fn a_plan_contacts_nobody_and_needs_no_leave() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("there.toml");
    let fixtures = "[[artifacts]]\nname = \"acme/web\"\ntype = \"custom.image\"\n\
                    [[artifacts.versions]]\nversion = 331\nmetadata = { os = \"linux\" }\n";
    std::fs::write(&file, fixtures).unwrap();
    let url = format!("http://0.0.0.0:{port}/atlas/api/v1");
    let aim = [
        "run",
        "--plan",
        "--atlas-url",
        &url,
        "--token",
        "canary-token",
    ];
    let writing = [
        &aim[..],
        &[
            "--namespace",
            "sandbox",
            "--login",
            "amy@a.test",
            "--password",
            "canary",
        ],
    ];
    let reading = [
        &aim[..],
        &["--read-only", "--fixtures", file.to_str().unwrap()],
    ];
    for args in [writing, reading] {
        let plan = run(&args.concat()).await;
        assert_eq!(plan.code, 0, "{}", plan.stderr);
        assert!(!plan.stdout.contains("canary"), "{}", plan.stdout);
        assert!(!plan.stdout.contains("127.0.0.1"), "{}", plan.stdout);
        let first = format!("    GET http://0.0.0.0:{port}/atlas/api/v1/authenticate\n");
        assert!(plan.stdout.contains(&first), "{}", plan.stdout);
        let reads = args.contains(&reading[1]);
        let lines = planned(&plan.stdout);
        let login = format!(
            "POST http://0.0.0.0:{port}/atlas/api/v1/authenticate user%5Blogin%5D=amy%40a.test&"
        );
        assert_eq!(
            lines.iter().any(|line| line.starts_with(&login)),
            !reads,
            "{}",
            plan.stdout
        );
        assert_eq!(lines.iter().all(|line| line.starts_with("GET ")), reads);
        assert!(
            lines
                .iter()
                .any(|line| line.contains("/acme/web/custom.image/"))
                == reads
        );
    }
    let nobody = futures_util::FutureExt::now_or_never(listener.accept());
    assert!(nobody.is_none(), "somebody was contacted");
}

#[tokio::test]
async fn a_plan_tells_what_would_not_be_asked() {
    let settings = proxy(PassThrough).await.settings();
    let disabled = run(&aimed_at(&settings, &["--plan", "--filter", "auth.login"])).await;
    assert_eq!(disabled.code, 3);
    let told = "auth.login: not checked: needs --login and --password\n";
    assert!(disabled.stdout.contains(told), "{}", disabled.stdout);
    assert!(disabled.stdout.ends_with("no request would be sent\n"));
}

#[tokio::test]
async fn a_plan_ends_as_the_run_would_and_writes_no_report() {
    let settings = proxy(PassThrough).await.settings();
    let misspelt = run(&aimed_at(
        &settings,
        &["--plan", "--filter", "newest-frist"],
    ))
    .await;
    assert_eq!(misspelt.code, 3, "{}", misspelt.stderr);
    assert!(
        misspelt.stderr.contains("newest-frist"),
        "{}",
        misspelt.stderr
    );
    for form in ["--json", "--junit", "--html"] {
        let output = run(&aimed_at(&settings, &["--plan", form, "report"])).await;
        assert_eq!(output.code, 2, "{form}: {}", output.stdout);
        assert!(output.stderr.contains(form), "{}", output.stderr);
    }
}

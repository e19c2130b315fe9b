//! The program reads variables, and writes reports, lists, help, completions and manual pages without any secret.

use std::fs;

use atlas_contract_tests::{
    client::rules,
    self_test::proxy::{PassThrough, Reply, ReplyInterceptor, Request},
    suite::clauses,
};
use axum::http::Method;
use serde_json::Value;

use crate::support::{
    program::{aimed_at, output, program, run, spoils_newest_first, told_by_operator},
    proxy,
};

/// Returns the entries of the report of a run in which a clause fails, and the number of other files in its folder.
async fn report() -> (Vec<Value>, usize) {
    let proxy = proxy(ReplyInterceptor(spoils_newest_first)).await;
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("report.json");
    let settings = proxy.settings();
    let filters = ["--filter", "newest-first", "--filter", "auth."];
    let args = [&filters[..], &["--json", file.to_str().unwrap()]].concat();
    assert_eq!(run(&aimed_at(&settings, &args)).await.code, 1);
    let report: Value = serde_json::from_str(&fs::read_to_string(&file).unwrap()).unwrap();
    let others = fs::read_dir(folder.path()).unwrap().count() - 1;
    (report["clauses"].as_array().unwrap().clone(), others)
}

#[tokio::test]
async fn the_report_in_json_has_every_clause_and_leaves_no_draft() {
    let (entries, others) = report().await;
    assert_eq!(others, 0);
    assert_eq!(entries.len(), clauses::all().count());
    for (entry, clause) in entries.iter().zip(clauses::all()) {
        let keys: Vec<_> = entry.as_object().unwrap().keys().collect();
        assert_eq!(
            keys,
            [
                "id",
                "title",
                "evidence",
                "status",
                "milliseconds",
                "detail"
            ]
        );
        assert_eq!(
            (&entry["id"], &entry["title"]),
            (&clause.id.into(), &clause.title.into())
        );
        let marks = entry["evidence"].as_array().unwrap().iter();
        let marks: Vec<_> = marks.map(|it| it.as_str().unwrap()).collect();
        assert_eq!(marks.join(", "), clause.marks());
    }
}

#[tokio::test]
async fn the_report_in_json_tells_each_status_and_why() {
    let (entries, _) = report().await;
    let with = |status: &'static str| entries.iter().filter(move |it| it["status"] == status);
    let failed: Vec<_> = with("fail").collect();
    assert_eq!(failed.len(), 1);
    assert_eq!(failed[0]["id"], "search.newest-first");
    let detail = &failed[0]["detail"];
    assert_eq!(detail["expected"], "versions [4, 3, 2, 1]");
    assert_eq!(detail["status"], 200);
    for (key, start) in [
        ("came", "200 {\"versions\":"),
        ("request", "GET http://127.0.0.1:"),
        (
            "curl",
            "curl -i --globoff -H \"X-Atlas-Token: $ATLAS_TOKEN\" ",
        ),
    ] {
        let text = detail[key].as_str().unwrap();
        assert!(text.starts_with(start), "{text}");
    }
    assert!(with("disabled").all(|it| it["detail"].as_str().unwrap().starts_with("needs --")));
    assert!(
        with("pass")
            .chain(with("skip"))
            .all(|it| it["detail"].is_null())
    );
    let counts = ["pass", "fail", "disabled", "skip"].map(|status| with(status).count());
    assert!(counts.iter().all(|count| *count > 0));
    assert_eq!(counts.iter().sum::<usize>(), entries.len());
}

#[tokio::test]
async fn the_variables_of_the_suite_stand_in_for_flags_and_those_of_clients_do_not() {
    let proxy = proxy(PassThrough).await;
    let mut own = program(&["run", "--filter", "auth.base-path"]);
    own.env("ATLAS_CONTRACT_URL", format!("{}/api/v1/", proxy.url));
    own.env("ATLAS_CONTRACT_TOKEN", proxy.settings().token);
    own.env("ATLAS_CONTRACT_NAMESPACE", "acme");
    assert_eq!(output(own).await.code, 0);
    let seen = proxy.seen().len();
    let mut clients = program(&["run", "--namespace", "acme"]);
    clients
        .env("ATLAS_ADDRESS", &proxy.url)
        .env("ATLAS_TOKEN", proxy.settings().token);
    assert_eq!(output(clients).await.code, 2);
    assert_eq!(proxy.seen().len(), seen);
}

#[tokio::test]
async fn a_variable_that_is_set_to_nothing_tells_nothing() {
    let proxy = proxy(PassThrough).await;
    let settings = proxy.settings();
    let mut command = program(&aimed_at(&settings, &["--filter", "auth."]));
    for name in ["LOGIN", "PASSWORD", "OTHER_TOKEN", "PUBLIC_ARTIFACT"] {
        command.env(format!("ATLAS_CONTRACT_{name}"), "");
    }
    let output = output(command).await;
    assert_eq!(output.code, 0, "{}{}", output.stdout, output.stderr);
    assert!(output.stdout.contains("6 disabled"), "{}", output.stdout);
}

#[tokio::test]
async fn no_secret_is_in_any_output_even_if_the_server_repeats_it() {
    let folder = tempfile::tempdir().unwrap();
    let forms = ["--json", "--junit", "--html"];
    let files = forms.map(|form| (form, folder.path().join(form)));
    let repeat = |request: &Request, reply: &mut Reply| {
        let sent = String::from_utf8_lossy(&request.body).into_owned();
        let said = format!("{} {:?} {sent}", request.target, request.headers);
        reply.status = if request.is(Method::GET, "/api/v1/authenticate") {
            200
        } else {
            reply.status + 9
        };
        reply.change(|body| body["you_said"] = said.into());
    };
    let proxy = proxy(ReplyInterceptor(repeat)).await;
    let settings = proxy.settings();
    let told = told_by_operator(&settings);
    let mut args = told.clone();
    for (form, file) in &files {
        args.extend([form, file.to_str().unwrap()]);
    }
    let output = run(&aimed_at(&settings, &args)).await;
    assert_eq!(output.code, 1, "{}{}", output.stdout, output.stderr);
    let mut everything = output.stdout + &output.stderr;
    for (form, file) in &files {
        let report = fs::read_to_string(file).unwrap();
        for shown in ["you_said", "curl -i "] {
            assert!(report.contains(shown), "no {shown} in the report of {form}");
        }
        everything.push_str(&report);
    }
    for secret in [
        &settings.token,
        settings.password.as_ref().unwrap(),
        settings.other_token.as_ref().unwrap(),
    ] {
        assert!(!everything.contains(secret.as_str()), "{secret} is shown");
        assert!(
            !everything.contains(&secret.replace(' ', "+")),
            "{secret} is shown"
        );
    }
}

#[tokio::test]
async fn an_upload_path_is_in_no_output() {
    let proxy = proxy(ReplyInterceptor(|request: &Request, reply: &mut Reply| {
        if request.method == Method::PUT {
            reply.status = 418;
        }
    }))
    .await;
    let output = run(&aimed_at(&proxy.settings(), &["--filter", "uploads."])).await;
    assert_eq!(output.code, 1);
    assert!(
        output.stdout.contains("request   PUT [upload path], "),
        "{}",
        output.stdout
    );
    let seen = proxy.seen();
    let puts: Vec<_> = seen.iter().filter(|it| it.method == Method::PUT).collect();
    assert!(!puts.is_empty());
    for put in puts {
        assert!(!output.stdout.contains(put.path()), "{}", put.path());
    }
}

#[tokio::test]
async fn help_shows_the_variables_and_not_their_values() {
    let mut command = program(&["run", "--help"]);
    command
        .env("ATLAS_CONTRACT_TOKEN", "canary-token")
        .env("ATLAS_CONTRACT_PASSWORD", "canary-password");
    let output = output(command).await;
    assert_eq!(output.code, 0);
    assert!(output.stdout.contains("ATLAS_CONTRACT_TOKEN"));
    assert!(
        output.stdout.contains("3  nothing ran"),
        "{}",
        output.stdout
    );
    assert!(!output.stdout.contains("canary"), "{}", output.stdout);
}

#[tokio::test]
async fn completions_and_manual_pages_are_there_and_hold_no_secret() {
    let own = |args: &[&str]| {
        let mut command = program(args);
        command.env("ATLAS_CONTRACT_TOKEN", "canary");
        output(command)
    };
    for shell in ["bash", "zsh", "fish", "elvish", "powershell"] {
        let script = own(&["completions", shell]).await;
        assert_eq!(script.code, 0, "{shell}");
        assert!(script.stdout.contains("public-artifact"), "{shell}");
        assert!(!script.stdout.contains("canary"), "{shell}");
    }
    let folder = tempfile::tempdir().unwrap();
    let pages = folder.path().join("share/man1");
    let printed = own(&["man", pages.to_str().unwrap()]).await;
    assert_eq!(printed.code, 0);
    assert_eq!(
        printed.stdout.lines().count(),
        fs::read_dir(&pages).unwrap().count()
    );
    for page in printed.stdout.lines() {
        assert!(!fs::read_to_string(page).unwrap().contains("canary"));
    }
    let page = fs::read_to_string(pages.join("atlas-contract-run.1")).unwrap();
    for part in [".TH", "namespace", "ATLAS_CONTRACT_TOKEN", "Exit codes"] {
        assert!(page.contains(part), "{part}");
    }
}

#[tokio::test]
async fn a_manual_that_cannot_be_written_names_the_folder() {
    let file = tempfile::NamedTempFile::new().unwrap();
    let path = file.path().to_str().unwrap();
    let output = run(&["man", path]).await;
    assert_eq!(output.code, 4);
    assert!(output.stderr.contains(path), "{}", output.stderr);
}

#[tokio::test]
async fn the_list_has_every_clause_and_every_rule_with_its_marks() {
    let output = run(&["list"]).await;
    assert_eq!(output.code, 0);
    let clauses = clauses::all().map(|it| (it.id, it.marks(), it.title));
    let rules = rules::all().map(|it| (it.id, it.marks(), it.title));
    for (id, marks, title) in clauses.chain(rules) {
        let line = output
            .stdout
            .lines()
            .find(|line| line.split(' ').next() == Some(id))
            .unwrap();
        assert!(line.contains(&marks) && line.ends_with(title), "{line}");
    }
}

//! Files are uploaded to the server's own origin, and to another origin only if the caller names it.

use atlas_contract_tests::{
    exit_code::ExitCode,
    report::{Status, Summary},
    run::{Options, Run, plan::Plan, settings::Settings, target::Target},
    safety::policy::{Policy, UploadOrigin},
    self_test::proxy::{Reply, ReplyInterceptor, Request},
};
use mock_atlas::MockAtlas;

use crate::support::{
    emulator,
    program::{Output, aimed_at, output, program, run},
    proxy, reports,
};

/// Starts an emulator that accepts uploads on another origin, and returns it with its operator's settings.
async fn server() -> (MockAtlas, Settings) {
    let anywhere = "127.0.0.1:0".parse().unwrap();
    let atlas = emulator::builder()
        .binstore_listen(anywhere)
        .start()
        .await
        .unwrap();
    let settings = emulator::settings(atlas.url(), atlas.token(), Policy::default());
    (atlas, settings)
}

/// Counts the uploads that the emulator was sent.
fn uploads(atlas: &MockAtlas) -> usize {
    let requests = atlas.requests();
    let files = requests
        .iter()
        .filter(|it| it.path.starts_with("/_binstore/"));
    files.count()
}

#[tokio::test]
async fn to_an_origin_that_nobody_named_nothing_is_sent_and_no_clause_that_would_is_judged() {
    let (atlas, settings) = server().await;
    let target = Target::new(settings).unwrap();
    let plan = Plan::of(&target, Options::default()).await.unwrap();
    let run = Run::start(target, Options::default()).await.unwrap();
    let reports = run.judge_all(|_| {}).await;
    let uploading = |id: &str| {
        let (_, requests) = plan.clauses.iter().find(|(it, _)| it.id == id).unwrap();
        requests
            .iter()
            .any(|line| line.starts_with("PUT [upload path], "))
    };
    let advice = format!("--allow-upload-origin {} if", atlas.binstore_url().unwrap());
    for report in &reports {
        let told = report.detail.to_string();
        if uploading(&report.id) {
            assert_eq!(report.status, Status::Error, "{report}");
            assert!(told.contains(&advice), "{report}");
            assert!(!told.contains("unstable"), "{report}");
        } else {
            assert_eq!(report.status, Status::Pass, "{report}");
        }
    }
    let summary = Summary::of(&reports);
    assert!(summary.errors > 15, "{summary}");
    assert_eq!(summary.exit_code(), ExitCode::SuiteBroke);
    assert_eq!(uploads(&atlas), 0);
}

#[tokio::test]
async fn a_file_that_is_held_back_is_not_taken_for_one_that_broke_off() {
    let second_elsewhere = |_: &Request, reply: &mut Reply| {
        reply.change(|made| {
            if made["version"] == 2 && made["upload_path"].is_string() {
                made["upload_path"] = "https://bin.test/path-of-the-second".into();
            }
        });
    };
    let proxy = proxy(ReplyInterceptor(second_elsewhere)).await;
    let report = &reports(&proxy, &["uploads.half-hidden"], false).await[0];
    assert_eq!(report.status, Status::Error, "{report}");
    let told = report.detail.to_string();
    let advice = "--allow-upload-origin https://bin.test and --allow-writes";
    assert!(told.contains(advice), "{told}");
}

#[tokio::test]
async fn an_origin_that_is_named_by_flag_or_by_variable_gets_its_files() {
    let (atlas, settings) = server().await;
    let named = atlas.binstore_url().unwrap();
    let filter = ["--filter", "uploads.path-authorises"];
    let refused = run(&aimed_at(&settings, &filter)).await;
    assert_eq!(refused.code, 4, "{}", refused.stdout);
    let flags = ["--allow-upload-origin", "https://bin.test"];
    let other = [&filter[..], &flags].concat();
    assert_eq!(run(&aimed_at(&settings, &other)).await.code, 4);
    assert_eq!(uploads(&atlas), 0);

    let both = [&other[..], &["--allow-upload-origin", named]].concat();
    let by_flag = run(&aimed_at(&settings, &both)).await;
    assert_eq!(by_flag.code, 0, "{}", by_flag.stdout);
    let sent = uploads(&atlas);
    assert!(sent > 0);
    let several = format!("https://bin.test,{named}");
    let by_variable = with_variable(&settings, &filter, &several).await;
    assert_eq!(by_variable.code, 0, "{}", by_variable.stdout);
    assert_eq!(uploads(&atlas), 2 * sent);
    assert_eq!(with_variable(&settings, &filter, "").await.code, 4);
}

async fn with_variable(settings: &Settings, args: &[&str], named: &str) -> Output {
    let mut command = program(&aimed_at(settings, args));
    command.env("ATLAS_CONTRACT_ALLOW_UPLOAD_ORIGIN", named);
    output(command).await
}

#[tokio::test]
async fn a_plan_tells_where_files_may_go_and_what_is_no_origin_is_refused_by_name() {
    let (atlas, settings) = server().await;
    let named = ["--allow-upload-origin", "https://bin.test"];
    let plan = [&named[..], &["--plan", "--filter", "uploads.sized"]].concat();
    let shown = run(&aimed_at(&settings, &plan)).await;
    assert_eq!(shown.code, 0, "{}", shown.stderr);
    let places = format!("if they are on {} or https://bin.test,", atlas.url());
    assert!(shown.stdout.contains(&places), "{}", shown.stdout);
    let with_password = "https://amy:hunter2@bin.test";
    for (bad, said) in [
        ("https://bin.test/hunter2", "https://bin.test/…"),
        (with_password, "no password"),
    ] {
        let by_flag = aimed_at(&settings, &["--allow-upload-origin", bad]);
        let refused = [
            run(&by_flag).await,
            with_variable(&settings, &[], bad).await,
        ];
        for Output { code, stderr, .. } in refused {
            assert_eq!(code, 2);
            let named = stderr.contains("--allow-upload-origin") && stderr.contains(said);
            assert!(named && !stderr.contains("hunter2"), "{stderr}");
        }
    }
    assert!(atlas.requests().is_empty());
}

#[test]
fn the_tests_take_the_variable_too_and_name_it_where_it_is_wrong() {
    let settings = |named: &'static str| {
        let variable = move |name: &str| match name {
            "ATLAS_CONTRACT_URL" => Some("https://a.test".to_owned()),
            "ATLAS_CONTRACT_TOKEN" | "ATLAS_CONTRACT_NAMESPACE" => Some("acme".to_owned()),
            "ATLAS_CONTRACT_ALLOW_UPLOAD_ORIGIN" => Some(named.to_owned()),
            _ => None,
        };
        Settings::from_variables(variable)
    };
    let policy = settings("https://bin.test").unwrap().unwrap().policy;
    let expected = UploadOrigin::list("https://bin.test").unwrap();
    assert_eq!(policy.upload_origins, expected);
    let wrong = settings("bin.test").unwrap_err().to_string();
    assert!(
        wrong.starts_with("ATLAS_CONTRACT_ALLOW_UPLOAD_ORIGIN: "),
        "{wrong}"
    );
}

//! Every run ends in bounded time and memory, even if a server does not answer or sends without end.

use std::time::{Duration, Instant};

use crate::support::{
    hanging_server::{Answer, server},
    program::{Output, output, program, run},
};

/// The longest duration of a run: far more than a few timeouts of a second on a busy machine, and far less than a
/// timeout for each clause.
const LONGEST: Duration = Duration::from_secs(30);

/// A reply that names the user of a token.
const USER: Answer = Answer::Whole(200, r#"{"user":{"username":"acme"}}"#);

/// Returns the arguments of a run against this server, with the shortest timeout.
fn aimed_at<'a>(url: &'a str, more: &[&'a str]) -> Vec<&'a str> {
    let aim = ["run", "--atlas-url", url, "--token", "canary-token"];
    let rest = ["--namespace", "acme", "--timeout", "1"];
    [&aim[..], &rest, more].concat()
}

/// Runs the program, and asserts that it ends in time.
async fn ends_in_time(args: &[&str]) -> Output {
    let start = Instant::now();
    let output = run(args).await;
    assert!(start.elapsed() < LONGEST, "{:?}", start.elapsed());
    assert!(!output.stdout.contains("canary"), "{}", output.stdout);
    assert!(!output.stderr.contains("canary"), "{}", output.stderr);
    output
}

#[tokio::test]
async fn a_server_that_never_answers_ends_a_run_in_four_before_the_first_clause() {
    for answer in [
        |_: &str| Answer::Silence,
        |_: &str| Answer::Stall(200),
        |_: &str| Answer::Stall(404),
    ] {
        let url = server(answer).await;
        let output = ends_in_time(&aimed_at(&url, &[])).await;
        assert_eq!(output.code, 4, "{}", output.stdout);
        let told = "/api/v1/authenticate: nothing came for 1s (--timeout)\n";
        assert!(output.stderr.ends_with(told), "{}", output.stderr);
        assert_eq!(output.stdout, "");
    }
}

#[tokio::test]
async fn a_reply_that_trickles_has_an_end_too() {
    let url = server(|_| Answer::Trickle(200)).await;
    let output = ends_in_time(&aimed_at(&url, &[])).await;
    assert_eq!(output.code, 4, "{}", output.stdout);
    let told = "the reply was not whole after 10s (--timeout)";
    assert!(output.stderr.contains(told), "{}", output.stderr);
}

#[tokio::test]
async fn a_server_that_falls_silent_is_given_up_and_costs_no_timeout_for_each_clause() {
    let url = server(|line| match line {
        "GET /api/v1/authenticate HTTP/1.1" => USER,
        _ => Answer::Silence,
    })
    .await;
    let own = ["--filter", "artifacts.", "--filter", "uploads."];
    let output = ends_in_time(&aimed_at(&url, &[&own[..], &["--jobs", "1"]].concat())).await;
    assert_eq!(output.code, 4, "{}{}", output.stdout, output.stderr);
    let lines = |text: &str| output.stdout.matches(text).count();
    assert!(
        lines("nothing came for 1s (--timeout)") > 0,
        "{}",
        output.stdout
    );
    let given_up = "not asked: no whole answer came for 3s (--timeout)";
    assert!(lines(given_up) > 10, "{}", output.stdout);
}

#[tokio::test]
async fn a_write_or_an_upload_that_is_never_answered_costs_one_clause_a_few_timeouts() {
    for silent in ["POST", "PUT"] {
        // Each method needs a closure of its own, because the server takes a function pointer, which captures nothing.
        let url = match silent {
            "POST" => server(|line| silent_at(line, "POST")).await,
            _ => server(|line| silent_at(line, "PUT")).await,
        };
        let output = ends_in_time(&aimed_at(&url, &["--filter", "uploads.sized"])).await;
        assert_eq!(output.code, 4, "{}{}", output.stdout, output.stderr);
        assert!(output.stdout.contains("(--timeout)"), "{}", output.stdout);
    }
}

/// Answers all requests except those of one method.
fn silent_at(line: &str, method: &str) -> Answer {
    let version = r#"{"version":1,"upload_path":"{url}/0a1b2c3d-path"}"#;
    match line {
        line if line.starts_with(method) => Answer::Silence,
        "GET /api/v1/authenticate HTTP/1.1" => USER,
        _ => Answer::Whole(200, version),
    }
}

#[tokio::test]
async fn a_reply_without_end_is_taken_no_further_and_breaks_what_asked_for_it() {
    for (answer, status) in [
        (endless::<200> as fn(&str) -> Answer, 200),
        (endless::<404>, 404),
        (endless::<500>, 500),
    ] {
        let url = server(answer).await;
        let output = ends_in_time(&aimed_at(&url, &["--filter", "artifacts.get-missing"])).await;
        assert_eq!(output.code, 1, "{}{}", output.stdout, output.stderr);
        let expected = "expected  a reply that a client can take in\n";
        assert!(output.stdout.contains(expected), "{}", output.stdout);
        let came = format!("came      {status} and more than 4194304 bytes\n");
        assert!(output.stdout.contains(&came), "{}", output.stdout);
    }
}

/// Answers with a body without end.
fn endless<const STATUS: u16>(_: &str) -> Answer {
    Answer::Endless(STATUS)
}

#[tokio::test]
async fn a_timeout_stands_in_a_variable_too_and_one_that_is_none_is_refused_by_name() {
    let url = server(|_| Answer::Silence).await;
    let args = aimed_at(&url, &[]);
    let without: Vec<_> = args[..args.len() - 2].to_vec();
    let mut command = program(&without);
    command.env("ATLAS_CONTRACT_TIMEOUT", "1");
    let told = output(command).await;
    assert!(
        told.stderr.contains("for 1s (--timeout)"),
        "{}",
        told.stderr
    );
    for timeout in ["0", "soon"] {
        let refused = run(&[&without[..], &["--timeout", timeout]].concat()).await;
        assert_eq!(refused.code, 2);
        assert!(refused.stderr.contains("--timeout"), "{}", refused.stderr);
    }
}

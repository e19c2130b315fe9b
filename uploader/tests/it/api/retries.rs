//! Tests failing requests: which are repeated, which are not, and what the errors say.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use atlas_uploader::api::retry::RetryPolicy;
use atlas_uploader::base::exit_code::ExitCode;
use atlas_uploader::push::IDEMPOTENCY_KEY;
use atlas_uploader::{Client, ClientOptions, Error, Phase, Push, PushOutcome, push};
use serde_json::json;

use crate::support::server::{Reply, Server};
use crate::support::{client, impatient, options, push_without_file, some_file, well};

/// Starts a server that answers the first `times` requests of a method with `bad`, and all others as usual.
async fn flaky(method: &'static str, times: usize, bad: Reply) -> Server {
    let seen = AtomicUsize::new(0);
    Server::start(move |url, request| {
        let hit = request.method == method && seen.fetch_add(1, Ordering::Relaxed) < times;
        if hit { bad.clone() } else { well(url, request) }
    })
    .await
}

#[tokio::test]
async fn a_put_is_repeated_with_its_whole_body() {
    for bad in [
        Reply::json(503, json!({})),
        Reply::Hangup,
        Reply::HangupEarly,
    ] {
        let server = flaky("PUT", 2, bad.clone()).await;
        let (_folder, version) = some_file();
        let outcome = push(&client(server.url(), "T0ken"), &version)
            .await
            .unwrap();
        assert_eq!(outcome.attempts, 3, "{bad:?}");
        let put = server.requests().pop().unwrap();
        assert_eq!(put.body, std::fs::read(&version.paths[0]).unwrap());
    }
}

#[tokio::test]
async fn a_put_that_fails_three_times_names_the_version_that_waits_for_its_bytes() {
    let server = flaky("PUT", 9, Reply::json(500, json!({"errors": ["disk full"]}))).await;
    let (_folder, version) = some_file();
    let error = push(&client(server.url(), "T0ken"), &version)
        .await
        .unwrap_err();
    let bytes = std::fs::metadata(&version.paths[0]).unwrap().len();
    let url = server.url();
    assert_eq!(
        error.to_string(),
        format!(
            "Error uploading ({bytes} bytes) to acme/web/custom.image/7: PUT {url}/…: 500 Internal Server Error: disk full (after 3 attempts)"
        )
    );
    assert_eq!(ExitCode::from(&error), ExitCode::Unavailable);
}

#[tokio::test]
async fn a_get_is_repeated() {
    for bad in [
        Reply::json(429, json!({})),
        Reply::Hangup,
        Reply::Half(b"{}{}".to_vec()),
    ] {
        let server = flaky("GET", 2, bad).await;
        push(&client(server.url(), "T0ken"), &push_without_file("i"))
            .await
            .unwrap();
        assert_eq!(server.lines()[..3], ["GET /api/v1/authenticate"; 3]);
    }
}

#[tokio::test]
async fn without_an_idempotency_key_a_version_without_a_file_is_not_made_again_when_in_doubt() {
    for bad in [
        Reply::json(503, json!({})),
        Reply::Hangup,
        Reply::Half(b"{}{}".to_vec()),
    ] {
        let server = flaky("POST", 1, bad).await;
        let error = push(&client(server.url(), "T0ken"), &push_without_file("i"))
            .await
            .unwrap_err();
        assert_eq!(error.phase(), &Phase::CreateVersion);
        assert_eq!(ExitCode::from(&error), ExitCode::InDoubt, "{error}");
        assert!(error.hint().unwrap().contains("atlas-upload search"));
        assert_eq!(posts(&server), 1);
    }
}

/// Pushes to a server that breaks the connection at each POST of a version, and shows the version from the
/// given search on. Returns the result of the push, and the numbers of POSTs and searches.
async fn made_late(
    visible_from: usize,
    settle: Duration,
) -> (Result<PushOutcome, Error>, [usize; 2]) {
    let searches = AtomicUsize::new(0);
    let server = Server::start(move |url, request| {
        if request.line() == "POST /api/v1/artifacts/acme/web/custom.image" {
            return Reply::Hangup;
        }
        if !request.is_search() {
            return well(url, request);
        }
        let seen = searches.fetch_add(1, Ordering::Relaxed) + 1 >= visible_from;
        let version = json!({"username": "acme", "name": "web", "tag": "acme/web", "slug": "s",
            "artifact_type": "custom.image", "id": "i", "version": 9, "metadata": {IDEMPOTENCY_KEY: "m"}});
        let versions = if seen { vec![version] } else { Vec::new() };
        Reply::json(200, json!({"versions": versions}))
    })
    .await;
    let client = Client::new(ClientOptions {
        retry: RetryPolicy {
            first_delay: Duration::from_millis(1),
            settle,
            ..impatient()
        },
        ..options(server.url(), "T0ken")
    });
    let marked = Push {
        idempotency_key: Some("m".to_owned()),
        ..push_without_file("i")
    };
    let pushed = push(&client.unwrap(), &marked).await;
    let requests = server.requests();
    let searches = requests.iter().filter(|request| request.is_search());
    (pushed, [posts(&server), searches.count()])
}

#[tokio::test]
async fn a_version_that_a_server_makes_after_the_connection_broke_is_waited_for() {
    let (pushed, counts) = made_late(3, Duration::from_secs(60)).await;
    assert_eq!(pushed.unwrap().version, 9);
    assert_eq!(counts, [1, 3]);
}

#[tokio::test]
async fn a_version_is_made_again_only_once_the_server_had_the_time_to_settle() {
    let settle = Duration::from_millis(20);
    let start = Instant::now();
    let (pushed, [posts, searches]) = made_late(usize::MAX, settle).await;
    let error = pushed.unwrap_err();
    assert_eq!(ExitCode::from(&error), ExitCode::Unavailable, "{error}");
    assert_eq!(posts, 3);
    assert!(searches > posts, "{searches}");
    assert!(start.elapsed() >= 3 * settle);
}

#[tokio::test]
async fn a_server_that_confirmed_too_early_is_not_believed_again() {
    let puts = AtomicUsize::new(0);
    let server = Server::start(move |url, request| match request.method.as_str() {
        "PUT" if puts.fetch_add(1, Ordering::Relaxed) == 0 => {
            Reply::Early(Box::new(Reply::json(200, json!({}))))
        }
        // The server answers that nothing is there, although it accepted the upload.
        _ if request.target.ends_with("/file") => Reply::json(404, json!({})),
        _ => well(url, request),
    })
    .await;
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("disk.img.gz");
    std::fs::write(
        &path,
        crate::support::gzip(&crate::support::noise(16_000_000)),
    )
    .unwrap();
    let pushed = push(
        &client(server.url(), "T0ken"),
        &crate::support::push_of(&path),
    )
    .await;
    let error = pushed.unwrap_err();
    assert_eq!(ExitCode::from(&error), ExitCode::Unavailable, "{error}");
    assert!(error.to_string().contains("does not have them"), "{error}");
}

#[tokio::test]
async fn a_post_that_was_refused_for_now_is_repeated_once_nothing_was_found_of_it() {
    for status in [408, 425, 429] {
        let refusals = AtomicUsize::new(0);
        let server = Server::start(move |url, request| {
            if request.is_search() {
                return Reply::json(200, json!({"versions": []}));
            }
            let refused = request.method == "POST" && refusals.fetch_add(1, Ordering::Relaxed) < 2;
            if refused {
                Reply::json(status, json!({}))
            } else {
                well(url, request)
            }
        })
        .await;
        let marked = Push {
            idempotency_key: Some("mine".to_owned()),
            ..push_without_file("i")
        };
        let pushed = push(&client(server.url(), "T0ken"), &marked).await;
        assert_eq!(pushed.unwrap().version, 7, "{status}");
        let steps: Vec<_> = server.requests().iter().filter_map(step).collect();
        assert_eq!(steps, ["POST", "look", "POST", "look", "POST"], "{status}");
    }
}

/// Returns the kind of a request that creates a version or searches for it.
fn step(request: &crate::support::server::Request) -> Option<&'static str> {
    match request.method.as_str() {
        "POST" => Some("POST"),
        _ if request.is_search() => Some("look"),
        _ => None,
    }
}

#[tokio::test]
async fn a_version_that_awaits_its_file_is_made_again_and_the_orphan_counted() {
    for bad in [
        Reply::json(503, json!({})),
        Reply::Hangup,
        Reply::Half(b"{}{}".to_vec()),
    ] {
        let server = flaky("POST", 2, bad).await;
        let (_folder, version) = some_file();
        let outcome = push(&client(server.url(), "T0ken"), &version)
            .await
            .unwrap();
        assert_eq!((outcome.possible_orphans, posts(&server)), (2, 3));
    }
}

#[tokio::test]
async fn the_post_of_an_artifact_is_repeated_and_a_first_one_that_took_effect_is_used() {
    let (gets, made) = (AtomicUsize::new(0), AtomicUsize::new(0));
    let server = Server::start(move |url, request| match request.line().as_str() {
        "GET /api/v1/artifacts/acme/web" if gets.fetch_add(1, Ordering::Relaxed) == 0 => {
            Reply::json(404, json!({}))
        }
        "POST /api/v1/artifacts" => match made.fetch_add(1, Ordering::Relaxed) {
            0 => Reply::Hangup,
            _ => Reply::json(422, json!({"errors": ["Name has already been taken"]})),
        },
        _ => well(url, request),
    })
    .await;
    push(&client(server.url(), "T0ken"), &push_without_file("i"))
        .await
        .unwrap();
    let lines = server.lines();
    let to_artifacts = lines
        .iter()
        .filter(|line| *line == "POST /api/v1/artifacts");
    assert_eq!(to_artifacts.count(), 2, "{lines:?}");
}

fn posts(server: &Server) -> usize {
    let requests = server.requests();
    let posts = requests.iter().filter(|request| request.method == "POST");
    posts.count()
}

#[tokio::test]
async fn a_server_that_asks_for_more_patience_than_there_is_is_left_alone() {
    let busy = Reply::json(503, json!({})).with("Retry-After", "3600");
    let server = flaky("GET", 1, busy).await;
    let error = push(&client(server.url(), "T0ken"), &push_without_file("i"))
        .await
        .unwrap_err();
    assert_eq!(ExitCode::from(&error), ExitCode::Unavailable);
    assert_eq!(server.lines().len(), 1);
}

#[tokio::test]
async fn nobody_there_is_trouble_that_may_pass() {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    drop(listener);
    let error = push(&client(&url, "T0ken"), &push_without_file("i"))
        .await
        .unwrap_err();
    assert_eq!(ExitCode::from(&error), ExitCode::Unavailable);
    assert!(error.to_string().ends_with("(after 3 attempts)"), "{error}");
    assert_eq!(impatient().attempts, 3);
}

#[tokio::test]
async fn a_file_that_became_shorter_is_no_trouble_of_the_network() {
    let (_folder, version) = some_file();
    let path = version.paths[0].clone();
    let server = Server::start(move |url, request| {
        if request.method == "POST" {
            std::fs::File::options()
                .write(true)
                .open(&path)
                .unwrap()
                .set_len(10)
                .unwrap();
        }
        well(url, request)
    })
    .await;
    let error = push(&client(server.url(), "T0ken"), &version)
        .await
        .unwrap_err();
    assert_eq!(ExitCode::from(&error), ExitCode::LocalFile, "{error}");
    assert!(
        error.to_string().contains("could not be read to its end"),
        "{error}"
    );
}

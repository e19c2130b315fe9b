//! Tests servers that do not answer, or do not stop: every wait ends, and no reply is buffered without limit.

use std::time::Duration;

use serde_json::json;

use crate::support::command_lines::{PULL, PUSH};
use crate::support::program::{Program, Run};
use crate::support::server::{Reply, Request, Server};
use crate::support::{gzip, well};

const SEARCH: &[&str] = &["search", "acme/web", "--type", "t"];
const SOON: &[&str] = &["--timeout", "1", "--retry-time", "3", "--retries", "1"];
/// The time limit of a run: about five times as long as any should take.
const LIMIT: Duration = Duration::from_secs(60);

/// Runs a command, which must end by itself.
async fn ends(
    command: &[&str],
    answer: impl Fn(&str, &Request) -> Reply + Send + Sync + 'static,
) -> Run {
    let server = Server::start(answer).await;
    let program = Program::at(server.url(), "canary-T0ken");
    program.write("disk.img.gz", gzip(b"some bytes"));
    let arguments = [command, SOON].concat();
    let run = program.run(&arguments);
    tokio::time::timeout(LIMIT, run)
        .await
        .expect("it waits without end")
}

fn is_file(request: &Request) -> bool {
    request.target.ends_with("/file")
}

/// Returns a reply that lacks a part of its body, while the connection stays open.
fn unfinished(status: &str, headers: &str) -> Reply {
    let head = format!("HTTP/1.1 {status}\r\nContent-Length: 100\r\n{headers}\r\nthe");
    Reply::Stall(head.into_bytes())
}

/// Runs a pull whose download gets this reply; searches find nothing.
async fn pull_ends(reply: Reply) -> Run {
    ends(&PULL, move |_, request| match request {
        request if is_file(request) => reply.clone(),
        _ => Reply::json(200, json!({"versions": []})),
    })
    .await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_pull_ends_when_the_file_does_not_come() {
    let run = pull_ends(Reply::Silence).await;
    assert_eq!(run.code, 7, "{run}");
    assert!(run.stderr.contains("no answer within 1s"), "{run}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_pull_ends_when_the_file_stops_coming() {
    for headers in ["", "ETag: \"strong\"\r\n"] {
        let run = pull_ends(unfinished("200 OK", headers)).await;
        assert_eq!(run.code, 7, "{run}");
        assert!(
            run.stderr.contains("no bytes were transferred for 1s"),
            "{run}"
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refusal_whose_words_stop_coming_is_a_refusal() {
    let run = pull_ends(unfinished("404 Not Found", "")).await;
    assert_eq!(run.code, 5, "{run}");
    let run = ends(&PUSH, |url, request| match request.method.as_str() {
        "PUT" => unfinished("500 Internal Server Error", ""),
        _ if is_file(request) => Reply::json(404, json!({})),
        _ => well(url, request),
    })
    .await;
    assert_eq!(run.code, 7, "{run}");
    assert!(run.stderr.contains("500 Internal Server Error"), "{run}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_push_ends_when_nobody_says_whether_the_bytes_arrived() {
    let run = ends(&PUSH, |url, request| match request.method.as_str() {
        "PUT" => Reply::json(500, json!({})),
        _ if is_file(request) => Reply::Silence,
        _ => well(url, request),
    })
    .await;
    assert_eq!(run.code, 7, "{run}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_call_ends_when_its_reply_stops_coming() {
    for command in [&PUSH[..], SEARCH, &["whoami"]] {
        let run = ends(command, |_, _| unfinished("200 OK", "")).await;
        assert_eq!(run.code, 7, "{run}");
        assert!(run.stderr.contains("no answer within 1s"), "{run}");
    }
}

const MIB: usize = 1024 * 1024;

#[tokio::test(flavor = "multi_thread")]
async fn a_reply_without_end_is_not_read_to_its_end() {
    for status in [200, 404, 500] {
        let run = ends(SEARCH, move |_, _| Reply::Long(status, 512 * MIB)).await;
        let code = match status {
            200 => 1,
            404 => 5,
            _ => 7,
        };
        assert_eq!(run.code, code, "{run}");
        let too_long = run
            .stderr
            .contains("the reply is longer than 67108864 bytes");
        assert_eq!(too_long, status == 200, "{run}");
    }
}

#[cfg(unix)]
#[tokio::test(flavor = "multi_thread")]
async fn the_first_signal_ends_a_program_that_reads_a_pipe_to_which_nobody_writes() {
    use rustix::fs::{CWD, FileType, Mode, mknodat};
    use rustix::process::{Pid, Signal, kill_process};

    let program = Program::at("http://127.0.0.1:9", "T0ken");
    let pipe = program.path("pipe");
    mknodat(CWD, &pipe, FileType::Fifo, Mode::RUSR | Mode::WUSR, 0).unwrap();
    let mut command = program.command();
    let command = command.args(["whoami", "--ca-file", "pipe"]);
    let mut child = command.spawn().unwrap();
    let process = Pid::from_raw(i32::try_from(child.id().unwrap()).unwrap()).unwrap();
    // The program has opened the pipe once a writer finds a reader.
    let flags = rustix::fs::OFlags::WRONLY | rustix::fs::OFlags::NONBLOCK;
    let writer = std::sync::Mutex::new(None);
    let is_read = || {
        let opened = rustix::fs::open(&pipe, flags, Mode::empty());
        opened
            .map(|writer_end| *writer.lock().unwrap() = Some(writer_end))
            .is_ok()
    };
    crate::support::until(is_read).await;
    kill_process(process, Signal::TERM).unwrap();
    let ended = tokio::time::timeout(Duration::from_secs(20), child.wait()).await;
    assert_eq!(ended.expect("it does not stop").unwrap().code(), Some(130));
}

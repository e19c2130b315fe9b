//! Tests downloads that break off and are resumed, and archives that are unpacked.

use crate::support::command_lines::PULL;
use crate::support::program::{Program, Run, assert_run};
use crate::support::server::{Reply, Request, Server};
use crate::support::{gzip, started};

const TAG: &str = "\"some-strong-tag\"";

fn content() -> Vec<u8> {
    (0..100_000u32).flat_map(u32::to_le_bytes).collect()
}

fn asked_from(request: &Request) -> Option<usize> {
    let range = request.header("range")?.strip_prefix("bytes=")?;
    range.trim_end_matches('-').parse().ok()
}

async fn pulled(program: &Program) -> Run {
    program.run(&PULL).await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_download_that_breaks_off_goes_on_where_it_was() {
    let server = Server::of_files(|_, request| match asked_from(request) {
        None => Reply::Half(content()).with("ETag", TAG),
        Some(from) => {
            assert_eq!(request.header("if-range"), Some(TAG));
            let range = format!("bytes {from}-399999/400000");
            let rest = content()[from..].to_vec();
            Reply::Status(206, Vec::new(), rest)
                .with("Content-Range", &range)
                .with("ETag", TAG)
        }
    })
    .await;
    let program = Program::at(server.url(), "canary-T0ken");
    assert_run("resumed", pulled(&program).await);
    assert_eq!(std::fs::read(program.path("image")).unwrap(), content());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_without_ranges_begins_anew_and_the_known_bytes_are_skipped() {
    let server = Server::of_files(|_, request| match asked_from(request) {
        None => Reply::Half(content()).with("ETag", TAG),
        Some(_) => Reply::Status(200, Vec::new(), content()).with("ETag", TAG),
    })
    .await;
    let program = Program::at(server.url(), "T0ken");
    assert_eq!(pulled(&program).await.code, 0);
    assert_eq!(std::fs::read(program.path("image")).unwrap(), content());
}

#[tokio::test(flavor = "multi_thread")]
async fn of_another_file_no_byte_is_taken() {
    let wrong_place = || Reply::Status(206, Vec::new(), vec![1]).with("ETag", TAG);
    let others: [Reply; 3] = [
        Reply::Status(200, Vec::new(), content()).with("ETag", "\"another\""),
        wrong_place().with("Content-Range", "bytes 1-1/400000"),
        wrong_place(),
    ];
    for other in others {
        let server = Server::of_files(move |_, request| match asked_from(request) {
            None => Reply::Half(content()).with("ETag", TAG),
            Some(_) => other.clone(),
        })
        .await;
        let program = Program::at(server.url(), "T0ken");
        let run = pulled(&program).await;
        assert_eq!(run.code, 1, "{run}");
        assert!(
            run.stderr.contains("the server does not send the rest"),
            "{run}"
        );
        assert_eq!(std::fs::read_dir(program.folder()).unwrap().count(), 0);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn resuming_needs_a_strong_tag_and_ends_without_progress() {
    let stuck = Server::of_files(|_, _| Reply::Half(content()).with("ETag", TAG)).await;
    let program = Program::at(stuck.url(), "T0ken");
    let run = program
        .run(&[&PULL[..], &["--retries", "2"]].concat())
        .await;
    assert_eq!(run.code, 7, "{run}");
    assert_eq!(stuck.downloads().len(), 4);
    let weak = Server::of_files(|_, _| Reply::Half(content()).with("ETag", "W/\"weak\"")).await;
    let run = pulled(&Program::at(weak.url(), "T0ken")).await;
    assert_eq!(run.code, 7, "{run}");
    assert_eq!(weak.downloads().len(), 1);
}

/// Pulls from a server that breaks off after the beginning of the content, and then answers each request for
/// the rest with `rest`.
async fn pulled_in_parts(rest: impl Fn(usize) -> Reply + Send + Sync + 'static) -> (Run, usize) {
    let server = Server::of_files(move |_, request| match asked_from(request) {
        None => Reply::Half(content()).with("ETag", TAG),
        Some(from) => rest(from),
    })
    .await;
    let program = Program::at(server.url(), "T0ken");
    let run = program
        .run(&[&PULL[..], &["--retries", "2"]].concat())
        .await;
    match run.code {
        0 => assert_eq!(std::fs::read(program.path("image")).unwrap(), content()),
        _ => assert_eq!(std::fs::read_dir(program.folder()).unwrap().count(), 0),
    }
    (run, server.downloads().len())
}

fn part(from: usize, to: usize) -> Reply {
    let range = format!("bytes {from}-{}/400000", to.max(1) - 1);
    Reply::Status(206, Vec::new(), content()[from..to].to_vec())
        .with("Content-Range", &range)
        .with("ETag", TAG)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_rest_that_comes_in_large_parts_is_whole_in_the_end() {
    let (run, downloads) = pulled_in_parts(|from| part(from, 400_000.min(from + 70_000))).await;
    assert_eq!((run.code, downloads), (0, 4), "{run}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_rest_that_ends_before_the_announced_size_is_no_success() {
    for bytes in [0, 1, 10] {
        let (run, downloads) = pulled_in_parts(move |from| part(from, from + bytes)).await;
        assert_eq!((run.code, downloads), (7, 4), "{bytes}: {run}");
        let short = "of 400000 bytes";
        assert!(run.stderr.contains(short), "{bytes}: {run}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_rest_that_is_shorter_than_it_says_is_no_success_where_nobody_knows_the_size() {
    let server = Server::of_files(|_, request| match asked_from(request) {
        // The reply is chunked, so that it does not tell the size, and it breaks off.
        None => {
            let head = "HTTP/1.1 200 OK\r\nETag: \"tag\"\r\nTransfer-Encoding: chunked\r\n\r\n";
            let chunk = format!("C350\r\n{}\r\n", "x".repeat(50_000));
            Reply::Raw(format!("{head}{chunk}").into_bytes())
        }
        Some(from) => Reply::Status(206, Vec::new(), vec![b'x'])
            .with("ETag", "\"tag\"")
            .with("Content-Range", &format!("bytes {from}-99999/*")),
    })
    .await;
    let program = Program::at(server.url(), "T0ken");
    let run = program
        .run(&[&PULL[..], &["--retries", "2"]].concat())
        .await;
    assert_eq!(run.code, 7, "{run}");
    assert_eq!(std::fs::read_dir(program.folder()).unwrap().count(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_that_has_another_size_when_its_rest_is_asked_for_is_no_success() {
    let shorter = |_| Reply::Status(200, Vec::new(), content()[..250_000].to_vec());
    let (run, _) = pulled_in_parts(move |from| shorter(from).with("ETag", TAG)).await;
    assert_eq!(run.code, 1, "{run}");
    let told = "the file had 400000 bytes, and now has 250000";
    assert!(run.stderr.contains(told), "{run}");
    let longer = |from| {
        let rest = [&content()[from..], b"more"].concat();
        let range = format!("bytes {from}-400003/*");
        Reply::Status(206, Vec::new(), rest).with("Content-Range", &range)
    };
    let (run, _) = pulled_in_parts(longer).await;
    assert_eq!(run.code, 1, "{run}");
    assert!(run.stderr.contains("longer than the 400000 bytes"), "{run}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_part_that_nobody_asked_for_is_not_taken_for_the_whole() {
    let server = Server::of_files(|_, _| part(0, 1000)).await;
    let run = pulled(&Program::at(server.url(), "T0ken")).await;
    assert_eq!(run.code, 1, "{run}");
    assert!(
        run.stderr.contains("not a reply with a whole file"),
        "{run}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_packed_folder_is_unpacked_and_nothing_is_overwritten() {
    let (_atlas, program) = started().await;
    program.write("out/a.txt", "a");
    program.write("out/sub/b.txt", "b");
    let push = ["push", "acme/web", "--type", "t", "out"];
    assert_eq!(program.run(&push).await.code, 0);
    let extract = ["pull", "acme/web", "--type", "t", "--extract", "new/er"];
    assert_run("extract_new", program.run(&extract).await);
    let read = |name: &str| std::fs::read_to_string(program.path(name)).unwrap();
    assert_eq!(
        (read("new/er/a.txt"), read("new/er/sub/b.txt")),
        ("a".into(), "b".into())
    );
    assert_run("extract_again", program.run(&extract).await);

    program.write("there/other.txt", "other");
    let there = [
        "pull",
        "acme/web",
        "--type",
        "t",
        "--extract",
        "there",
        "--output",
        "json",
    ];
    assert_run("extract_there", program.run(&there).await);
    let mut names: Vec<_> = std::fs::read_dir(program.path("there")).unwrap().collect();
    assert_eq!(names.drain(..).count(), 3);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_no_archive_leaves_nothing() {
    let server = Server::of_files(|_, _| Reply::Status(200, Vec::new(), gzip(&[7; 5000]))).await;
    let program = Program::at(server.url(), "T0ken");
    let pull = [
        "pull",
        "acme/web",
        "--type",
        "t",
        "--version",
        "1",
        "--extract",
        "out",
    ];
    assert_run("extract_no_archive", program.run(&pull).await);
    assert_eq!(std::fs::read_dir(program.folder()).unwrap().count(), 0);
}

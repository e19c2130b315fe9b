//! These tests check the receipt on disk: its content, its permissions, what it may replace, and that it
//! survives whatever stops the program.

use std::io::Write as _;
use std::process::Stdio;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use atlas_uploader::base::digest::{Algorithm, HashingWriter};
use mock_atlas::MockAtlas;
use serde_json::{Value, json};
use tokio::sync::Notify;

use crate::support::command_lines::{PUSH_WITH_RECEIPT, RESUME};
use crate::support::program::{Program, Run, assert_run};
use crate::support::server::{Reply, Server};
use crate::support::{CANARY, gzip, started, well};

/// Starts an Atlas that refuses only the bytes.
async fn without_a_store() -> (Server, Program) {
    let server = Server::start(|url, request| match request.method.as_str() {
        "PUT" => Reply::json(403, serde_json::json!({})),
        _ => well(url, request),
    })
    .await;
    let program = Program::at(server.url(), CANARY);
    program.write("disk.img.gz", gzip(b"disk"));
    (server, program)
}

async fn ready() -> (MockAtlas, Program) {
    let (atlas, program) = started().await;
    program.write("disk.img.gz", gzip(b"disk"));
    (atlas, program)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_receipt_holds_the_upload_address_for_its_owner_alone_and_never_the_token() {
    let (_server, program) = without_a_store().await;
    let run = program.run(&PUSH_WITH_RECEIPT).await;
    assert_eq!(run.code, 6, "{run}");
    let receipt = program.path("push.json");
    let text = std::fs::read_to_string(&receipt).unwrap();
    assert!(text.contains("/_store/0123456789?keep=1"), "{text}");
    assert!(!text.contains("T0ken"), "{text}");
    assert_run("receipt_file", text);
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt as _;
        let mode = std::fs::metadata(&receipt).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
    }
    // The folder contains only the pushed file and the receipt, and no temporary file.
    assert_eq!(std::fs::read_dir(program.folder()).unwrap().count(), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_receipt_of_what_is_not_finished_is_never_replaced() {
    let (_server, program) = without_a_store().await;
    assert_eq!(program.run(&PUSH_WITH_RECEIPT).await.code, 6);
    let before = std::fs::read(program.path("push.json")).unwrap();
    let run = program.run(&PUSH_WITH_RECEIPT).await;
    assert_run("receipt_not_replaced", run);
    assert_eq!(std::fs::read(program.path("push.json")).unwrap(), before);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_that_is_no_receipt_is_neither_replaced_nor_resumed() {
    let (_atlas, program) = ready().await;
    program.write("push.json", "{\"mine\": 1}");
    assert_run(
        "receipt_is_another_file",
        program.run(&PUSH_WITH_RECEIPT).await,
    );
    let run = program.run(&RESUME).await;
    assert_eq!(run.code, 3, "{run}");
    let kept = std::fs::read_to_string(program.path("push.json")).unwrap();
    assert_eq!(kept, "{\"mine\": 1}");
    program.write(
        "push.json",
        r#"{"receipt": 2, "atlas_url": "", "pushes": []}"#,
    );
    let run = program.run(&RESUME).await;
    assert!(run.stderr.contains("is a receipt of format 2"), "{run}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_receipt_that_cannot_be_kept_stops_the_push_before_it_begins() {
    let server = Server::start(well).await;
    let program = Program::at(server.url(), CANARY);
    program.write("disk.img.gz", gzip(b"disk"));
    let push = [&PUSH_WITH_RECEIPT[..6], &["nowhere/push.json"]].concat();
    let run = program.run(&push).await;
    assert_eq!(run.code, 3, "{run}");
    assert!(
        run.stderr
            .starts_with("error: Error in the receipt: nowhere/push.json: ")
    );
    assert!(server.requests().is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_receipt_of_a_push_that_is_done_makes_no_second_version_and_may_be_replaced() {
    let (_atlas, program) = ready().await;
    for number in [1, 2] {
        let slug = format!("acme/web/t/{number}\n");
        assert_eq!(program.run(&PUSH_WITH_RECEIPT).await.stdout, slug);
        assert_eq!(program.run(&RESUME).await.stdout, slug);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn other_bytes_are_not_sent_in_the_name_of_an_older_push() {
    let (_server, program) = without_a_store().await;
    assert_eq!(program.run(&PUSH_WITH_RECEIPT).await.code, 6);
    program.write("disk.img.gz", gzip(b"another disk"));
    assert_run("receipt_of_other_bytes", program.run(&RESUME).await);
}

/// The older release recorded a SHA-256.
#[tokio::test(flavor = "multi_thread")]
async fn a_receipt_of_an_older_release_is_compared_with_the_bytes_too() {
    let (_server, program) = without_a_store().await;
    assert_eq!(program.run(&PUSH_WITH_RECEIPT).await.code, 6);
    let path = program.path("push.json");
    let mut receipt: Value = serde_json::from_slice(&std::fs::read(&path).unwrap()).unwrap();
    let mut hashing = HashingWriter::new(Algorithm::Sha256, std::io::sink());
    hashing.write_all(&gzip(b"disk")).unwrap();
    receipt["pushes"][0]["content"]["digest"] = json!(hashing.finish().1.to_string());
    std::fs::write(&path, receipt.to_string()).unwrap();
    // The same bytes are refused by the store again; other bytes are refused by the program.
    assert_eq!(program.run(&RESUME).await.code, 6);
    program.write("disk.img.gz", gzip(b"dust"));
    assert_eq!(program.run(&RESUME).await.code, 8);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_receipt_of_another_atlas_is_refused() {
    let (_server, program) = without_a_store().await;
    assert_eq!(program.run(&PUSH_WITH_RECEIPT).await.code, 6);
    let elsewhere = Server::start(well).await;
    let run = program
        .run(&[&RESUME[..], &["--atlas-url", elsewhere.url()]].concat())
        .await;
    assert_run("receipt_of_another_atlas", run);
    assert!(elsewhere.requests().is_empty());
}

/// Writes a manifest of the builds `a` and `b`, with one file each.
fn two_builds(program: &Program) {
    let build = |name: &str| {
        program.write(&format!("{name}.gz"), gzip(name.as_bytes()));
        let files = [json!({"name": format!("{name}.gz"), "size": 1})];
        json!({"name": name, "builder_type": "file", "files": files, "artifact_id": name, "packer_run_uuid": "r"})
    };
    let manifest = json!({"builds": [build("a"), build("b")], "last_run_uuid": "r"});
    program.write("manifest.json", manifest.to_string());
}

/// The proxy refuses the second PUT once, so that one of the two builds is finished and the other is not.
#[tokio::test(flavor = "multi_thread")]
async fn several_pushes_go_on_where_they_stood_even_from_another_folder() {
    let atlas = MockAtlas::builder().token(CANARY).start().await.unwrap();
    let (upstream, puts) = (atlas.url().to_owned(), AtomicUsize::new(0));
    let proxy = Server::start(move |_, request| {
        if request.method == "PUT" && puts.fetch_add(1, Ordering::Relaxed) == 1 {
            return Reply::json(422, json!({}));
        }
        Reply::Forward(upstream.clone(), None)
    })
    .await;
    let program = Program::at(proxy.url(), CANARY);
    two_builds(&program);
    let push = [
        "push",
        "acme/web",
        "--type",
        "t",
        "--manifest",
        "manifest.json",
    ];
    let run = program
        .run(&[&push[..], &["--receipt", "push.json"]].concat())
        .await;
    assert_eq!(
        (run.code, run.stdout.as_str()),
        (6, "acme/web/t/1\n"),
        "{}",
        run.stderr
    );

    let elsewhere = Program::at(proxy.url(), CANARY);
    let receipt = program.path("push.json");
    let run = elsewhere
        .run(&["push", "--resume", receipt.to_str().unwrap()])
        .await;
    assert_eq!(run.stdout, "acme/web/t/1\nacme/web/t/2\n", "{}", run.stderr);
    let found = program
        .run(&["search", "acme/web", "--type", "t", "--output", "json"])
        .await;
    let found: Value = serde_json::from_str(&found.stdout).unwrap();
    let ids = found
        .as_array()
        .unwrap()
        .iter()
        .map(|version| &version["id"]);
    assert_eq!(ids.collect::<Vec<_>>(), ["b", "a"]);
}

/// Pushes the file to an Atlas that takes the bytes and never answers; returns when the PUT has arrived.
#[cfg(unix)]
async fn hanging(program: &Program, put: &Notify) -> tokio::process::Child {
    let mut command = program.command();
    command
        .args(PUSH_WITH_RECEIPT)
        .stderr(Stdio::piped())
        .stdout(Stdio::piped());
    let child = command.spawn().unwrap();
    put.notified().await;
    child
}

#[cfg(unix)]
async fn signal(name: &str, child: &tokio::process::Child) {
    let id = child.id().unwrap().to_string();
    let kill = tokio::process::Command::new("kill")
        .args([name, &id])
        .status();
    assert!(kill.await.unwrap().success());
}

/// Starts an emulator behind a proxy that does not answer the first PUT.
async fn silent_store() -> (MockAtlas, Server, Program, Arc<Notify>) {
    let atlas = MockAtlas::builder().token(CANARY).start().await.unwrap();
    let (upstream, puts) = (atlas.url().to_owned(), AtomicUsize::new(0));
    let put = Arc::new(Notify::new());
    let there = Arc::clone(&put);
    let proxy = Server::start(move |_, request| {
        if request.method == "PUT" && puts.fetch_add(1, Ordering::Relaxed) == 0 {
            there.notify_one();
            return Reply::Silence;
        }
        Reply::Forward(upstream.clone(), None)
    })
    .await;
    let program = Program::at(proxy.url(), CANARY);
    program.write("disk.img.gz", gzip(b"disk"));
    (atlas, proxy, program, put)
}

#[cfg(unix)]
#[tokio::test(flavor = "multi_thread")]
async fn an_interrupted_push_says_how_to_finish_it_and_makes_no_second_version() {
    let (_atlas, _proxy, program, put) = silent_store().await;
    let child = hanging(&program, &put).await;
    signal("-INT", &child).await;
    let output = child.wait_with_output().await.unwrap();
    let run = Run {
        code: output.status.code().unwrap(),
        stdout: String::from_utf8(output.stdout).unwrap(),
        stderr: String::from_utf8(output.stderr).unwrap(),
    };
    assert_run("interrupted", run);
    assert_run("interrupted_then_resumed", program.run(&RESUME).await);
}

#[cfg(unix)]
#[tokio::test(flavor = "multi_thread")]
async fn of_two_that_work_with_one_receipt_the_second_does_nothing() {
    let (_atlas, proxy, program, put) = silent_store().await;
    let mut child = hanging(&program, &put).await;
    let receipt = program.path("push.json");
    let before = std::fs::read(&receipt).unwrap();
    assert_run("receipt_in_use", program.run(&RESUME).await);
    let again = program.run(&PUSH_WITH_RECEIPT).await;
    assert_eq!(again.code, 3, "{again}");
    assert!(
        again.stderr.contains("another push is using this receipt"),
        "{again}"
    );
    let mut lines = proxy.lines();
    lines.retain(|line| line == "GET /api/v1/authenticate");
    assert_eq!(lines.len(), 1, "only the first has asked anything");
    assert_eq!(std::fs::read(&receipt).unwrap(), before);

    // The lock of the receipt must end with the process, even when it is killed.
    child.kill().await.unwrap();
    let run = program.run(&RESUME).await;
    assert_eq!((run.code, &*run.stdout), (0, "acme/web/t/1\n"), "{run}");
}

#[cfg(unix)]
#[tokio::test(flavor = "multi_thread")]
async fn a_killed_push_is_finished_from_its_receipt() {
    let (_atlas, _proxy, program, put) = silent_store().await;
    // The second run must pack the file into the same bytes again.
    program.write("disk.img.gz", "not compressed");
    let mut child = hanging(&program, &put).await;
    child.kill().await.unwrap();
    let run = program.run(&RESUME).await;
    assert_eq!(
        (run.code, run.stdout.as_str()),
        (0, "acme/web/t/1\n"),
        "{}",
        run.stderr
    );
}

#[cfg(unix)]
#[tokio::test(flavor = "multi_thread")]
async fn a_version_that_was_made_while_the_push_was_killed_is_found_again() {
    let atlas = MockAtlas::builder().token(CANARY).start().await.unwrap();
    let (upstream, posts) = (atlas.url().to_owned(), Arc::new(AtomicUsize::new(0)));
    let seen = Arc::clone(&posts);
    let proxy = Server::start(move |_, request| {
        let version = request.line() == "POST /api/v1/artifacts/acme/web/t";
        let first = version && seen.fetch_add(1, Ordering::Relaxed) == 0;
        Reply::Forward(upstream.clone(), first.then(|| Box::new(Reply::Silence)))
    })
    .await;
    let program = Program::at(proxy.url(), CANARY);
    let push = [
        "push",
        "acme/web",
        "--type",
        "t",
        "--id",
        "ami-1",
        "--receipt",
        "push.json",
    ];
    let mut child = program
        .command()
        .args(push)
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let search = ["search", "acme/web", "--type", "t", "--output", "json"];
    while !program.run(&search).await.stdout.contains("ami-1") {}
    child.kill().await.unwrap();

    let run = program.run(&RESUME).await;
    assert_eq!(
        (run.code, run.stdout.as_str()),
        (0, "acme/web/t/1\n"),
        "{}",
        run.stderr
    );
    assert_eq!(posts.load(Ordering::Relaxed), 1);
}

/// The program blocks on a manifest that is a pipe without a writer's data.
#[cfg(unix)]
#[tokio::test(flavor = "multi_thread")]
async fn a_second_signal_ends_the_program_at_once_even_while_it_blocks() {
    let program = Program::at("http://127.0.0.1:1", CANARY);
    let pipe = program.path("manifest.json");
    let made = tokio::process::Command::new("mkfifo").arg(&pipe).status();
    assert!(made.await.unwrap().success());
    let mut command = program.command();
    command.args([
        "push",
        "acme/web",
        "--type",
        "t",
        "--manifest",
        "manifest.json",
    ]);
    let mut child = command.spawn().unwrap();
    // Opening succeeds when the program reads the pipe, long after it began to listen for signals.
    let open = move || std::fs::File::options().write(true).open(pipe).unwrap();
    let _writer = tokio::task::spawn_blocking(open).await.unwrap();
    // The system merges two signals in quick succession into one, so the test sends several.
    while child.try_wait().unwrap().is_none() {
        signal("-INT", &child).await;
    }
    assert_eq!(child.wait().await.unwrap().code(), Some(130));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_killed_run_left_is_gone_after_the_next_one() {
    const RECEIPT: &str = ".atlas-upload-0123456789ab.atlas-unfinished";
    const PULL: &str = ".atlas-pull-0123456789ab.atlas-unfinished";
    let (_atlas, program) = ready().await;
    program.write(RECEIPT, "http://atlas.test/_binstore/0");
    program.write(PULL, "half of a file");
    assert_eq!(program.run(&PUSH_WITH_RECEIPT).await.code, 0);
    assert!(!program.path(RECEIPT).exists());
    program.write(RECEIPT, "http://atlas.test/_binstore/0");
    assert_eq!(program.run(&RESUME).await.code, 0);
    assert!(!program.path(RECEIPT).exists());
    let pull = ["pull", "acme/web", "--type", "t", "-o", "file"];
    assert_eq!(program.run(&pull).await.code, 0);
    assert!(!program.path(PULL).exists());
    program.write(&format!("{PULL}/content/half"), "of a file");
    let extract = ["pull", "acme/web", "--type", "t", "--extract", "folder"];
    program.run(&extract).await;
    assert!(!program.path(PULL).exists());
}

#[tokio::test(flavor = "multi_thread")]
async fn what_somebody_named_like_our_temporary_files_stays() {
    let (_atlas, program) = ready().await;
    let first = [&PUSH_WITH_RECEIPT[..6], &[".atlas-upload-web.json"]].concat();
    assert_eq!(program.run(&first).await.code, 0);
    program.write(".atlas-pull-notes", "mine");
    program.write(".atlas-pull-cache/mine", "as well");
    assert_eq!(program.run(&PUSH_WITH_RECEIPT).await.code, 0);
    let pull = ["pull", "acme/web", "--type", "t"];
    let file = [&pull[..], &["-o", "file"]].concat();
    assert_eq!(program.run(&file).await.code, 0);
    program
        .run(&[&pull[..], &["--extract", "."]].concat())
        .await;
    for name in [
        ".atlas-upload-web.json",
        ".atlas-pull-notes",
        ".atlas-pull-cache/mine",
    ] {
        assert!(program.path(name).exists(), "{name}");
    }
}

/// The name of the folder is Latin-1, which is not valid UTF-8.
#[cfg(target_os = "linux")]
#[tokio::test(flavor = "multi_thread")]
async fn paths_that_are_no_text_are_kept_told_and_found_again() {
    use std::ffi::OsStr;
    use std::os::unix::ffi::OsStrExt as _;
    let server = Server::start(|url, request| match request.method.as_str() {
        "PUT" => Reply::json(500, json!({})),
        _ => well(url, request),
    })
    .await;
    let program = Program::at(server.url(), CANARY);
    program.write("disk.img.gz", gzip(b"disk"));
    let name = OsStr::from_bytes(b"d\xe9");
    let folder = program.folder().join(name);
    std::fs::create_dir(&folder).unwrap();
    std::fs::rename(program.path("disk.img.gz"), folder.join("disk.img.gz")).unwrap();
    let push = async |receipt: &str, arguments: &[&OsStr]| {
        let mut command = program.command();
        let command = command
            .current_dir(&folder)
            .args(["push", "--retries", "0"]);
        let command = command.args(arguments).arg(receipt).arg(name);
        String::from_utf8(command.output().await.unwrap().stderr).unwrap()
    };
    let artifact = ["acme/web", "--type", "t", "disk.img.gz"].map(OsStr::new);
    let told = r"finish the push with: atlas-upload push --resume $'d\351'";
    let stderr = push("--receipt", &artifact).await;
    assert!(stderr.contains(told), "{stderr}");
    let stderr = push("--resume", &[]).await;
    assert!(stderr.contains(told), "{stderr}");
    let sent = server.requests();
    let put: Vec<_> = sent
        .iter()
        .filter(|request| request.method == "PUT")
        .collect();
    assert_eq!(put.len(), 2);
    assert_eq!(put[1].body, gzip(b"disk"));
}

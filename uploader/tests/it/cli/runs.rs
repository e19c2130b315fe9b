//! Compares whole runs of the program with snapshots: exit code and both streams together.

use mock_atlas::MockAtlas;
use serde_json::json;

use crate::support::gzip;
use crate::support::program::{Program, Run, assert_run};
use crate::support::server::{Reply, Server};

/// Starts an emulator, and returns a program that knows its token, with a gzip file and a folder.
async fn ready() -> (MockAtlas, Program) {
    let atlas = MockAtlas::builder()
        .token("a-good-token")
        .start()
        .await
        .unwrap();
    let program = Program::at(atlas.url(), atlas.token());
    program.write("disk.img.gz", gzip(b"disk"));
    program.write("out/a.txt", "a");
    program.write("out/sub/b.txt", "b");
    (atlas, program)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_push_prints_the_slug_and_says_what_it_does() {
    let (_atlas, program) = ready().await;
    let push = ["push", "acme/web", "--type", "custom.image", "disk.img.gz"];
    assert_run("push_first", program.run(&push).await);
    assert_run("push_second", program.run(&push).await);
    let json = [&push[..], &["--output", "json"]].concat();
    assert_run("push_json", program.run(&json).await);
    let several = [
        "push",
        "acme/web",
        "--type",
        "t",
        "out/a.txt",
        "out/sub/b.txt",
        "--output",
        "json",
    ];
    assert_run("push_several", program.run(&several).await);
    let ami = [
        "push",
        "acme/web",
        "--type",
        "t",
        "--id",
        "us-east-1:ami-1",
        "--output",
        "json",
    ];
    assert_run("push_without_file", program.run(&ami).await);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_search_is_a_table_or_json() {
    let (_atlas, program) = ready().await;
    for id in ["us-east-1:ami-1", "short"] {
        let push = [
            "push",
            "acme/web",
            "--type",
            "t",
            "--id",
            id,
            "-m",
            "os=linux",
            "-m",
            "region.us-east-1=ami-1",
        ];
        assert_eq!(program.run(&push).await.code, 0);
    }
    let search = ["search", "acme/web", "--type", "t"];
    assert_run("search_text", program.run(&search).await);
    let json = [&search[..], &["--version", "latest", "--output", "json"]].concat();
    assert_run("search_json", program.run(&json).await);
    let nothing = [&search[..], &["-m", "os=bsd"]].concat();
    assert_run("search_nothing", program.run(&nothing).await);
    assert_run(
        "search_not_found",
        program.run(&["search", "acme/other", "--type", "t"]).await,
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_pull_names_the_file_and_never_overwrites_unasked() {
    let (_atlas, program) = ready().await;
    let push = ["push", "acme/web", "--type", "custom.image", "disk.img.gz"];
    assert_eq!(program.run(&push).await.code, 0);
    let pull = ["pull", "acme/web", "--type", "custom.image"];
    assert_run("pull_first", program.run(&pull).await);
    assert_eq!(
        std::fs::read(program.path("acme-web-custom.image-1")).unwrap(),
        gzip(b"disk")
    );
    assert_run("pull_again", program.run(&pull).await);
    let named = [
        &pull[..],
        &["-o", "acme-web-custom.image-1", "--output", "json"],
    ]
    .concat();
    assert_run("pull_named", program.run(&named).await);
    let missing = [&pull[..], &["--version", "9", "-o", "nine"]].concat();
    assert_run("pull_missing", program.run(&missing).await);
    assert!(!program.path("nine").exists());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_channel_stands_for_its_version() {
    let (atlas, program) = ready().await;
    for bytes in [b"one", b"two"] {
        program.write("disk.img.gz", gzip(bytes));
        let push = ["push", "acme/web", "--type", "custom.image", "disk.img.gz"];
        assert_eq!(program.run(&push).await.code, 0);
    }
    let of = ["acme/web", "--type", "custom.image", "--version"];
    let pull = [&["pull"], &of[..], &["production", "-o", "found"]].concat();
    let unknown = program.run(&pull).await;
    assert_ne!(unknown.code, 0);
    let message = "the server knows no channel production of acme/web/custom.image";
    assert!(unknown.stderr.contains(message), "{}", unknown.stderr);
    assert!(!program.path("found").exists());

    let path = "_mock/channels/acme/web/custom.image/production";
    let set = reqwest::Client::builder().no_proxy().build().unwrap();
    let set = set
        .put(format!("{}/{path}", atlas.url()))
        .header("X-Atlas-Token", atlas.token())
        .header("Content-Type", "application/json")
        .body(r#"{"channel": {"version": 1}}"#);
    assert_eq!(set.send().await.unwrap().status(), 200);
    let pulled = program.run(&pull).await;
    assert_eq!(pulled.code, 0, "{}", pulled.stderr);
    let found = std::fs::read(program.path("found")).unwrap();
    assert_eq!(found, gzip(b"one"));
    let search = [&["search"], &of[..], &["production"]].concat();
    let found = program.run(&search).await;
    let lines: Vec<&str> = found.stdout.lines().collect();
    assert!(lines.len() == 2 && lines[1].starts_with("1 "), "{lines:?}");
    let wrong = [&["pull"], &of[..], &["Prod"]].concat();
    assert_eq!(program.run(&wrong).await.code, 2);
}

/// A server that ignores the version of a search would hand out the newest version for any channel.
#[tokio::test(flavor = "multi_thread")]
async fn a_channel_is_not_taken_from_a_server_that_knows_none() {
    let newest = json!({
        "username": "acme", "name": "web", "tag": "acme/web", "slug": "acme/web/t/2", "artifact_type": "t",
        "id": "", "version": 2, "metadata": {}, "file": true,
    });
    let server = Server::start(move |_, request| match request.is_search() {
        true => Reply::json(200, json!({"versions": [newest]})),
        false => Reply::Status(200, Vec::new(), b"the newest".to_vec()),
    })
    .await;
    let program = Program::at(server.url(), "T0ken");
    let pull = [
        "pull",
        "acme/web",
        "--type",
        "t",
        "-o",
        "found",
        "--version",
    ];
    let run = program.run(&[&pull[..], &["production"]].concat()).await;
    let message = "the server knows no channel production of acme/web/t";
    assert!(run.code != 0 && run.stderr.contains(message), "{run}");
    assert!(!program.path("found").exists());
    let run = program.run(&[&pull[..], &["2"]].concat()).await;
    assert_eq!(run.code, 0, "{run}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_pull_to_standard_output_is_the_raw_bytes_alone() {
    let (_atlas, program) = ready().await;
    // The content holds the token, since pulled bytes are the only output that is not redacted.
    let content = gzip(b"a-good-token");
    program.write("disk.img.gz", &content);
    let push = ["push", "acme/web", "--type", "custom.image", "disk.img.gz"];
    assert_eq!(program.run(&push).await.code, 0);
    let pull = [
        "pull",
        "acme/web",
        "--type",
        "custom.image",
        "-o",
        "-",
        "--output",
        "json",
    ];
    let (code, stdout, stderr) = program.run_raw(&pull).await;
    assert_eq!((code, stdout), (0, content));
    assert!(stderr.contains("\"verified\":true"), "{stderr}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_mistake_is_told_before_anything_is_sent() {
    let (_atlas, program) = ready().await;
    let runs: [(&str, &[&str]); 6] = [
        ("neither path nor id", &["push", "acme/web", "--type", "t"]),
        ("a bad slug", &["push", "acme", "--type", "t", "--id", "i"]),
        ("an empty slug", &["push", "", "--type", "t", "--id", "i"]),
        (
            "a missing file",
            &["push", "acme/web", "--type", "t", "nowhere.img"],
        ),
        (
            "no common folder",
            &[
                "push",
                "acme/web",
                "--type",
                "t",
                "disk.img.gz",
                "out/a.txt",
            ],
        ),
        (
            "bad metadata",
            &[
                "push", "acme/web", "--type", "t", "--id", "i", "-m", "novalue",
            ],
        ),
    ];
    let mut all = String::new();
    for (mistake, arguments) in runs {
        all += &format!("=== {mistake}\n{}\n", program.run(arguments).await);
    }
    assert_run("mistakes", all);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refusal_is_told_in_the_servers_words() {
    let (_atlas, program) = ready().await;
    let push = ["push", "acme/web", "--type", "vagrant.box", "--id", "i"];
    assert_run("refused_vagrant_box", program.run(&push).await);
    let whoami = ["whoami", "--token", "not-a-good-token"];
    assert_run("refused_token", program.run(&whoami).await);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_address_of_the_service_that_is_gone_is_explained() {
    // A closed port serves as the proxy, so that no request leaves this machine.
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let proxy = format!("http://{}", listener.local_addr().unwrap());
    drop(listener);
    let program = Program::new()
        .with("HTTPS_PROXY", &proxy)
        .with("ATLAS_TOKEN", "T0ken");
    let run = program.run(&["whoami", "--retries", "2"]).await;
    assert_eq!(run.code, 7, "{run}");
    assert_run("default_address", run);
    let run = Program::new()
        .with("HTTPS_PROXY", &proxy)
        .run(&["whoami"])
        .await;
    assert_run("default_address_no_token", run);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_large_archive_is_made_in_tmpdir_and_leaves_nothing_there() {
    let (_atlas, program) = ready().await;
    program.write("large", crate::support::noise(9 * 1024 * 1024));
    let push = ["push", "acme/web", "--type", "t", "large"];
    let spool = tempfile::tempdir().unwrap();
    let program = program.with("TMPDIR", spool.path().to_str().unwrap());
    let run = program.run(&push).await;
    assert_eq!(run.code, 0, "{run}");
    assert_eq!(std::fs::read_dir(spool.path()).unwrap().count(), 0);

    let run = program.with("TMPDIR", "/nowhere").run(&push).await;
    assert_eq!(run.code, 3, "{run}");
    let named = "Error archiving artifact: /nowhere: writing the temporary archive: ";
    assert!(run.stderr.contains(named), "{run}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_small_or_stored_archive_needs_no_tmpdir() {
    let (_atlas, program) = ready().await;
    program.write("large", crate::support::noise(9 * 1024 * 1024));
    let program = program.with("TMPDIR", "/nowhere");
    for path_and_flags in [&["out"][..], &["large", "--compression-level", "0"]] {
        let push = [&["push", "acme/web", "--type", "t"], path_and_flags].concat();
        let run = program.run(&push).await;
        assert_eq!(run.code, 0, "{run}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_options_of_packing_reach_the_archive() {
    let (atlas, program) = ready().await;
    program.write("tree/keep", "1");
    program.write("tree/keep.log", "2");
    program.write("tree/other", "3");
    let mut push = vec![
        "push", "acme/web", "--type", "t", "tree", "--output", "json",
    ];
    push.extend(["--include", "keep*", "--exclude", "*.log", "--reproducible"]);
    push.extend(["--compression-level", "9", "--no-digest"]);
    let run = program.run(&push).await;
    assert_eq!(run.code, 0, "{run}");
    assert!(run.stdout.contains("\"digest\":null"), "{run}");
    drop(atlas);
    for level in ["10", "-1", "x"] {
        let level = format!("--compression-level={level}");
        let run = program
            .run(&["push", "acme/web", "--type", "t", "tree", &level])
            .await;
        assert_eq!(run.code, 2, "{run}");
    }
    let run = program
        .run(&["push", "acme/web", "--type", "t", "tree/keep", "--vcs"])
        .await;
    assert_eq!(run.code, 2, "{run}");
}

#[tokio::test(flavor = "multi_thread")]
async fn help_has_an_example_for_each_subcommand_and_never_a_token() {
    let program = Program::at("http://127.0.0.1:1", "a-secret-token");
    for subcommand in [
        None,
        Some("push"),
        Some("search"),
        Some("show"),
        Some("pull"),
        Some("whoami"),
        Some("config"),
        Some("completions"),
        Some("man"),
    ] {
        let arguments: Vec<_> = subcommand.into_iter().chain(["--help"]).collect();
        let run = program.run(&arguments).await;
        assert_eq!(run.code, 0);
        assert!(run.stdout.contains("Example"), "{run}");
        assert!(
            run.stdout
                .contains(&format!("atlas-upload {}", subcommand.unwrap_or("push"))),
            "{run}"
        );
        assert!(!run.to_string().contains("a-secret-token"));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn completions_and_manual_pages_are_there_whatever_the_settings() {
    let program = Program::at("no address at all", "a-secret-token");
    for shell in ["bash", "zsh", "fish", "elvish", "powershell"] {
        let run = program.run(&["completions", shell]).await;
        assert_eq!(run.code, 0, "{run}");
        assert!(run.stdout.contains("atlas-url"), "{shell}");
        assert!(!run.stdout.contains("a-secret-token"), "{shell}");
    }
    assert_run("man", program.run(&["man", "pages/man1"]).await);
    let push = std::fs::read_to_string(program.path("pages/man1/atlas-upload-push.1")).unwrap();
    for part in [".TH", "artifact", "Examples", "ATLAS_BUILD_ID"] {
        assert!(push.contains(part), "{part}");
    }
    program.write("file", "");
    assert_run("man_refused", program.run(&["man", "file"]).await);
}

#[cfg(unix)]
#[tokio::test(flavor = "multi_thread")]
async fn a_reader_that_goes_away_is_no_panic() {
    let (_atlas, program) = ready().await;
    let push = ["push", "acme/web", "--type", "t", "--id", "i"];
    let (reader, writer) = std::io::pipe().unwrap();
    drop(reader);
    let mut command = program.command();
    command
        .args(push)
        .stdout(writer.try_clone().unwrap())
        .stderr(writer);
    assert_eq!(command.status().await.unwrap().code(), Some(0));
}

#[cfg(unix)]
#[tokio::test(flavor = "multi_thread")]
async fn a_stop_signal_leaves_no_temporary_file_behind() {
    assert_leaves_nothing(["-o", "image"]).await;
    assert_leaves_nothing(["--extract", "new/er/image"]).await;
}

/// Stops a pull to `place`, and asserts that no file is left.
#[cfg(unix)]
async fn assert_leaves_nothing(place: [&str; 2]) {
    let (asked, mut was_asked) = tokio::sync::mpsc::unbounded_channel();
    // The server sends half a file: the download hangs until it is stopped.
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    tokio::spawn(async move {
        use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
        let (mut stream, _) = listener.accept().await.unwrap();
        let mut request = [0; 1024];
        let _ = stream.read(&mut request).await.unwrap();
        stream
            .write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhalf")
            .await
            .unwrap();
        asked.send(()).unwrap();
        std::future::pending::<()>().await;
    });
    let program = Program::at(&url, "T0ken");
    let mut command = program.command();
    let pull = ["pull", "acme/web", "--type", "t", "--version", "1"];
    command.args(pull).args(place);
    command.stderr(std::process::Stdio::null());
    let mut child = command.spawn().unwrap();
    tokio::select! {
        asked = was_asked.recv() => asked.unwrap(),
        ended = child.wait() => panic!("{place:?} ended before anything was asked: {ended:?}"),
    }
    let kill = tokio::process::Command::new("kill")
        .args(["-TERM", &child.id().unwrap().to_string()])
        .status();
    assert!(kill.await.unwrap().success());
    assert_eq!(child.wait().await.unwrap().code(), Some(130));
    assert_eq!(std::fs::read_dir(program.folder()).unwrap().count(), 0);
}

/// The successful run shows that the other tests' refusals do not come from a broken build.
#[tokio::test(flavor = "multi_thread")]
async fn whoami_prints_whose_token_it_is() {
    let (_atlas, program) = ready().await;
    let Run {
        code,
        stdout,
        stderr,
    } = program.run(&["whoami"]).await;
    assert_eq!((code, stderr.as_str()), (0, ""));
    assert_eq!(stdout.lines().count(), 1);
    let run = program.run(&["whoami", "--output", "json"]).await;
    let whoami: serde_json::Value = serde_json::from_str(&run.stdout).unwrap();
    assert_eq!(whoami["username"], stdout.trim_end());
}

#[tokio::test(flavor = "multi_thread")]
async fn the_usage_of_the_old_program_of_that_name_is_known() {
    let old = [
        "-vcs",
        "-metadata=k=v",
        "-token=canary-T0ken",
        "user/app",
        "a path",
    ];
    let run = Program::new().run(&old).await;
    assert_eq!(run.code, 2, "{run}");
    assert!(
        run.stderr
            .contains("hint: that is the usage of HashiCorp's old atlas-upload"),
        "{run}"
    );
    let typed = "atlas-upload push user/app --type TYPE --vcs -m k=v 'a path'";
    assert!(run.stderr.trim_end().ends_with(typed), "{run}");
    assert!(!run.stderr.contains("T0ken"), "{run}");
    let run = Program::new().run(&["serach", "acme/web"]).await;
    assert!(!run.stderr.contains("old atlas-upload"), "{run}");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_service_that_is_gone_is_spoken_of_only_where_it_is_asked() {
    let program = Program::new().with("ATLAS_TOKEN", "T0ken");
    program.write("template.json", "{");
    program.write("manifest.json", r#"{"builds": [], "last_run_uuid": "x"}"#);
    for arguments in [
        &["push", "acme/web", "--type", "t", "nowhere"][..],
        &[
            "push",
            "--template",
            "template.json",
            "--manifest",
            "manifest.json",
        ],
        &["push", "--resume", "nowhere.json"],
    ] {
        let run = program.run(arguments).await;
        assert_ne!(run.code, 0, "{run}");
        assert!(!run.stderr.contains("switched off"), "{run}");
    }
}

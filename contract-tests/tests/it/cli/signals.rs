//! SIGINT and SIGTERM stop a subcommand. The program then names the journal of what it left on the server, and leaves
//! no other file.

use std::{
    fs::{self, File, OpenOptions},
    future,
    path::{Path, PathBuf},
    process::{self, Stdio},
    sync::{
        Mutex,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use atlas_contract_tests::self_test::proxy::{
    Emulator, Interceptor, PassThrough, Proxy, Reply, Request,
};
use axum::http::Method;
use futures_util::future::BoxFuture;
use rustix::process::{Pid, Signal, kill_process};
use tokio::{
    io::{AsyncBufReadExt, AsyncRead, BufReader},
    process::{Child, Command},
    sync::oneshot,
};

use crate::support::{
    program::{Output, aimed_at, output, program, run},
    proxy,
};

/// A folder for the program's state and its reports.
struct Kept(tempfile::TempDir);

impl Kept {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        fs::create_dir(folder.path().join("reports")).unwrap();
        Self(folder)
    }

    fn report(&self) -> String {
        let report = self.0.path().join("reports/report.json");
        report.into_os_string().into_string().unwrap()
    }

    /// Returns all files in both folders.
    fn files(&self) -> Vec<PathBuf> {
        let (reports, state) = (self.0.path().join("reports"), self.state());
        [reports, state]
            .iter()
            .flat_map(|it| files_in(it))
            .collect()
    }

    fn state(&self) -> PathBuf {
        self.0.path().join("state/atlas-contract")
    }

    /// Starts the program with its state in this folder and its output in pipes.
    fn started(&self, args: &[&str]) -> Child {
        let mut command = program(args);
        command
            .env_remove("ATLAS_CONTRACT_JOURNAL")
            .env("XDG_STATE_HOME", self.0.path().join("state"))
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        command.spawn().unwrap()
    }
}

fn files_in(folder: &Path) -> Vec<PathBuf> {
    let Ok(entries) = fs::read_dir(folder) else {
        return Vec::new();
    };
    entries.map(|entry| entry.unwrap().path()).collect()
}

fn send(child: &Child, signal: Signal) {
    let id = i32::try_from(child.id().unwrap()).unwrap();
    kill_process(Pid::from_raw(id).unwrap(), signal).unwrap();
}

async fn ended(child: Child) -> Output {
    let output = child.wait_with_output().await.unwrap();
    Output {
        code: output.status.code().unwrap(),
        stdout: String::from_utf8(output.stdout).unwrap(),
        stderr: String::from_utf8(output.stderr).unwrap(),
    }
}

async fn stopped(child: Child, signal: Signal) -> Output {
    send(&child, signal);
    ended(child).await
}

/// A server that answers only the first `number - 1` requests with this method.
struct Stalls {
    method: Method,
    number: usize,
    count: AtomicUsize,
    came: Mutex<Option<oneshot::Sender<()>>>,
}

impl Interceptor for Stalls {
    fn answer<'a>(&'a self, request: &'a Request, emulator: &'a Emulator) -> BoxFuture<'a, Reply> {
        let counts = request.method == self.method;
        if !counts || self.count.fetch_add(1, Ordering::Relaxed) + 1 < self.number {
            return Box::pin(emulator.answer(request));
        }
        self.came.lock().unwrap().take().map(|it| it.send(()));
        Box::pin(future::pending())
    }
}

/// Starts a server that stalls; the receiver is notified of the first request that gets no answer.
async fn stalls_at(method: Method, number: usize) -> (Proxy, oneshot::Receiver<()>) {
    let (sender, came) = oneshot::channel();
    let stalls = Stalls {
        method,
        number,
        count: AtomicUsize::new(0),
        came: Mutex::new(Some(sender)),
    };
    (proxy(stalls).await, came)
}

#[tokio::test]
async fn a_run_that_is_stopped_names_its_journal_and_how_to_clean_up_and_leaves_no_other_file() {
    for (signal, code) in [(Signal::INT, 130), (Signal::TERM, 143)] {
        let (proxy, came) = stalls_at(Method::POST, 20).await;
        let (kept, settings) = (Kept::new(), proxy.settings());
        let child = kept.started(&aimed_at(&settings, &["--json", &kept.report()]));
        came.await.unwrap();
        let output = stopped(child, signal).await;
        assert_eq!(output.code, code, "{}", output.stderr);
        let files = kept.files();
        assert_eq!(files.len(), 1, "{files:?}");
        let journal = files[0].to_str().unwrap();
        assert!(files[0].starts_with(kept.state()), "{journal}");
        let expected = format!(
            "error: stopped by a signal\n\
             the journal lists what the run has made: {journal};\n\
             to remove what the server can remove and list the rest, with the token in ATLAS_CONTRACT_TOKEN:\n    \
             atlas-contract cleanup --journal {journal}\n"
        );
        assert_eq!(output.stderr, expected);
        assert!(!output.stdout.contains(" ran: "), "{}", output.stdout);
        let clean = ["cleanup", "--journal", journal, "--token", &settings.token];
        let cleaned = run(&clean).await;
        assert_eq!(cleaned.code, 0, "{}{}", cleaned.stdout, cleaned.stderr);
        assert!(
            cleaned.stdout.contains(" removed, 0 left"),
            "{}",
            cleaned.stdout
        );
    }
}

#[tokio::test]
async fn a_run_that_is_stopped_before_it_made_anything_leaves_nothing_and_says_so() {
    for number in [1, 2] {
        let (proxy, came) = stalls_at(Method::GET, number).await;
        let (kept, settings) = (Kept::new(), proxy.settings());
        let reads = ["--filter", "auth.authenticate", "--json", &kept.report()];
        let child = kept.started(&aimed_at(&settings, &reads));
        came.await.unwrap();
        let output = stopped(child, Signal::INT).await;
        let told = "error: stopped by a signal\nthe run has made nothing\n";
        assert_eq!((output.code, output.stderr.as_str()), (130, told));
        assert_eq!(kept.files(), [""; 0].map(PathBuf::from));
    }
}

/// Starts a cleanup that reads its journal from a pipe without data, and waits until the cleanup blocks.
async fn blocking(kept: &Kept, name: &str) -> (Child, File) {
    let pipe = kept.0.path().join(name);
    let made = process::Command::new("mkfifo").arg(&pipe).status();
    assert!(made.unwrap().success());
    let journal = pipe.to_str().unwrap();
    let child = kept.started(&["cleanup", "--journal", journal, "--token", "T"]);
    // The pipe can be opened for writing once the program reads it.
    let opened = tokio::task::spawn_blocking(move || OpenOptions::new().write(true).open(pipe));
    (child, opened.await.unwrap().unwrap())
}

#[tokio::test]
async fn a_signal_is_heard_while_the_work_blocks_and_a_second_one_ends_the_program_at_once() {
    let kept = Kept::new();
    let (child, _writer) = blocking(&kept, "first").await;
    let output = stopped(child, Signal::TERM).await;
    assert_eq!(output.code, 143);
    let told = "run the same command again\n";
    assert!(output.stderr.ends_with(told), "{}", output.stderr);
    let (mut child, _writer) = blocking(&kept, "second").await;
    // Two signals may be merged into one, so the signal is sent until the program ends.
    while child.try_wait().unwrap().is_none() {
        send(&child, Signal::INT);
        tokio::task::yield_now().await;
    }
    let output = ended(child).await;
    assert_eq!(output.code, 130);
    let told = "error: stopped by a signal\n";
    let whole = output.stderr.starts_with(told) && output.stderr.ends_with("command again\n");
    assert!(whole, "{}", output.stderr);
}

#[tokio::test]
async fn signals_stop_the_client_command_and_the_self_test_too() {
    let kept = Kept::new();
    let report = kept.report();
    let shell = ["--", "sh", "-c", "echo started; exec tail -f /dev/null"];
    let mut client = kept.started(&[&["client", "--json", &report], &shell[..]].concat());
    let heard = client.stderr.take().unwrap();
    until(heard, "started").await;
    assert_eq!(stopped(client, Signal::INT).await.code, 130);

    // Processes that the command started end too, although they do not get the signal.
    let pipe = kept.0.path().join("pipe");
    let made = process::Command::new("mkfifo").arg(&pipe).status();
    assert!(made.unwrap().success());
    // It says so only once it has the pipe open.
    let script = "trap '' INT TERM; { echo started >&2; sleep 60; } >\"$0\" & wait";
    let shell = ["--", "sh", "-c", script, pipe.to_str().unwrap()];
    let mut client = kept.started(&[&["client"], &shell[..]].concat());
    // Reading the pipe ends when no process has it open for writing.
    let end = tokio::task::spawn_blocking(move || fs::read(pipe).unwrap());
    let heard = client.stderr.take().unwrap();
    until(heard, "started").await;
    assert_eq!(stopped(client, Signal::INT).await.code, 130);
    let end = tokio::time::timeout(Duration::from_secs(20), end).await;
    assert_eq!(end.expect("it ends at once").unwrap(), b"");

    let args = ["self-test", "--quick", "--filter", "search.", "--json"];
    let mut self_test = kept.started(&[&args[..], &[&report]].concat());
    let heard = self_test.stdout.take().unwrap();
    until(heard, "killed").await;
    assert_eq!(stopped(self_test, Signal::TERM).await.code, 143);
    assert_eq!(kept.files(), [""; 0].map(PathBuf::from));
}

/// Reads the output of a program until a line begins with `word`.
async fn until(stream: impl AsyncRead + Unpin, word: &str) {
    let mut lines = BufReader::new(stream).lines();
    while let Some(line) = lines.next_line().await.unwrap() {
        if line.starts_with(word) {
            return;
        }
    }
    unreachable!("it never said {word}");
}

#[tokio::test]
async fn by_default_a_journal_is_kept_in_the_users_state_or_without_a_home_in_the_current_folder() {
    let proxy = proxy(PassThrough).await;
    let settings = proxy.settings();
    let args = aimed_at(&settings, &["--filter", "artifacts.create"]);
    let cases: [(&[(&str, &str)], &str); 4] = [
        (&[("XDG_STATE_HOME", "state")], "state/atlas-contract"),
        (&[("HOME", "home")], "home/.local/state/atlas-contract"),
        (
            &[("HOME", "home"), ("ATLAS_CONTRACT_JOURNAL", "")],
            "home/.local/state/atlas-contract",
        ),
        (&[], "here"),
    ];
    for (variables, place) in cases {
        let folder = tempfile::tempdir().unwrap();
        let here = folder.path().join("here");
        fs::create_dir(&here).unwrap();
        let mut command: Command = program(&args);
        for name in ["ATLAS_CONTRACT_JOURNAL", "XDG_STATE_HOME", "HOME"] {
            command.env_remove(name);
        }
        for (name, value) in variables {
            let path = folder.path().join(value);
            command.env(
                name,
                if value.is_empty() {
                    Path::new("")
                } else {
                    &path
                },
            );
        }
        command.current_dir(&here);
        let output = output(command).await;
        assert_eq!(output.code, 0, "{}", output.stderr);
        let journals = files_in(&folder.path().join(place));
        assert_eq!(journals.len(), 1, "{place}");
        assert_eq!(
            output.stderr.contains("--journal"),
            place == "here",
            "{}",
            output.stderr
        );
        let anywhere_else = place != "here" && !files_in(&here).is_empty();
        assert!(!anywhere_else, "{place}");
        let name = journals[0].file_name().unwrap().to_str().unwrap();
        assert!(output.stdout.contains(name), "{}", output.stdout);
    }
}

//! `cleanup` copes with servers that fail, and refuses journals that name another server.

use std::{
    fs,
    path::PathBuf,
    sync::atomic::{AtomicUsize, Ordering},
};

use atlas_contract_tests::self_test::proxy::{
    Interceptor, PassThrough, Proxy, Reply, ReplyInterceptor, Request,
};
use axum::http::Method;

use crate::support::{
    program::{Output, aimed_at, output, program, run},
    proxy,
};

/// A run that has created a few artifacts on the server of a proxy, and its journal.
struct FinishedRun {
    folder: tempfile::TempDir,
    journal: PathBuf,
}

impl FinishedRun {
    async fn on(proxy: &Proxy) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let journal = folder.path().join("run.jsonl");
        let own = [
            "--filter",
            "artifacts.",
            "--journal",
            journal.to_str().unwrap(),
        ];
        let made = run(&aimed_at(&proxy.settings(), &own)).await;
        assert_eq!(made.code, 0, "{}{}", made.stdout, made.stderr);
        Self { folder, journal }
    }

    fn path(&self) -> &str {
        self.journal.to_str().unwrap()
    }

    /// Writes a copy of the journal that names another server, and returns its path.
    fn of(&self, server: &str, proxy: &Proxy) -> String {
        let text = fs::read_to_string(&self.journal).unwrap();
        assert!(text.contains(&proxy.url));
        let copy = self.folder.path().join("other.jsonl");
        fs::write(&copy, text.replace(&proxy.url, server)).unwrap();
        copy.to_str().unwrap().to_owned()
    }
}

/// Runs a cleanup with these journals and the token of the proxy's server.
async fn cleanup(proxy: &Proxy, journals: &[&str], more: &[&str]) -> Output {
    let token = proxy.settings().token;
    let args = [
        &["cleanup", "--journal"],
        journals,
        &["--token", &token],
        more,
    ]
    .concat();
    let mut command = program(&args);
    command.env("NO_PROXY", "*");
    output(command).await
}

/// Returns a server that fails every request of a cleanup, except those whose numbers `works` chooses.
fn failing(works: fn(usize) -> bool) -> impl Interceptor {
    let count = AtomicUsize::new(0);
    ReplyInterceptor(move |request: &Request, reply: &mut Reply| {
        let deletes = request.path().starts_with("/_mock/") || request.method == Method::DELETE;
        // A run uses no path of the emulator's own API; a cleanup begins with one.
        let begun = count.load(Ordering::Relaxed) > 0 || deletes;
        if begun && !works(count.fetch_add(1, Ordering::Relaxed)) {
            let statuses = [408, 425, 429, 500, 503];
            let count = count.load(Ordering::Relaxed);
            *reply = Reply::new(statuses[count % statuses.len()], "");
        }
    })
}

#[tokio::test]
async fn what_fails_now_and_then_is_tried_again_until_all_is_removed() {
    for wrong in [
        failing(|number| number % 3 > 0),
        failing(|number| number % 2 > 0),
    ] {
        let proxy = proxy(wrong).await;
        let finished = FinishedRun::on(&proxy).await;
        let cleaned = cleanup(&proxy, &[finished.path()], &[]).await;
        assert_eq!(cleaned.code, 0, "{}{}", cleaned.stdout, cleaned.stderr);
        assert!(cleaned.stdout.contains(" 0 left, "), "{}", cleaned.stdout);
        assert!(cleaned.stdout.matches("removed  ").count() > 5);
    }
}

/// A server that closes the connection at every third request of a cleanup.
struct HangsUp(AtomicUsize);

impl Interceptor for HangsUp {
    fn drops_reply(&self, request: &Request, _: &Reply) -> bool {
        // The run must succeed, so counting begins with the cleanup's first request to the emulator's own API.
        let own = request.method == Method::DELETE || request.path().starts_with("/_mock/");
        let begun = self.0.load(Ordering::Relaxed) > 0 || own;
        begun && self.0.fetch_add(1, Ordering::Relaxed) % 3 == 2
    }
}

#[tokio::test]
async fn a_connection_that_breaks_ends_no_cleanup() {
    let proxy = proxy(HangsUp(AtomicUsize::new(0))).await;
    let finished = FinishedRun::on(&proxy).await;
    let cleaned = cleanup(&proxy, &[finished.path()], &[]).await;
    assert_eq!(cleaned.code, 0, "{}{}", cleaned.stdout, cleaned.stderr);
    assert!(cleaned.stdout.contains(" 0 left, "), "{}", cleaned.stdout);
}

#[tokio::test]
async fn where_nothing_can_be_removed_all_is_tried_and_listed_and_ends_in_six() {
    // The server fails after the first few resources.
    let proxy = proxy(failing(|number| number < 8)).await;
    let finished = FinishedRun::on(&proxy).await;
    let cleaned = cleanup(&proxy, &[finished.path()], &[]).await;
    assert_eq!(cleaned.code, 6, "{}{}", cleaned.stdout, cleaned.stderr);
    let removed = cleaned.stdout.matches("removed  artifact ").count();
    let perhaps = cleaned.stdout.lines();
    let perhaps =
        perhaps.filter(|it| it.starts_with("left     artifact ") && it.contains(", perhaps: "));
    let perhaps = perhaps.count();
    assert!(removed > 0 && perhaps > 5, "{}", cleaned.stdout);
    let summary = format!("{removed} removed, {perhaps} left, 0 not found");
    assert!(cleaned.stdout.contains(&summary), "{}", cleaned.stdout);
}

#[tokio::test]
async fn the_token_goes_to_the_named_server_alone_and_a_journal_of_another_is_refused() {
    let (home, other) = (proxy(PassThrough).await, proxy(PassThrough).await);
    let (own, foreign) = (FinishedRun::on(&home).await, FinishedRun::on(&other).await);
    let seen = || (home.seen().len(), other.seen().len());
    let before = seen();
    let given = ["--atlas-url", &home.url];
    let refused = cleanup(&home, &[foreign.path()], &given).await;
    // Nothing is sent for the other journal either.
    let beside = cleanup(&home, &[own.path(), foreign.path()], &given).await;
    for refused in [&refused, &beside] {
        assert_eq!(refused.code, 2, "{}", refused.stdout);
        let named = [
            &*home.url,
            &other.url,
            foreign.path(),
            "--allow-journal-url",
        ];
        for part in named {
            assert!(refused.stderr.contains(part), "{part}: {}", refused.stderr);
        }
    }
    let token = home.settings().token;
    let mut by_variable = program(&["cleanup", "--journal", foreign.path(), "--token", &token]);
    by_variable.env("ATLAS_CONTRACT_URL", &home.url);
    assert_eq!(output(by_variable).await.code, 2);
    assert_eq!(seen(), before, "something was sent");
    let given = ["--atlas-url", &format!("{}/api/v1/", home.url)];
    let cleaned = cleanup(&home, &[own.path()], &given).await;
    assert_eq!(cleaned.code, 0, "{}{}", cleaned.stdout, cleaned.stderr);
}

#[tokio::test]
async fn a_server_that_has_moved_is_cleaned_at_its_new_address_only_if_allowed() {
    let (moved, old) = (proxy(PassThrough).await, proxy(PassThrough).await);
    let finished = FinishedRun::on(&moved).await;
    let journal = finished.of(&old.url, &moved);
    let given = ["--atlas-url", &moved.url, "--allow-journal-url"];
    let cleaned = cleanup(&moved, &[&journal], &given).await;
    assert_eq!(cleaned.code, 0, "{}{}", cleaned.stdout, cleaned.stderr);
    assert!(cleaned.stdout.contains("removed  artifact "));
    assert!(old.seen().is_empty());
}

#[cfg(target_os = "linux")]
#[tokio::test]
async fn a_journal_alone_sends_the_token_to_another_machine_only_if_allowed() {
    let proxy = proxy(PassThrough).await;
    let finished = FinishedRun::on(&proxy).await;
    // The address reaches this machine, but is no loopback address.
    let journal = finished.of(&proxy.url.replace("127.0.0.1", "0.0.0.0"), &proxy);
    let before = proxy.seen().len();
    let refused = cleanup(&proxy, &[&journal], &[]).await;
    assert_eq!(refused.code, 2, "{}", refused.stdout);
    for part in ["http://0.0.0.0:", "--atlas-url", "--allow-journal-url"] {
        assert!(refused.stderr.contains(part), "{part}: {}", refused.stderr);
    }
    assert_eq!(proxy.seen().len(), before);
    let cleaned = cleanup(&proxy, &[&journal], &["--allow-journal-url"]).await;
    assert_eq!(cleaned.code, 0, "{}{}", cleaned.stdout, cleaned.stderr);
}

#[tokio::test]
async fn no_redirect_takes_the_token_elsewhere() {
    let other = proxy(PassThrough).await;
    let away = other.url.clone();
    let cleans = AtomicUsize::new(0);
    let home = proxy(ReplyInterceptor(
        move |request: &Request, reply: &mut Reply| {
            let begins = request.path().starts_with("/_mock/");
            if begins || cleans.load(Ordering::Relaxed) > 0 {
                cleans.fetch_add(1, Ordering::Relaxed);
                *reply = Reply::new(302, "");
                reply.location = Some(format!("{away}{}", request.target));
            }
        },
    ))
    .await;
    let finished = FinishedRun::on(&home).await;
    let cleaned = cleanup(&home, &[finished.path()], &[]).await;
    assert_eq!(cleaned.code, 6, "{}{}", cleaned.stdout, cleaned.stderr);
    assert!(other.seen().is_empty());
}

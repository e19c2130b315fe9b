//! Checks, removal of what is not needed, and the way back from a lost database, with PostgreSQL.

use std::fs::{self, File};
use std::time::{Duration, SystemTime};

use reqwest::Method;
use rustix::process::Signal;
use serde_json::{Value, json};

use super::{Home, Server, TOKEN, first_file};
use crate::real_clients::until;
use crate::support::program::SERVE;
use crate::support::{FILE, Reply};

const HOUR: Duration = Duration::from_secs(60 * 60);

impl Home {
    /// Runs a command that reports in JSON, and returns its exit code and its report.
    async fn report(&self, arguments: &[&str]) -> (Option<i32>, Value) {
        let arguments = [arguments, &["--output", "json"]].concat();
        let mut command = self.command(self.store.address(), &arguments);
        let output = command.output().await.unwrap();
        let stderr = String::from_utf8_lossy(&output.stderr);
        let report = serde_json::from_slice(&output.stdout);
        let report = report.unwrap_or_else(|error| panic!("{arguments:?}: {error}: {stderr}"));
        (output.status.code(), report)
    }

    /// Checks everything, and returns the exit code and the names of what is damaged, ordered.
    async fn check(&self) -> (Option<i32>, Vec<String>) {
        let (code, report) = self.report(&["check"]).await;
        let damages = report["damages"].as_array().unwrap().iter();
        let mut named: Vec<String> = damages
            .map(|damage| damage["what"].as_str().unwrap().to_owned())
            .collect();
        named.sort_unstable();
        (code, named)
    }

    /// Waits until the file with these bytes has a description that holds a text.
    async fn wait_for_description(&self, bytes: &str, text: &str) {
        let path = self.object_with(bytes).with_extension("json");
        let failure = format!("{path:?} does not hold {text}");
        until(&failure, async || {
            fs::read_to_string(&path).is_ok_and(|json| json.contains(text))
        })
        .await;
    }

    /// Returns the paths of all objects.
    fn objects(&self) -> Vec<std::path::PathBuf> {
        self.stored(|name| !name.starts_with('.'))
    }
}

impl Server {
    /// Gets the file of a version.
    async fn file(&self, number: u64, range: Option<&str>) -> Reply {
        let mut get = self.request(Method::GET, &format!("{FILE}/{number}/file"));
        if let Some(range) = range {
            get = get.header("Range", range);
        }
        Reply::of(get.send().await.unwrap()).await
    }

    /// Returns the replies that tell all that clients can see, without the address of the server.
    async fn replies(&self, download: &str) -> Vec<Reply> {
        let mut replies = Vec::new();
        for path in [
            &format!("{FILE}/search"),
            &format!("{FILE}/search?version=latest"),
            &first_file(),
            &format!("{FILE}/2/file"),
            "/api/v2/box/acme/debian",
            download,
        ] {
            let mut reply = Reply::of(self.get(path).await).await;
            assert_eq!(reply.status, 200, "{path}: {}", reply.body);
            reply.body = reply.body.replace(&self.url, "URL");
            replies.push(reply);
        }
        replies
    }
}

#[tokio::test]
async fn damaged_objects_are_named_and_not_served_until_they_are_whole_again() {
    let home = Home::shared();
    let server = home.start(&[]).await;
    let files = [
        "the first file",
        "the second file",
        "the third file",
        "the last file",
    ];
    for bytes in files {
        server.push(bytes).await;
    }
    let download = server.publish_box().await;
    assert_eq!(home.check().await, (Some(0), vec![]));

    let [cut, changed, gone, _] = files.map(|bytes| home.object_with(bytes));
    fs::write(&cut, "the first").unwrap();
    fs::write(&changed, "the second fill").unwrap();
    fs::remove_file(&gone).unwrap();
    let named = [1, 2, 3].map(|number| format!("acme/web/custom.image/{number}"));
    assert_eq!(home.check().await, (Some(1), named.to_vec()));
    for number in 1..=3 {
        for range in [None, Some("bytes=0-3")] {
            let reply = server.file(number, range).await;
            assert_eq!(reply.status, 500, "{number} {range:?}: {}", reply.body);
            let is_told = reply.body.contains("damaged") && reply.body.contains("mock-atlas check");
            assert!(is_told, "{}", reply.body);
        }
    }
    assert_eq!(server.file(4, None).await.body, files[3]);
    assert_eq!(server.get(&download).await.text().await.unwrap(), "a box");

    for (object, bytes) in [cut, changed, gone].iter().zip(files) {
        fs::write(object, bytes).unwrap();
    }
    assert_eq!(home.check().await, (Some(0), vec![]));
    for (number, bytes) in (1..).zip(files) {
        assert_eq!(server.file(number, None).await.body, bytes);
    }
}

#[tokio::test]
async fn objects_that_nothing_names_are_removed_and_no_others() {
    let home = Home::shared();
    let server = home.start(&[]).await;
    for bytes in ["kept", "deleted"] {
        server.push(bytes).await;
        home.wait_for_description(bytes, "custom.image").await;
    }
    let (kept, deleted) = (home.object_with("kept"), home.object_with("deleted"));
    let prefix = kept.ancestors().nth(2).unwrap();
    let store = |name: &str, age: Duration| {
        let path = prefix.join(&name[..2]).join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, "left").unwrap();
        let file = File::options().append(true).open(&path).unwrap();
        file.set_modified(SystemTime::now() - age).unwrap();
        path
    };
    let left = store(&"a".repeat(32), 25 * HOUR);
    store(&format!("{}.json", "a".repeat(32)), 25 * HOUR);
    let young = store(&"b".repeat(32), 23 * HOUR);
    let foreign = store("of somebody else", 25 * HOUR);
    let delete = format!(
        "/_mock/artifacts{}/2",
        FILE.trim_start_matches("/api/v1/artifacts")
    );
    let done = server.request(Method::DELETE, &delete).send().await;
    assert_eq!(done.unwrap().status(), 204);

    // The server goes on meanwhile.
    let (code, report) = home.report(&["gc", "--grace", "0"]).await;
    let expected = json!({"files": 1, "unknown": 1, "bytes": "deleted".len() + 2 * "left".len()});
    assert_eq!((code, report), (Some(0), expected));
    assert!(!deleted.exists() && !left.exists());
    let mut expected = [kept.clone(), kept.with_extension("json"), young, foreign];
    expected.sort();
    let mut objects = home.objects();
    objects.retain(|object| object.file_name() != Some("atlas.json".as_ref()));
    assert_eq!(objects, expected);
    assert_eq!(home.check().await, (Some(0), vec![]));
    assert_eq!(server.file(1, None).await.body, "kept");
}

#[tokio::test]
async fn a_lost_database_is_made_anew_of_what_is_in_the_bucket() {
    let mut home = Home::shared();
    let server = home.start(&[]).await;
    server.push("the first file").await;
    server.push("the second file").await;
    let download = server.publish_box().await;
    for (bytes, text) in [
        ("the first file", "custom.image"),
        ("the second file", "custom.image"),
        // The release came after the file, and its description follows.
        ("a box", r#""status":"active""#),
    ] {
        home.wait_for_description(bytes, text).await;
    }
    let before = server.replies(&download).await;
    assert_eq!(server.program.stop(Signal::TERM).await, Some(0));

    home.lose_database();
    let (code, stderr) = home.run(&SERVE).await;
    assert_eq!(code, Some(1), "{stderr}");
    assert!(stderr.contains("mock-atlas rebuild"), "{stderr}");
    let rebuild = ["rebuild", "--token", TOKEN];
    let (code, report) = home.report(&rebuild).await;
    assert_eq!((code, &report["damaged"]), (Some(0), &json!(0)), "{report}");
    assert_eq!(home.check().await, (Some(0), vec![]));
    let server = home.start(&[]).await;
    assert_eq!(server.replies(&download).await, before);
    // The numbers go on.
    assert!(server.new_upload().await.starts_with("http"));
    server.push("the fourth file").await;
    assert_eq!(server.file(4, None).await.body, "the fourth file");
    home.wait_for_description("the fourth file", "custom.image")
        .await;
    assert_eq!(server.program.stop(Signal::TERM).await, Some(0));

    home.lose_database();
    let cut = home.object_with("the first file");
    fs::write(&cut, "the first fil").unwrap();
    let (code, report) = home.report(&rebuild).await;
    assert_eq!((code, &report["damaged"]), (Some(1), &json!(1)), "{report}");
    let key = cut.file_name().unwrap().to_str().unwrap();
    assert_eq!(report["damages"][0]["what"], format!("file {key}"));
    let server = home.start(&[]).await;
    assert_eq!(server.file(1, None).await.status, 404);
    assert_eq!(server.file(2, None).await.body, "the second file");
}

//! Tests moves of everything from one place for data to another.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Output;

use mock_atlas::{Builder, MockAtlas};
use reqwest::Method;
use serde_json::{Value, json};

use super::backup::backup;
use super::backup::load::{contents, fill, replies};
use crate::support::{FILE, Fixture, Reply, http, program};

/// The bytes of a version, besides small ones.
static LARGE: [u8; 700_001] = [7; 700_001];

/// A place for data, as the flags of a move name it.
#[derive(Clone, Debug)]
pub(crate) struct Place {
    pub(crate) data: String,
    pub(crate) blobs: Option<String>,
}

impl Place {
    pub(crate) fn folder(folder: &Path) -> Self {
        let data = folder.to_str().unwrap().to_owned();
        Self { data, blobs: None }
    }

    fn flags(&self, name: &str) -> Vec<String> {
        let mut flags = vec![format!("--{name}"), self.data.clone()];
        if let Some(blobs) = &self.blobs {
            flags.extend([format!("--{name}-blobs"), blobs.clone()]);
        }
        flags
    }

    fn builder(&self) -> Builder {
        let builder = MockAtlas::builder();
        let builder = match self.data.starts_with("postgres://") {
            true => builder.database(&self.data),
            false => builder.data(&self.data),
        };
        match &self.blobs {
            Some(blobs) => builder.blobs(blobs),
            None => builder,
        }
    }

    /// Starts an emulator with the root token that the place has.
    pub(crate) async fn start(&self) -> Fixture {
        Fixture {
            atlas: self.builder().start().await.unwrap(),
            http: http(),
        }
    }
}

/// Runs `move`, and returns its output.
pub(crate) async fn run(from: &Place, to: &Place) -> Output {
    let mut command = program();
    command.args(["move", "--output", "json"]);
    command.args(from.flags("from")).args(to.flags("to"));
    command.output().await.unwrap()
}

/// Runs a move that is refused, and returns why.
pub(crate) async fn refused(from: &Place, to: &Place) -> String {
    let output = run(from, to).await;
    assert_eq!(output.status.code(), Some(1), "{output:?}");
    String::from_utf8(output.stderr).unwrap()
}

/// Fills a place that is new with one of everything, and returns a further token of the root account.
pub(crate) async fn filled(place: &Place) -> String {
    let builder = place.builder().token("ROOT");
    let user = mock_atlas::User::new("rival")
        .password("secret")
        .token("RIVAL");
    let builder = builder.user(user).public_artifact("acme/public");
    let fixture = Fixture {
        atlas: builder.start().await.unwrap(),
        http: http(),
    };
    fill(&fixture).await;
    for file in [&LARGE[..], b"", b"small", b"small"] {
        fixture.push(file).await;
    }
    fixture.make_version(json!({"id": "y", "file": true})).await;
    let provider = "/api/v2/box/acme/debian/version/1.0.0/provider/virtualbox/amd64";
    let provider = fixture.get(provider).await.json();
    let file = fixture.http.get(provider["download_url"].as_str().unwrap());
    assert_eq!(file.send().await.unwrap().status(), 200);
    let token = json!({"token": {"username": "atlas", "description": "operator", "scope": "read"}});
    let made = fixture.mock(Method::POST, "/tokens", Some(token)).await;
    fixture.atlas.stop().await;
    made.json()["token"].as_str().unwrap().to_owned()
}

/// Returns all that a place has: replies, the contents of a backup, and the list of all tokens.
async fn everything(place: &Place) -> (Vec<Reply>, (Value, BTreeSet<(String, Vec<u8>)>), Value) {
    let folder = tempfile::tempdir().unwrap();
    let fixture = place.start().await;
    let replies = replies(&fixture).await;
    let mut tokens = fixture.get("/_mock/tokens").await.json();
    for token in tokens["tokens"].as_array_mut().unwrap() {
        // Asking is a use.
        token.as_object_mut().unwrap().remove("last_used_at");
    }
    let archive = backup(&fixture, folder.path(), "atlas.tar").await;
    fixture.atlas.stop().await;
    (replies, contents(&archive), tokens)
}

/// Moves everything from one place through the others, each of which is new. All of them have the same then.
pub(crate) async fn leads_through(places: &[Place]) {
    let operator = filled(&places[0]).await;
    let expected = everything(&places[0]).await;
    for pair in places.windows(2) {
        let output = run(&pair[0], &pair[1]).await;
        assert_eq!(output.status.code(), Some(0), "{output:?}");
        let report: Value = serde_json::from_slice(&output.stdout).unwrap();
        let counted = json!({"users": 1, "organizations": 0, "artifacts": 3, "boxes": 1, "versions": 6, "files": 4,
            "bytes": LARGE.len() + 5 + 5});
        assert_eq!(report, counted);
        for place in pair {
            assert!(everything(place).await == expected, "{place:?}");
        }
        let asked = pair[1].start().await;
        let request = asked.anonymous(Method::GET, "/api/v1/authenticate");
        let request = request.bearer_auth(&operator);
        assert_eq!(request.send().await.unwrap().status(), 200);
        let check = pair[1].builder().check(|_| {}).await.unwrap();
        assert!(check.is_whole(), "{check:?}");
        asked.atlas.stop().await;
        let again = refused(&pair[0], &pair[1]).await;
        assert!(again.contains("is in use already"), "{again}");
    }
}

/// Returns all files in the folders of a folder for bytes.
fn files(folder: &Path) -> Vec<PathBuf> {
    let folders = folder.read_dir().into_iter().flatten();
    let folders = folders.filter_map(|folder| folder.unwrap().path().read_dir().ok());
    folders.flatten().map(|file| file.unwrap().path()).collect()
}

/// Returns the files in the folder of a place that are not descriptions.
fn bytes(data: &Path) -> Vec<PathBuf> {
    let mut files = files(&data.join("files"));
    files.retain(|file| file.extension().is_none());
    files
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn everything_moves_from_folder_to_folder_and_the_bytes_to_another() {
    let folder = tempfile::tempdir().unwrap();
    let place = |name: &str| Place::folder(&folder.path().join(name));
    let elsewhere = Place {
        blobs: Some(format!("file://{}/bytes", folder.path().display())),
        ..place("second")
    };
    leads_through(&[place("first"), elsewhere, place("third")]).await;
}

#[tokio::test]
async fn what_is_served_or_not_there_is_not_moved() {
    let folder = tempfile::tempdir().unwrap();
    let place = |name: &str| Place::folder(&folder.path().join(name));
    filled(&place("from")).await;
    let served = place("from").start().await;
    let told = refused(&place("from"), &place("to")).await;
    assert!(told.contains("is in use by another process"), "{told}");
    served.atlas.stop().await;
    let served = place("served").builder().start().await.unwrap();
    let told = refused(&place("from"), &place("served")).await;
    assert!(told.contains("is in use by another process"), "{told}");
    served.stop().await;
    let told = refused(&place("nothing"), &place("to")).await;
    assert!(
        told.contains("there is no database in the folder"),
        "{told}"
    );
    assert!(!folder.path().join("nothing").exists());
    let database = Place::folder(Path::new("postgres://user:secret@localhost/atlas"));
    let told = refused(&place("from"), &database).await;
    assert!(
        told.contains("--to-blobs") && !told.contains("secret"),
        "{told}"
    );
    let told = refused(&Place::folder(Path::new("s3://bucket")), &database).await;
    assert!(told.contains("a place for data is a folder"), "{told}");
}

#[tokio::test]
async fn a_file_that_is_damaged_is_named_and_the_target_stays_new() {
    let folder = tempfile::tempdir().unwrap();
    let (from, to) = (folder.path().join("from"), folder.path().join("to"));
    let (source, target) = (Place::folder(&from), Place::folder(&to));
    filled(&source).await;
    let large = bytes(&from).into_iter();
    let large = { large }
        .find(|file| file.metadata().unwrap().len() == LARGE.len() as u64)
        .unwrap();
    let whole = fs::read(&large).unwrap();
    let mut changed = whole.clone();
    changed[5] ^= 1;
    fs::write(&large, changed).unwrap();
    let told = refused(&source, &target).await;
    let message = "of acme/web/custom.image/1 cannot be moved: its bytes have another digest";
    assert!(told.contains(message), "{told}");
    fs::write(&large, whole).unwrap();
    let moved = run(&source, &target).await;
    assert_eq!(moved.status.code(), Some(0), "{moved:?}");
    // What the first move has left is removed.
    assert_eq!(bytes(&to).len(), 4);
    assert!(everything(&source).await == everything(&target).await);
}

#[tokio::test]
async fn a_move_that_is_killed_changes_nothing_and_goes_again() {
    let folder = tempfile::tempdir().unwrap();
    let (from, to) = (folder.path().join("from"), folder.path().join("to"));
    let (source, target) = (Place::folder(&from), Place::folder(&to));
    filled(&source).await;
    let fixture = source.start().await;
    let huge = vec![9; 48 * 1024 * 1024].leak();
    fixture.push(huge).await;
    fixture.atlas.stop().await;
    let mut command = program();
    command
        .arg("move")
        .args(source.flags("from"))
        .args(target.flags("to"));
    let mut child = command.spawn().unwrap();
    // Only the largest file has so many bytes.
    let is_begun = || {
        let files = files(&to.join("files")).into_iter();
        let mut partial = files.filter(|file| file.extension().is_some_and(|it| it == "part"));
        partial.any(|file| {
            file.metadata()
                .is_ok_and(|file| file.len() > LARGE.len() as u64)
        })
    };
    while !is_begun() {
        assert_eq!(child.try_wait().unwrap(), None, "it has ended");
        tokio::task::yield_now().await;
    }
    child.kill().await.unwrap();
    let moved = run(&source, &target).await;
    assert_eq!(moved.status.code(), Some(0), "{moved:?}");
    assert_eq!(bytes(&to).len(), 5);
    assert_eq!(files(&to.join("files")).len(), 5, "nothing half is left");
    let served = target.start().await;
    let path = format!("{FILE}/latest/file");
    let file = served.request(Method::GET, &path).send().await.unwrap();
    assert!(file.bytes().await.unwrap() == *huge);
}

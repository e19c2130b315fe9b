//! Many clients work at once, while faults strike and the state is restored.

use std::collections::BTreeSet;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use bytes::Bytes;
use futures_util::future::{join, join_all};
use mock_atlas::Builder;
use reqwest::Method;
use serde_json::json;

use crate::support::{Fixture, Reply, persist, said, upload_path};

const WRITERS: u8 = 6;

/// How many worlds there are, each but the last ended by a reset.
const WORLDS: usize = 4;

/// So many versions come into each, or more.
const EACH: usize = 30;

/// Of the start, so that a reset leaves them.
const FAULTS: [&str; 8] = [
    "upload:no-reply,every=5",
    "upload:cut-after=100000,every=7",
    "upload:discard=503,every=4",
    "upload:malformed,every=3",
    "search:malformed,every=3",
    "download:reset,every=9",
    "version.create:reset,every=6",
    "version.create:no-reply,every=7",
];

/// Where the versions of a world are: its artifact has a name of its own.
fn versions(world: usize) -> String {
    format!("/api/v1/artifacts/acme/w{world}/custom.image")
}

/// The same bytes all over, so that a part of another file would be seen.
fn contents(writer: u8) -> Bytes {
    vec![writer; 300_000].into()
}

/// Makes a version: its number, and where its file is to go. None where its world is no more.
async fn create(fixture: &Fixture, world: usize, writer: u8) -> Option<(u64, String)> {
    let body = json!({"artifact_version": {"id": writer.to_string(), "file": true}});
    let request = || fixture.request(Method::POST, &versions(world)).json(&body);
    let made = said(&persist(request).await?);
    Some((made["version"].as_u64().unwrap(), upload_path(&made)))
}

/// Sends its file; none where its world is no more.
async fn upload(fixture: &Fixture, url: &str, writer: u8) -> Option<()> {
    let request = || fixture.http.put(url).body(contents(writer));
    persist(request).await.map(drop)
}

/// The numbers that a search finds, each of which has its whole file; none where the world is no
/// more.
async fn read(fixture: &Fixture, world: usize) -> Option<BTreeSet<u64>> {
    let search = format!("{}/search", versions(world));
    let search = || persist(|| fixture.request(Method::GET, &search));
    let found = said(&search().await?);
    let mut numbers = BTreeSet::new();
    for version in found["versions"].as_array().unwrap() {
        let number = version["version"].as_u64().unwrap();
        let path = format!("{}/{number}/file", versions(world));
        let Some(file) = persist(|| fixture.request(Method::GET, &path)).await else {
            assert!(search().await.is_none(), "{path} is gone before its world");
            return None;
        };
        let writer = version["id"].as_str().unwrap().parse().unwrap();
        assert!(file == contents(writer), "{path}");
        numbers.insert(number);
    }
    Some(numbers)
}

/// What those at work know of each other.
#[derive(Default)]
struct Progress {
    /// The present world; one more than there are when it is enough.
    world: AtomicUsize,
    /// The numbers of each world that writers were told.
    given: Mutex<BTreeSet<(usize, u64)>>,
    /// Those of them whose file is there, as their writers were told too.
    stored: Mutex<BTreeSet<(usize, u64)>>,
}

impl Progress {
    fn world(&self) -> usize {
        self.world.load(Ordering::SeqCst)
    }

    fn enter(&self, world: usize) {
        self.world.store(world, Ordering::SeqCst);
    }

    fn stored(&self, world: usize) -> BTreeSet<u64> {
        let stored = self.stored.lock().unwrap();
        let of_world = stored.range((world, 0)..(world + 1, 0));
        of_world.map(|(_, number)| *number).collect()
    }

    /// Makes versions until it is enough.
    async fn write(&self, fixture: &Fixture, writer: u8) {
        while self.world() <= WORLDS {
            let world = self.world();
            let Some((number, url)) = create(fixture, world, writer).await else {
                continue;
            };
            let is_new = self.given.lock().unwrap().insert((world, number));
            assert!(is_new, "{number} is given twice in world {world}");
            if upload(fixture, &url, writer).await.is_some() {
                self.stored.lock().unwrap().insert((world, number));
            }
        }
    }

    /// Leads through the worlds. None of what writers know to be stored is lost.
    async fn lead(&self, fixture: &Fixture) {
        for world in 1..=WORLDS {
            fixture.make_artifact("acme", &format!("w{world}")).await;
            self.enter(world);
            while self.stored(world).len() < EACH {
                read(fixture, world).await.unwrap();
            }
            let stored = self.stored(world);
            let found = read(fixture, world).await.unwrap();
            assert!(found.is_superset(&stored), "{found:?} {stored:?}");
            if world < WORLDS {
                let reset = fixture.mock(Method::POST, "/reset", None).await;
                assert_eq!(reset.status, 204);
            }
        }
        self.enter(WORLDS + 1);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn through_resets_and_faults_no_number_comes_twice_and_no_version_is_lost_or_half_visible() {
    let faults = |builder: Builder| {
        let faults = FAULTS.iter().map(|fault| fault.parse().unwrap());
        faults.fold(builder, Builder::fault)
    };
    let (fixture, progress) = (&Fixture::with(faults).await, Progress::default());
    let writers = join_all((1..=WRITERS).map(|writer| progress.write(fixture, writer)));
    let readers = async {
        loop {
            read(fixture, progress.world()).await;
        }
    };
    tokio::select! {
        _ = join(progress.lead(fixture), writers) => {}
        () = readers => {}
    }
    let fired = fixture.atlas.faults();
    assert!(fired.iter().all(|fault| fault.fired > 0), "{fired:?}");
    fixture.atlas.clear_faults();

    // All of the last world: each number is a version, or its maker was never told of it.
    let mut numbers = progress.stored(WORLDS);
    assert_eq!(read(fixture, WORLDS).await, Some(numbers.clone()));
    let orphans = fixture.mock(Method::GET, "/orphans", None).await.json();
    for orphan in orphans["orphans"].as_array().unwrap() {
        let slug = orphan["slug"].as_str().unwrap();
        let number = slug.strip_prefix(&format!("acme/w{WORLDS}/custom.image/"));
        let number = number.unwrap().parse().unwrap();
        assert!(numbers.insert(number));
        assert!(!progress.given.lock().unwrap().contains(&(WORLDS, number)));
    }
    let count = numbers.len() as u64;
    assert_eq!(numbers, (1..=count).collect());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn snapshots_and_restores_among_writers_leave_nothing_half_visible() {
    let fixture = &Fixture::new().await;
    fixture.make_artifact("acme", "w1").await;
    let write = async |writer| {
        for _ in 0..EACH {
            if let Some((_, url)) = create(fixture, 1, writer).await {
                upload(fixture, &url, writer).await;
            }
        }
    };
    let restores = async {
        for _ in 0..20 {
            let snapshot = fixture.request(Method::POST, "/_mock/snapshot");
            let snapshot = snapshot.send().await.unwrap().bytes().await.unwrap();
            let reset = fixture.mock(Method::POST, "/reset", None).await;
            assert_eq!(reset.status, 204);
            fixture.make_artifact("acme", "w1").await;
            read(fixture, 1).await.unwrap();
            let restore = fixture.request(Method::POST, "/_mock/restore");
            let reply = Reply::of(restore.body(snapshot).send().await.unwrap()).await;
            assert_eq!(reply.status, 204, "{reply:?}");
            read(fixture, 1).await.unwrap();
        }
    };
    join(join_all((1..=WRITERS).map(write)), restores).await;
    read(fixture, 1).await.unwrap();
    fixture.mock(Method::POST, "/reset", None).await;
    assert_eq!(read(fixture, 1).await, None);
    let orphans = fixture.mock(Method::GET, "/orphans", None).await;
    assert_eq!(orphans.body, r#"{"orphans":[]}"#);
}

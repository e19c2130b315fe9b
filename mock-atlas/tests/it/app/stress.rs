//! Tests that nothing is lost when many clients work at once, among faults, resets and restores.

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

/// The number of generations of the state, each but the last ended by a reset.
const GENERATIONS: usize = 4;

/// The least number of versions of each generation.
const EACH: usize = 30;

/// The faults of the start, which a reset keeps.
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

/// Returns the path of a generation's versions. Each generation has an artifact of its own name.
fn versions(generation: usize) -> String {
    format!("/api/v1/artifacts/acme/w{generation}/custom.image")
}

/// Returns the file of a writer: one repeated byte, so that a part of another file would show.
fn contents(writer: u8) -> Bytes {
    vec![writer; 300_000].into()
}

/// Creates a version, and returns its number and its upload path; `None` if its generation has ended.
async fn create(fixture: &Fixture, generation: usize, writer: u8) -> Option<(u64, String)> {
    let body = json!({"artifact_version": {"id": writer.to_string(), "file": true}});
    let request = || {
        fixture
            .request(Method::POST, &versions(generation))
            .json(&body)
    };
    let made = said(&persist(request).await?);
    Some((made["version"].as_u64().unwrap(), upload_path(&made)))
}

/// Sends the file of a version; returns `None` if its generation has ended.
async fn upload(fixture: &Fixture, url: &str, writer: u8) -> Option<()> {
    let request = || fixture.http.put(url).body(contents(writer));
    persist(request).await.map(drop)
}

/// Returns the numbers that a search finds, after checking that each version has its whole file; `None` if the
/// generation has ended.
async fn read(fixture: &Fixture, generation: usize) -> Option<BTreeSet<u64>> {
    let search = format!("{}/search", versions(generation));
    let search = || persist(|| fixture.request(Method::GET, &search));
    let found = said(&search().await?);
    let mut numbers = BTreeSet::new();
    for version in found["versions"].as_array().unwrap() {
        let number = version["version"].as_u64().unwrap();
        let path = format!("{}/{number}/file", versions(generation));
        let Some(file) = persist(|| fixture.request(Method::GET, &path)).await else {
            assert!(
                search().await.is_none(),
                "{path} is gone before its generation"
            );
            return None;
        };
        let writer = version["id"].as_str().unwrap().parse().unwrap();
        assert!(file == contents(writer), "{path}");
        numbers.insert(number);
    }
    Some(numbers)
}

/// The progress that the tasks share.
#[derive(Default)]
struct Progress {
    /// The current generation, or one more than `GENERATIONS` when the writers are to stop.
    generation: AtomicUsize,
    /// The numbers that writers received, by generation.
    given: Mutex<BTreeSet<(usize, u64)>>,
    /// The numbers whose file is stored, as confirmed to their writers.
    stored: Mutex<BTreeSet<(usize, u64)>>,
}

impl Progress {
    fn generation(&self) -> usize {
        self.generation.load(Ordering::SeqCst)
    }

    fn enter(&self, generation: usize) {
        self.generation.store(generation, Ordering::SeqCst);
    }

    fn stored(&self, generation: usize) -> BTreeSet<u64> {
        let stored = self.stored.lock().unwrap();
        let of_generation = stored.range((generation, 0)..(generation + 1, 0));
        of_generation.map(|(_, number)| *number).collect()
    }

    /// Creates versions until the last generation has ended.
    async fn write(&self, fixture: &Fixture, writer: u8) {
        while self.generation() <= GENERATIONS {
            let generation = self.generation();
            let Some((number, url)) = create(fixture, generation, writer).await else {
                continue;
            };
            let is_new = self.given.lock().unwrap().insert((generation, number));
            assert!(is_new, "{number} is given twice in generation {generation}");
            if upload(fixture, &url, writer).await.is_some() {
                self.stored.lock().unwrap().insert((generation, number));
            }
        }
    }

    /// Starts the generations one after the other, and checks that no version is lost that a writer knows to be
    /// stored.
    async fn lead(&self, fixture: &Fixture) {
        for generation in 1..=GENERATIONS {
            fixture
                .make_artifact("acme", &format!("w{generation}"))
                .await;
            self.enter(generation);
            while self.stored(generation).len() < EACH {
                read(fixture, generation).await.unwrap();
            }
            let stored = self.stored(generation);
            let found = read(fixture, generation).await.unwrap();
            assert!(found.is_superset(&stored), "{found:?} {stored:?}");
            if generation < GENERATIONS {
                let reset = fixture.mock(Method::POST, "/reset", None).await;
                assert_eq!(reset.status, 204);
            }
        }
        self.enter(GENERATIONS + 1);
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
            read(fixture, progress.generation()).await;
        }
    };
    tokio::select! {
        _ = join(progress.lead(fixture), writers) => {}
        () = readers => {}
    }
    let fired = fixture.atlas.faults();
    assert!(fired.iter().all(|fault| fault.fired > 0), "{fired:?}");
    fixture.atlas.clear_faults();

    // Each number of the last generation is a stored version, or an orphan whose writer never received it.
    let mut numbers = progress.stored(GENERATIONS);
    assert_eq!(read(fixture, GENERATIONS).await, Some(numbers.clone()));
    let orphans = fixture.mock(Method::GET, "/orphans", None).await.json();
    for orphan in orphans["orphans"].as_array().unwrap() {
        let slug = orphan["slug"].as_str().unwrap();
        let number = slug.strip_prefix(&format!("acme/w{GENERATIONS}/custom.image/"));
        let number = number.unwrap().parse().unwrap();
        assert!(numbers.insert(number));
        assert!(
            !progress
                .given
                .lock()
                .unwrap()
                .contains(&(GENERATIONS, number))
        );
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

//! The catalog as a whole: visibility, numbering, selections, uploads.

use std::num::NonZeroU64;

use futures_util::{FutureExt, TryStreamExt};
use proptest::prelude::*;

use super::*;
use crate::domain::{Filter, Select};
use crate::storage::BlobWriter;

struct Fixture {
    store: MemoryCatalog,
    name: ArtifactName,
    artifact_type: Name,
}

impl Fixture {
    fn new() -> Self {
        let fixture = Self {
            store: MemoryCatalog::default(),
            name: "acme/web".parse().unwrap(),
            artifact_type: "custom.image".parse().unwrap(),
        };
        fixture
            .store
            .create_artifact(&fixture.name, Visibility::Private)
            .unwrap();
        fixture
    }

    fn push(&self, new: NewVersion) -> Arc<Version> {
        self.store
            .create_version(&self.name, &self.artifact_type, new)
            .unwrap()
    }

    fn push_with_file(&self) -> Arc<Version> {
        self.push(NewVersion {
            file: true,
            ..NewVersion::default()
        })
    }

    fn push_of_build(&self, build: u64, arch: &str) -> Arc<Version> {
        self.push(NewVersion {
            build: NonZeroU64::new(build),
            metadata: [("arch".to_owned(), arch.to_owned())].into_iter().collect(),
            ..NewVersion::default()
        })
    }

    fn search(&self, select: Select, filters: &[(&str, Option<&str>)]) -> Vec<u64> {
        let filters = filters
            .iter()
            .map(|(key, value)| Filter {
                key: (*key).to_owned(),
                value: value.map(str::to_owned),
            })
            .collect();
        self.pages(&Query { select, filters })
    }

    /// Returns the numbers that a search finds page by page; pages make no difference.
    fn pages(&self, query: &Query) -> Vec<u64> {
        let (name, of, mut numbers) = (&self.name, &self.artifact_type, Vec::new());
        let mut next = Some(Page::first(2, 4));
        while let Some(page) = next {
            let found = self.store.search(name, of, query, page).unwrap();
            numbers.extend(found.versions.iter().map(|version| version.number));
            next = found.next;
        }
        numbers
    }

    fn file(&self, which: FileSelector) -> Result<Vec<u8>, StorageError> {
        let blob = self.store.file(&self.name, &self.artifact_type, which)?;
        let parts = blob.stream(0..blob.len()).try_collect::<Vec<_>>();
        // In memory, so it is there at once.
        Ok(parts.now_or_never().unwrap().unwrap().concat())
    }
}

fn blob(bytes: &[u8]) -> Blob {
    let mut writer = BlobWriter::default();
    writer.write(bytes);
    writer.finish()
}

#[test]
fn a_name_can_be_taken_once() {
    let fixture = Fixture::new();
    assert_eq!(
        fixture
            .store
            .create_artifact(&fixture.name, Visibility::Public),
        Err(StorageError::NameTaken)
    );
    assert_eq!(
        fixture.store.visibility(&fixture.name),
        Some(Visibility::Private)
    );
}

#[test]
fn numbers_count_up_for_each_type() {
    let fixture = Fixture::new();
    fixture.push(NewVersion::default());
    assert_eq!(fixture.push(NewVersion::default()).number, 2);
    let other: Name = "other".parse().unwrap();
    let first = fixture
        .store
        .create_version(&fixture.name, &other, NewVersion::default());
    assert_eq!(first.unwrap().number, 1);
}

#[test]
fn a_version_is_visible_only_once_its_bytes_are_complete() {
    let fixture = Fixture::new();
    fixture.push(NewVersion::default());
    let awaiting = fixture.push_with_file();
    for select in [Select::All, Select::Latest, Select::Newest] {
        assert_eq!(fixture.search(select, &[]), [1], "{select:?}");
    }
    assert!(fixture.search(Select::Number(2), &[]).is_empty());
    assert_eq!(
        fixture.file(FileSelector::Number(2)),
        Err(StorageError::NotFound)
    );

    fixture
        .store
        .finish_upload(awaiting.upload, blob(b"bytes"))
        .unwrap();
    assert_eq!(fixture.search(Select::All, &[]), [2, 1]);
    assert_eq!(fixture.search(Select::Latest, &[]), [2]);
    assert_eq!(fixture.file(FileSelector::Number(2)).unwrap(), b"bytes");
}

#[test]
fn the_latest_is_the_highest_number_whatever_was_finished_last() {
    let fixture = Fixture::new();
    let (first, second) = (fixture.push_with_file(), fixture.push_with_file());
    fixture
        .store
        .finish_upload(second.upload, blob(b"two"))
        .unwrap();
    fixture
        .store
        .finish_upload(first.upload, blob(b"one"))
        .unwrap();
    fixture.push(NewVersion::default());
    assert_eq!(fixture.search(Select::Latest, &[]), [3]);
    assert_eq!(fixture.file(FileSelector::Latest).unwrap(), b"two");
}

#[test]
fn the_same_bytes_again_are_fine_and_others_lose_nothing() {
    let fixture = Fixture::new();
    let upload = fixture.push_with_file().upload;
    fixture.store.finish_upload(upload, blob(b"one")).unwrap();
    assert_eq!(fixture.store.finish_upload(upload, blob(b"one")), Ok(()));
    assert_eq!(
        fixture.store.finish_upload(upload, blob(b"two")),
        Err(StorageError::OtherBytes)
    );
    assert_eq!(fixture.file(FileSelector::Latest).unwrap(), b"one");
}

#[test]
fn a_version_without_a_file_takes_no_bytes() {
    let fixture = Fixture::new();
    let upload = fixture.push(NewVersion::default()).upload;
    assert_eq!(
        fixture.store.begin_upload(upload, None).map(|_| ()),
        Err(StorageError::NoFileExpected)
    );
    assert_eq!(
        fixture.store.finish_upload(upload, blob(b"x")),
        Err(StorageError::NoFileExpected)
    );
    assert_eq!(
        fixture.store.begin_upload(Uuid::new_v4(), None).map(|_| ()),
        Err(StorageError::NotFound)
    );
}

#[test]
fn latest_is_filtered_and_newest_is_searched_for() {
    let fixture = Fixture::new();
    fixture.push_of_build(0, "arm64");
    fixture.push_of_build(0, "amd64");
    let arm = [("arch", Some("arm64"))];
    assert!(fixture.search(Select::Latest, &arm).is_empty());
    assert_eq!(fixture.search(Select::Newest, &arm), [1]);
    assert_eq!(fixture.search(Select::All, &[("arch", None)]), [2, 1]);
    assert!(
        fixture
            .search(Select::All, &[("arch", None), ("os", None)])
            .is_empty()
    );
    assert!(fixture.search(Select::Number(2), &arm).is_empty());
    assert_eq!(fixture.search(Select::Number(1), &arm), [1]);
}

#[test]
fn builds_select_among_the_versions_they_made() {
    let fixture = Fixture::new();
    fixture.push_of_build(5, "amd64");
    fixture.push_of_build(6, "arm64");
    fixture.push_of_build(6, "amd64");
    fixture.push_of_build(5, "arm64");
    fixture.push_of_build(0, "riscv64");
    assert_eq!(fixture.search(Select::LatestBuild, &[]), [3]);
    assert_eq!(
        fixture.search(Select::LatestBuild, &[("arch", Some("arm64"))]),
        [2]
    );
    assert_eq!(fixture.search(Select::AnyBuild, &[]), [4]);
    assert_eq!(
        fixture.search(Select::Build(5), &[("arch", Some("amd64"))]),
        [1]
    );
    assert!(fixture.search(Select::Build(0), &[]).is_empty());
    assert!(
        fixture
            .search(Select::LatestBuild, &[("arch", Some("riscv64"))])
            .is_empty()
    );
    assert!(fixture.search(Select::Nothing, &[]).is_empty());
}

#[test]
fn numbers_out_of_range_name_nothing() {
    let fixture = Fixture::new();
    fixture.push(NewVersion::default());
    for number in [0, 2, u64::MAX] {
        assert!(
            fixture.search(Select::Number(number), &[]).is_empty(),
            "{number}"
        );
    }
}

#[test]
fn parallel_pushes_get_numbers_without_gaps_or_doubles() {
    let fixture = Fixture::new();
    std::thread::scope(|scope| {
        for _ in 0..8 {
            scope.spawn(|| {
                for _ in 0..100 {
                    fixture.push(NewVersion::default());
                }
            });
        }
    });
    let expected: Vec<u64> = (1..=800).rev().collect();
    assert_eq!(fixture.search(Select::All, &[]), expected);
}

fn orphan_states(fixture: &Fixture) -> Vec<(u64, OrphanState, u64)> {
    let orphans = fixture.store.orphans();
    let state = |orphan: &Orphan| (orphan.number, orphan.state, orphan.received);
    orphans.iter().map(state).collect()
}

#[test]
fn an_orphan_tells_how_far_its_file_got() {
    let fixture = Fixture::new();
    fixture.push(NewVersion::default());
    let version = fixture.push_with_file();
    let begin = |announced| {
        fixture
            .store
            .begin_upload(version.upload, announced)
            .unwrap()
    };
    assert_eq!(orphan_states(&fixture), [(2, OrphanState::Reserved, 0)]);
    let attempt = begin(Some(5));
    assert_eq!(orphan_states(&fixture), [(2, OrphanState::Partial, 0)]);
    attempt.set_received(5);
    assert_eq!(orphan_states(&fixture), [(2, OrphanState::Complete, 5)]);
    // The last attempt counts, and one without a length is never known to be complete.
    begin(None).set_received(7);
    assert_eq!(orphan_states(&fixture), [(2, OrphanState::Partial, 7)]);
    fixture
        .store
        .finish_upload(version.upload, blob(b"bytes"))
        .unwrap();
    assert!(orphan_states(&fixture).is_empty());
}

#[test]
fn a_deleted_version_is_gone_and_its_number_is_not_given_again() {
    let fixture = Fixture::new();
    let delete = |number| {
        fixture
            .store
            .delete_version(&fixture.name, &fixture.artifact_type, number)
    };
    let uploads: Vec<Uuid> = [b"one", b"two"]
        .iter()
        .map(|bytes| {
            let upload = fixture.push_with_file().upload;
            fixture.store.finish_upload(upload, blob(*bytes)).unwrap();
            upload
        })
        .collect();
    delete(2).unwrap();
    assert_eq!(delete(2), Err(StorageError::NotFound));
    assert_eq!(fixture.search(Select::Latest, &[]), [1]);
    assert_eq!(fixture.search(Select::Number(2), &[]), [] as [u64; 0]);
    assert_eq!(fixture.file(FileSelector::Latest).unwrap(), b"one");
    let again = fixture.store.finish_upload(uploads[1], blob(b"two"));
    assert_eq!(again, Err(StorageError::NotFound));
    assert_eq!(fixture.push(NewVersion::default()).number, 3);
    delete(3).unwrap();
    delete(1).unwrap();
    assert_eq!(
        fixture.file(FileSelector::Latest),
        Err(StorageError::NotFound)
    );
    assert_eq!(fixture.search(Select::All, &[]), [] as [u64; 0]);
}

#[test]
fn a_deleted_artifact_is_gone_and_its_numbers_go_on() {
    let fixture = Fixture::new();
    fixture.push(NewVersion::default());
    let upload = fixture.push_with_file().upload;
    fixture.store.delete_artifact(&fixture.name).unwrap();
    assert_eq!(fixture.store.visibility(&fixture.name), None);
    assert_eq!(
        fixture.store.delete_artifact(&fixture.name),
        Err(StorageError::NotFound)
    );
    let create = || {
        fixture
            .store
            .create_artifact(&fixture.name, Visibility::Public)
    };
    create().unwrap();
    assert_eq!(fixture.search(Select::All, &[]), [] as [u64; 0]);
    let late = fixture.store.finish_upload(upload, blob(b"late"));
    assert_eq!(late, Err(StorageError::NotFound));
    assert!(fixture.store.orphans().is_empty());
    assert_eq!(fixture.push(NewVersion::default()).number, 3);
    // Twice over as well.
    fixture.store.delete_artifact(&fixture.name).unwrap();
    create().unwrap();
    assert_eq!(fixture.push(NewVersion::default()).number, 4);
}

#[test]
fn a_copy_is_independent() {
    let fixture = Fixture::new();
    fixture.push(NewVersion::default());
    let copy = fixture.store.copy();
    fixture.push(NewVersion::default());
    fixture.store.delete_artifact(&fixture.name).unwrap();
    let all = Query::default();
    let page = Page::first(9, 9);
    let found = copy.search(&fixture.name, &fixture.artifact_type, &all, page);
    assert_eq!(found.unwrap().versions.len(), 1);
}

/// What happens to the versions of one type.
#[derive(Clone, Debug)]
enum Step {
    Push(Vec<(String, String)>, u64, bool),
    Upload(u64),
    Delete(u64),
    /// What a reset and a snapshot do to a store.
    Copy,
    Restore,
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let pairs = proptest::collection::vec(("[ab]|created_at", "[xyz]"), 0..4);
    let push = (pairs, 0..4_u64, any::<bool>());
    let step = prop_oneof![
        6 => push.prop_map(|(pairs, build, file)| Step::Push(pairs, build, file)),
        3 => (0..12_u64).prop_map(Step::Upload),
        2 => (0..12_u64).prop_map(Step::Delete),
        1 => Just(Step::Copy),
        1 => Just(Step::Restore),
    ];
    proptest::collection::vec(step, 0..30)
}

fn queries() -> impl Strategy<Value = Vec<Query>> {
    let select = prop_oneof![
        Just(Select::All),
        Just(Select::Latest),
        Just(Select::Newest),
        (0..12_u64).prop_map(Select::Number),
        Just(Select::LatestBuild),
        Just(Select::AnyBuild),
        (0..4_u64).prop_map(Select::Build),
        Just(Select::Nothing),
    ];
    let value = proptest::option::of("[xyz]");
    let filter = ("[abc]|created_at", value).prop_map(|(key, value)| Filter { key, value });
    let filters = proptest::collection::vec(filter, 0..3);
    let query = (select, filters).prop_map(|(select, filters)| Query { select, filters });
    proptest::collection::vec(query, 20)
}

/// Does the same to a store and to a list of what is in it, the oldest first.
fn play(fixture: &mut Fixture, versions: &mut Vec<Version>, step: Step) {
    let of_number = |number| move |version: &Version| version.number == number;
    match step {
        Step::Push(pairs, build, file) => {
            let version = fixture.push(NewVersion {
                metadata: pairs.into_iter().collect(),
                build: NonZeroU64::new(build),
                file,
                ..NewVersion::default()
            });
            versions.push(version.as_ref().clone());
        }
        Step::Upload(number) => {
            if let Some(version) = versions.iter_mut().find(|one| one.number == number) {
                let bytes = blob(b"bytes");
                let taken = fixture.store.finish_upload(version.upload, bytes.clone());
                assert_eq!(taken.is_ok(), !matches!(version.file, File::None));
                if taken.is_ok() {
                    version.file = File::Stored(bytes);
                }
            }
        }
        Step::Delete(number) => {
            let Fixture {
                store,
                name,
                artifact_type,
            } = fixture;
            let is_there = versions.iter().any(of_number(number));
            let deleted = store.delete_version(name, artifact_type, number);
            assert_eq!(deleted.is_ok(), is_there);
            versions.retain(|version| version.number != number);
        }
        Step::Copy => fixture.store = fixture.store.copy(),
        Step::Restore => {
            let (records, files) = fixture.store.records();
            let files = files.into_iter().map(|one| (one.digest().to_string(), one));
            let files = files.collect();
            fixture.store = fixture.store.with_records(records, &files).unwrap();
        }
    }
}

/// What a search is to find, by looking at all versions.
fn found_by_looking(versions: &[Version], Query { select, filters }: &Query) -> Vec<u64> {
    let visible = || {
        let newest_first = versions.iter().rev();
        newest_first.filter(|version| !matches!(version.file, File::Awaited(_)))
    };
    let accepts = |version: &Version, filter: &Filter| {
        let found = version.metadata.get(&filter.key);
        found.is_some_and(|found| filter.value.as_deref().is_none_or(|value| value == found))
    };
    let matches = |version: &&Version| filters.iter().all(|filter| accepts(version, filter));
    let latest_build = visible().filter_map(|version| version.build).max();
    let is_of = |version: &Version, number| version.build.is_some_and(|of| of.get() == number);
    let found: Vec<&Version> = match *select {
        Select::All => visible().filter(matches).collect(),
        Select::Newest => visible().filter(matches).take(1).collect(),
        Select::Latest => visible().take(1).filter(matches).collect(),
        Select::Number(number) => {
            let one = visible().filter(|version| version.number == number);
            one.filter(matches).collect()
        }
        Select::LatestBuild => {
            let of_latest =
                visible().filter(|one| one.build.is_some() && one.build == latest_build);
            of_latest.filter(matches).take(1).collect()
        }
        Select::AnyBuild => {
            let built = visible().filter(|version| version.build.is_some());
            built.filter(matches).take(1).collect()
        }
        Select::Build(build) => {
            let of_build = visible().filter(|version| is_of(version, build));
            of_build.filter(matches).take(1).collect()
        }
        Select::Nothing => Vec::new(),
    };
    found.iter().map(|version| version.number).collect()
}

proptest! {
    #[test]
    fn a_search_finds_what_looking_at_all_versions_finds(steps in steps(), queries in queries()) {
        let (mut fixture, mut versions) = (Fixture::new(), Vec::new());
        for step in steps {
            play(&mut fixture, &mut versions, step);
            let newest = versions.iter().rev().find(|version| version.blob().is_some());
            let latest = fixture.store.file(&fixture.name, &fixture.artifact_type, FileSelector::Latest);
            prop_assert_eq!(latest.is_ok(), newest.is_some());
        }
        for query in queries {
            let expected = found_by_looking(&versions, &query);
            prop_assert_eq!(fixture.pages(&query), expected, "{:?}", query);
        }
    }
}

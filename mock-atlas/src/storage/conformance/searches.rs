//! Conformance tests of searches, which compare the index with a scan of all versions.

use proptest::prelude::*;
use tokio::runtime::Handle;
use tokio::task::block_in_place;

use super::*;
use crate::domain::FileState;

pub(super) async fn latest_is_filtered_and_newest_is_searched_for(catalog: &Catalog) {
    let fixture = Fixture::new(catalog).await;
    fixture.push_of_build(0, "arm64").await;
    fixture.push_of_build(0, "amd64").await;
    let arm = [("arch", Some("arm64"))];
    assert!(fixture.search(Select::Latest, &arm).await.is_empty());
    assert_eq!(fixture.search(Select::Newest, &arm).await, [1]);
    assert_eq!(fixture.search(Select::All, &[("arch", None)]).await, [2, 1]);
    assert!(
        fixture
            .search(Select::All, &[("arch", None), ("os", None)])
            .await
            .is_empty()
    );
    assert!(fixture.search(Select::Number(2), &arm).await.is_empty());
    assert_eq!(fixture.search(Select::Number(1), &arm).await, [1]);
}

pub(super) async fn builds_select_among_the_versions_they_made(catalog: &Catalog) {
    let fixture = Fixture::new(catalog).await;
    fixture.push_of_build(5, "amd64").await;
    fixture.push_of_build(6, "arm64").await;
    fixture.push_of_build(6, "amd64").await;
    fixture.push_of_build(5, "arm64").await;
    fixture.push_of_build(0, "riscv64").await;
    assert_eq!(fixture.search(Select::LatestBuild, &[]).await, [3]);
    assert_eq!(
        fixture
            .search(Select::LatestBuild, &[("arch", Some("arm64"))])
            .await,
        [2]
    );
    assert_eq!(fixture.search(Select::AnyBuild, &[]).await, [4]);
    assert_eq!(
        fixture
            .search(Select::Build(5), &[("arch", Some("amd64"))])
            .await,
        [1]
    );
    assert!(fixture.search(Select::Build(0), &[]).await.is_empty());
    assert!(
        fixture
            .search(Select::LatestBuild, &[("arch", Some("riscv64"))])
            .await
            .is_empty()
    );
    assert!(fixture.search(Select::Nothing, &[]).await.is_empty());
}

pub(super) async fn numbers_out_of_range_name_nothing(catalog: &Catalog) {
    let fixture = Fixture::new(catalog).await;
    fixture.push(NewVersion::default()).await;
    for number in [0, 2, u64::MAX] {
        assert!(
            fixture.search(Select::Number(number), &[]).await.is_empty(),
            "{number}"
        );
    }
}

/// A change to the versions of one type.
#[derive(Clone, Debug)]
enum Step {
    Push(Vec<(String, String)>, u64, bool),
    Upload(u64),
    Delete(u64),
    /// A copy, as a reset makes it, and an export with import, as a snapshot makes it.
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

/// Makes the same change to a catalog and to a list of its versions, the oldest first.
async fn play(fixture: &mut Fixture, versions: &mut Vec<Version>, step: Step) {
    let of_number = |number| move |version: &Version| version.number == number;
    match step {
        Step::Push(pairs, build, file) => {
            let version = fixture.push(NewVersion {
                metadata: pairs.into_iter().collect(),
                build: NonZeroU64::new(build),
                file,
                ..NewVersion::default()
            });
            let version = version.await;
            versions.push(version.as_ref().clone());
        }
        Step::Upload(number) => {
            if let Some(version) = versions.iter_mut().find(|one| one.number == number) {
                let bytes = blob(b"bytes");
                let taken = fixture.catalog.finish_upload(version.upload, bytes).await;
                assert_eq!(taken.is_ok(), version.file != FileState::None);
                if taken.is_ok() {
                    version.file = FileState::Stored;
                }
            }
        }
        Step::Delete(number) => {
            let is_there = versions.iter().any(of_number(number));
            let deleted = fixture.delete_version(number).await;
            assert_eq!(deleted.is_ok(), is_there);
            versions.retain(|version| version.number != number);
        }
        Step::Copy => fixture.catalog = copied(&fixture.catalog),
        Step::Restore => {
            let contents = fixture.catalog.export().await.unwrap();
            fixture.catalog = fixture
                .catalog
                .import(contents, Limits::default())
                .await
                .unwrap();
        }
    }
}

/// Returns a copy of a catalog in memory, and a durable catalog itself.
fn copied(catalog: &Catalog) -> Catalog {
    match catalog {
        Catalog::Memory(memory) => Catalog::Memory(memory.copy()),
        Catalog::Durable(durable) => Catalog::Durable(durable.clone()),
    }
}

/// Returns the expected numbers of a search, by a scan of all versions.
fn found_by_looking(versions: &[Version], Query { select, filters }: &Query) -> Vec<u64> {
    let visible = || {
        let newest_first = versions.iter().rev();
        newest_first.filter(|version| version.file != FileState::Awaited)
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

pub(super) async fn a_search_finds_what_looking_at_all_versions_finds(catalog: &Catalog) {
    let empty = catalog.export().await.unwrap();
    let case = async |steps: Vec<Step>, queries: Vec<Query>| {
        let empty = catalog
            .import(empty.clone(), Limits::default())
            .await
            .unwrap();
        let mut fixture = Fixture::new(&empty).await;
        let mut versions = Vec::new();
        for step in steps {
            play(&mut fixture, &mut versions, step).await;
            let mut newest_first = versions.iter().rev();
            let has_file = newest_first.any(|version| version.file == FileState::Stored);
            let latest = fixture.file(FileSelector::Latest).await;
            prop_assert_eq!(latest.is_ok(), has_file);
        }
        for query in queries {
            let expected = found_by_looking(&versions, &query);
            prop_assert_eq!(fixture.pages(&query).await, expected, "{:?}", query);
        }
        Ok(())
    };
    // Proptest calls its closure synchronously, so the closure blocks on the future.
    let runtime = Handle::current();
    block_in_place(|| {
        proptest!(|(steps in steps(), queries in queries())| {
            runtime.block_on(case(steps, queries))?;
        });
    });
}

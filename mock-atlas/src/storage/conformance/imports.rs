//! Conformance tests of what is imported as it was elsewhere.

use std::time::{Duration, SystemTime};

use super::*;
use crate::domain::{
    BoxStatus, HIGHEST, ProviderChange, ProviderKey, ProviderPlace, PushedBoxError,
};

/// A time in the past.
fn created() -> SystemTime {
    SystemTime::UNIX_EPOCH + Duration::from_secs(1_500_000_000)
}

fn imported(number: u64, file: Option<&Blob>) -> ImportedVersion {
    ImportedVersion {
        artifact: "acme/web".parse().unwrap(),
        visibility: Visibility::Private,
        artifact_type: "custom.image".parse().unwrap(),
        number,
        last_number: 9,
        new: NewVersion {
            id: format!("id-{number}").into(),
            metadata: [("os", "debian")].into_iter().collect(),
            build: NonZeroU64::new(number),
            file: file.is_some(),
        },
        created: Some(created()),
        digest: file.map(|blob| blob.digest().to_string()),
        has_own_box: false,
    }
}

async fn import(catalog: &Catalog, version: &ImportedVersion, file: Option<Blob>) -> Presence {
    let compared = catalog.compare_version(version.clone()).await.unwrap();
    let imported = catalog.import_version(version.clone(), file).await.unwrap();
    assert_eq!(compared, imported);
    imported
}

/// Returns a view of the catalog, whose artifact the import makes.
fn view(catalog: &Catalog) -> Fixture {
    Fixture {
        catalog: catalog.clone(),
        name: "acme/web".parse().unwrap(),
        artifact_type: "custom.image".parse().unwrap(),
    }
}

pub(super) async fn a_version_keeps_its_number_and_the_numbers_go_on_after_the_highest(
    catalog: &Catalog,
) {
    let (fixture, bytes) = (view(catalog), blob(b"bytes"));
    let third = imported(3, Some(&bytes));
    for expected in [Presence::Missing, Presence::Present] {
        let presence = import(catalog, &third, Some(bytes.clone())).await;
        assert_eq!(presence, expected);
    }
    // A version that came late gets its number, too.
    let first = imported(1, None);
    assert_eq!(import(catalog, &first, None).await, Presence::Missing);
    assert_eq!(fixture.search(Select::All, &[]).await, [3, 1]);
    let debian = [("os", Some("debian"))];
    assert_eq!(fixture.search(Select::LatestBuild, &debian).await, [3]);
    let file = fixture.file(FileSelector::Number(3)).await;
    assert_eq!(file, Ok(b"bytes".to_vec()));
    let next = fixture.push(NewVersion::default()).await;
    assert_eq!(next.number, 10);
    let (name, of, all) = (&fixture.name, &fixture.artifact_type, Query::default());
    let found = catalog.search(name, of, ReadAccess::All, &all, Page::first(9, 9));
    let versions = found.await.unwrap().versions;
    let (third, first) = (&versions[1], &versions[2]);
    assert_eq!((third.created, first.created), (created(), created()));
    assert_eq!((&*third.id, third.build), ("id-3", NonZeroU64::new(3)));
}

/// Changes one part of a version.
type Change = fn(&mut ImportedVersion);

pub(super) async fn what_is_there_and_differs_stays_as_it_is(catalog: &Catalog) {
    let bytes = blob(b"bytes");
    let there = imported(3, Some(&bytes));
    import(catalog, &there, Some(bytes.clone())).await;
    let other = blob(b"other");
    let changes: [(&str, Change); 5] = [
        ("the visibility of the artifact", |version| {
            version.visibility = Visibility::Public;
        }),
        ("the id", |version| version.new.id = "other".into()),
        ("the metadata", |version| {
            version.new.metadata = [("os", "other")].into_iter().collect();
        }),
        ("the build", |version| version.new.build = None),
        ("the file", |version| {
            version.digest = Some(blob(b"other").digest().to_string());
        }),
    ];
    for (part, change) in changes {
        let mut version = there.clone();
        change(&mut version);
        let presence = import(catalog, &version, Some(other.clone())).await;
        assert_eq!(presence, Presence::Different(part));
    }
    let file = view(catalog).file(FileSelector::Latest).await;
    assert_eq!(file, Ok(b"bytes".to_vec()));
    // A version that awaits its bytes is no other one's place.
    let awaited = view(catalog).push_with_file().await;
    let same = imported(awaited.number, Some(&bytes));
    let presence = import(catalog, &same, Some(bytes)).await;
    assert_eq!(presence, Presence::Different("the id"));
}

pub(super) async fn a_number_or_a_box_that_cannot_be_is_refused(catalog: &Catalog) {
    for number in [0, HIGHEST + 1] {
        let refused = catalog.import_version(imported(number, None), None).await;
        assert_eq!(refused, Err(StorageError::NoNumber));
    }
    let bytes = blob(b"bytes");
    let mut pushed = imported(1, Some(&bytes));
    pushed.artifact_type = Name::constant(BOX_TYPE);
    let refused = catalog.import_version(pushed, Some(bytes)).await;
    let error = StorageError::PushedBox(PushedBoxError::NoProvider);
    assert_eq!(refused, Err(error));
    let mut reserved = imported(1, None);
    reserved.artifact = "api/web".parse().unwrap();
    let refused = catalog.import_version(reserved, None).await;
    assert_eq!(refused, Err(AccountError::NameReserved.into()));
    assert_eq!(catalog.totals().await.unwrap().artifacts, 0);
}

/// Returns a version of the type `vagrant.box`.
fn box_file(number: u64, file: &Blob, has_own_box: bool) -> ImportedVersion {
    let mut version = imported(number, Some(file));
    version.artifact_type = Name::constant(BOX_TYPE);
    let pairs = [("provider", "libvirt"), ("version", "1.0.0")];
    version.new.metadata = pairs.into_iter().collect();
    version.has_own_box = has_own_box;
    version
}

/// Returns a box with a revoked version, whose only provider has a file.
fn imported_box(number: &str, file: &Blob, bytes: ImportedBytes) -> ImportedBox {
    let name: Name = "libvirt".parse().unwrap();
    let architecture: Name = "unknown".parse().unwrap();
    let times = SeededTimes {
        created: Some(created()),
        updated: Some(created()),
    };
    let version = SeededBoxVersion {
        number: number.parse().unwrap(),
        status: BoxStatus::Revoked,
        description: "old".to_owned(),
        providers: vec![SeededProvider {
            name: name.clone(),
            architecture: architecture.clone(),
            change: ProviderChange::default(),
            file: None,
            times,
        }],
        times,
    };
    let place = ProviderPlace {
        version: version.number.clone(),
        key: ProviderKey {
            name,
            architecture: Some(architecture),
        },
    };
    ImportedBox {
        seeded: SeededBox {
            name: "acme/web".parse().unwrap(),
            new: NewBox {
                visibility: Some(Visibility::Private),
                ..NewBox::default()
            },
            versions: vec![version],
            times,
        },
        files: vec![ImportedFile {
            place,
            len: file.len(),
            sha256: file.sha256().unwrap().to_string(),
            updated: Some(created()),
            bytes,
        }],
    }
}

pub(super) async fn a_box_keeps_its_state_and_times_and_shares_the_file_of_its_artifact(
    catalog: &Catalog,
) {
    let bytes = blob(b"a box");
    let version = box_file(4, &bytes, true);
    import(catalog, &version, Some(bytes.clone())).await;
    let missing = imported_box("1.0.0", &bytes, ImportedBytes::OfVersion(3));
    let refused = catalog.import_box(missing).await;
    assert_eq!(refused, Err(StorageError::NotFound));
    let shared = imported_box("1.0.0", &bytes, ImportedBytes::OfVersion(4));
    for expected in [Presence::Missing, Presence::Present] {
        let compared = catalog.compare_box(shared.clone()).await;
        assert_eq!(compared, Ok(expected.clone()));
        assert_eq!(catalog.import_box(shared.clone()).await, Ok(expected));
    }
    let sent = imported_box("1.1.0", &bytes, ImportedBytes::Sent(bytes.clone()));
    assert_eq!(catalog.import_box(sent).await, Ok(Presence::Missing));
    let name = view(catalog).name;
    let found = catalog.find_box(&name, ReadAccess::All).await;
    let vagrant_box = found.unwrap().vagrant_box;
    assert_eq!(
        (vagrant_box.created, vagrant_box.updated),
        (created(), created())
    );
    let shown = vagrant_box.versions().map(|(number, version)| {
        assert_eq!((version.created, version.updated), (created(), created()));
        assert_eq!(version.status, BoxStatus::Revoked);
        let file = version.providers()[0].hosted().unwrap();
        (number.to_string(), file.number)
    });
    let expected = [("1.1.0".to_owned(), 10), ("1.0.0".to_owned(), 4)];
    assert_eq!(shown.collect::<Vec<_>>(), expected);
    let other = blob(b"another");
    let other = imported_box("1.0.0", &other, ImportedBytes::Unsent);
    let compared = catalog.compare_box(other).await;
    assert_eq!(compared, Ok(Presence::Different("the providers")));
}

pub(super) async fn a_box_file_without_a_box_makes_one_as_a_push_does(catalog: &Catalog) {
    let bytes = blob(b"a box");
    let version = box_file(4, &bytes, false);
    import(catalog, &version, Some(bytes)).await;
    let name = view(catalog).name;
    let found = catalog.find_box(&name, ReadAccess::All).await;
    let vagrant_box = found.unwrap().vagrant_box;
    let (number, version) = vagrant_box.current_version().unwrap();
    assert_eq!((number.as_str(), version.created), ("1.0.0", created()));
}

//! Conformance tests of quotas: how many bytes the files of a user or an organisation may have.

use futures_util::future::join_all;

use super::boxes::BoxFixture;
use super::*;
use crate::domain::{OverQuota, Quota};

fn owner() -> Name {
    Name::constant("acme")
}

/// Adds the organisation acme, and returns a private artifact of it.
async fn fixture(catalog: &Catalog) -> Fixture {
    let acme = NewOrganization {
        name: owner(),
        members: Vec::new(),
    };
    let additions = Additions {
        organizations: vec![acme],
        ..Additions::default()
    };
    catalog.add(additions).await.unwrap();
    Fixture::new(catalog).await
}

async fn used(catalog: &Catalog) -> u64 {
    let quotas = catalog.quotas().await.unwrap();
    assert_eq!(quotas.len(), 1);
    assert_eq!(quotas[0].0, owner());
    quotas[0].1.used
}

async fn push(fixture: &Fixture, bytes: &[u8]) -> Result<u64, StorageError> {
    let version = fixture.push_with_file().await;
    let catalog = &fixture.catalog;
    catalog.finish_upload(version.upload, blob(bytes)).await?;
    Ok(version.number)
}

fn over(used: u64, limit: u64, len: u64) -> StorageError {
    let over = OverQuota {
        used,
        limit,
        len,
        is_whole: true,
    };
    over.into()
}

pub(super) async fn only_owners_who_exist_have_quotas(catalog: &Catalog) {
    fixture(catalog).await;
    let unknown = catalog.set_quota(&Name::constant("nobody"), 1).await;
    assert_eq!(unknown, Err(AccountError::UnknownRegistry.into()));
    assert!(catalog.quotas().await.unwrap().is_empty());
    let none = catalog.remove_quota(&owner()).await;
    assert_eq!(none, Err(StorageError::NotFound));
    for limit in [5, 7] {
        let set = catalog.set_quota(&owner(), limit).await.unwrap();
        assert_eq!(set, Quota { limit, used: 0 });
    }
    assert_eq!(catalog.quotas().await.unwrap().len(), 1);
    catalog.remove_quota(&owner()).await.unwrap();
    assert!(catalog.quotas().await.unwrap().is_empty());
}

pub(super) async fn an_upload_beyond_the_quota_is_refused_and_leaves_nothing(catalog: &Catalog) {
    let fixture = fixture(catalog).await;
    push(&fixture, b"123").await.unwrap();
    // What is there already counts.
    let set = catalog.set_quota(&owner(), 8).await.unwrap();
    assert_eq!((set.used, set.limit), (3, 8));
    assert_eq!(push(&fixture, b"123456").await, Err(over(3, 8, 6)));
    assert_eq!(fixture.search(Select::All, &[]).await, [1]);
    assert_eq!(used(catalog).await, 3);
    assert_eq!(push(&fixture, b"12345").await, Ok(3));
    assert_eq!(push(&fixture, b"1").await, Err(over(8, 8, 1)));
    assert_eq!(push(&fixture, b"").await, Ok(5));
    // The same bytes again count once.
    let version = fixture.push_with_file().await;
    catalog.set_quota(&owner(), 9).await.unwrap();
    for _ in 0..2 {
        let finished = catalog.finish_upload(version.upload, blob(b"x")).await;
        finished.unwrap();
    }
    assert_eq!(used(catalog).await, 9);
    // Others have no quota.
    let other = Fixture {
        name: "other/web".parse().unwrap(),
        ..fixture
    };
    other.create(Visibility::Private).await.unwrap();
    push(&other, b"a long file").await.unwrap();
    catalog.remove_quota(&owner()).await.unwrap();
}

pub(super) async fn an_upload_knows_at_its_beginning_what_is_left(catalog: &Catalog) {
    let fixture = fixture(catalog).await;
    let version = fixture.push_with_file().await;
    let begin = async |announced| {
        catalog
            .begin_upload(version.upload, announced)
            .await
            .unwrap()
    };
    let free = begin(Some(1 << 40)).await;
    assert_eq!(free.check_announced(), Ok(()));
    assert_eq!(free.check_received(1 << 40), Ok(()));

    catalog.set_quota(&owner(), 4).await.unwrap();
    let over = begin(Some(5)).await.check_announced().unwrap_err();
    assert_eq!((over.len, over.is_whole), (5, true));
    assert_eq!(begin(Some(4)).await.check_announced(), Ok(()));
    let chunked = begin(None).await;
    assert_eq!(chunked.check_announced(), Ok(()));
    assert_eq!(chunked.check_received(4), Ok(()));
    assert!(!chunked.check_received(5).unwrap_err().is_whole);
    assert_eq!(catalog.check_quota(&owner(), 4).await, Ok(()));
    let refused = catalog.check_quota(&owner(), 5).await;
    assert_eq!(refused, Err(self::over(0, 4, 5)));
    // A file that is there may be sent again.
    let finished = catalog.finish_upload(version.upload, blob(b"1234")).await;
    finished.unwrap();
    assert_eq!(begin(Some(5)).await.check_announced(), Ok(()));
}

pub(super) async fn what_is_deleted_is_given_back(catalog: &Catalog) {
    let fixture = fixture(catalog).await;
    catalog.set_quota(&owner(), 10).await.unwrap();
    for _ in 0..2 {
        push(&fixture, b"12345").await.unwrap();
    }
    assert!(push(&fixture, b"1").await.is_err());
    fixture.delete_version(1).await.unwrap();
    assert_eq!(used(catalog).await, 5);
    push(&fixture, b"123").await.unwrap();
    catalog.delete_artifact(&fixture.name, None).await.unwrap();
    assert_eq!(used(catalog).await, 0);
    fixture.create(Visibility::Private).await.unwrap();
    push(&fixture, b"1234567890").await.unwrap();
    // Nobody is refused because the quota became smaller, unless it is growth.
    catalog.set_quota(&owner(), 4).await.unwrap();
    assert!(push(&fixture, b"1").await.is_err());
    assert_eq!(used(catalog).await, 10);
}

pub(super) async fn uploads_at_once_do_not_pass_together(catalog: &Catalog) {
    let fixture = fixture(catalog).await;
    catalog.set_quota(&owner(), 35).await.unwrap();
    let mut uploads = Vec::new();
    for _ in 0..8 {
        uploads.push(fixture.push_with_file().await.upload);
    }
    let finish = uploads.into_iter().map(|upload| {
        let catalog = catalog.clone();
        let finish = async move { catalog.finish_upload(upload, blob(b"1234567890")).await };
        tokio::spawn(finish)
    });
    let finished = join_all(finish).await;
    let passed = finished
        .into_iter()
        .filter(|one| match one.as_ref().unwrap() {
            Ok(()) => true,
            Err(StorageError::OverQuota(_)) => false,
            Err(other) => panic!("{other}"),
        });
    assert_eq!(passed.count(), 3);
    assert_eq!(used(catalog).await, 30);
    assert_eq!(fixture.search(Select::All, &[]).await.len(), 3);
}

pub(super) async fn the_file_of_a_box_counts_and_replaces_the_one_before(catalog: &Catalog) {
    fixture(catalog).await;
    let boxes = BoxFixture::new(catalog).await;
    catalog.set_quota(&owner(), 10).await.unwrap();
    let send = async |is_direct, bytes: &[u8]| {
        let upload = boxes.begin(is_direct).await;
        let attempt = catalog.begin_upload(upload, Some(bytes.len() as u64)).await;
        let announced = attempt.unwrap().check_announced();
        let finished = catalog.finish_upload(upload, blob(bytes)).await;
        // Both checks agree as long as nothing happens in between.
        assert_eq!(announced.is_ok(), finished.is_ok());
        finished.map(|()| upload)
    };
    send(false, b"12345678").await.unwrap();
    assert_eq!(used(catalog).await, 8);
    send(false, b"123456789").await.unwrap();
    assert_eq!(used(catalog).await, 9);
    assert!(send(false, b"12345678901").await.is_err());
    assert_eq!(used(catalog).await, 9);
    // The bytes of a direct upload count as soon as they have come, and those before until the callback.
    let upload = send(true, b"1234567890").await.unwrap();
    assert_eq!(used(catalog).await, 19);
    let completed = catalog.complete_box_upload(&boxes.name, upload, None).await;
    completed.unwrap();
    assert_eq!(used(catalog).await, 10);
    // Another upload voids the one before, whose bytes are gone.
    send(true, b"123").await.unwrap();
    assert_eq!(used(catalog).await, 13);
    boxes.begin(true).await;
    assert_eq!(used(catalog).await, 10);
    // A file that is no larger is taken, whatever the quota.
    catalog.set_quota(&owner(), 1).await.unwrap();
    send(false, b"123456").await.unwrap();
    assert!(send(false, b"1234567").await.is_err());
    assert_eq!(used(catalog).await, 6);
    send(true, b"123").await.unwrap();
    catalog.delete_box(&boxes.name, None).await.unwrap();
    assert_eq!(used(catalog).await, 0);
}

pub(super) async fn a_deleted_registry_takes_its_quota_along(catalog: &Catalog) {
    fixture(catalog).await;
    let name: ArtifactName = "acme/web".parse().unwrap();
    catalog.delete_artifact(&name, None).await.unwrap();
    let boxes = BoxFixture::new(catalog).await;
    let upload = boxes.begin(false).await;
    catalog.finish_upload(upload, blob(b"one")).await.unwrap();
    catalog.set_quota(&owner(), 10).await.unwrap();
    catalog.delete_registry(&owner(), None).await.unwrap();
    assert!(catalog.quotas().await.unwrap().is_empty());
}

pub(super) async fn an_import_is_within_the_quota(catalog: &Catalog) {
    fixture(catalog).await;
    let new: ArtifactName = "acme/new".parse().unwrap();
    let import = async |number, bytes: &[u8]| {
        let file = blob(bytes);
        let imported = ImportedVersion {
            artifact: new.clone(),
            visibility: Visibility::Private,
            artifact_type: "custom.image".parse().unwrap(),
            number,
            last_number: number,
            new: NewVersion {
                file: true,
                ..NewVersion::default()
            },
            created: None,
            digest: Some(file.digest().to_string()),
            has_own_box: false,
        };
        catalog.import_version(imported, Some(file)).await
    };
    catalog.set_quota(&owner(), 5).await.unwrap();
    assert_eq!(import(1, b"123456").await, Err(over(0, 5, 6)));
    let made = catalog.find_artifact(&new, ReadAccess::All).await;
    assert_eq!(made, Err(StorageError::NotFound));
    for presence in [Presence::Missing, Presence::Present] {
        assert_eq!(import(1, b"123").await, Ok(presence));
        assert_eq!(used(catalog).await, 3);
    }
    assert_eq!(import(2, b"123").await, Err(over(3, 5, 3)));
    assert_eq!(used(catalog).await, 3);
}

pub(super) async fn a_copy_has_the_quotas_and_counts_even_beyond_them(catalog: &Catalog) {
    let fixture = fixture(catalog).await;
    push(&fixture, b"12345").await.unwrap();
    let boxes = BoxFixture::new(catalog).await;
    let upload = boxes.begin(true).await;
    catalog.finish_upload(upload, blob(b"one")).await.unwrap();
    catalog.set_quota(&owner(), 2).await.unwrap();
    let contents = catalog.export().await.unwrap();
    let copy = catalog.import(contents, Limits::default()).await.unwrap();
    let quotas = copy.quotas().await.unwrap();
    assert_eq!(quotas, [(owner(), Quota { limit: 2, used: 8 })]);
    // A seed is added as well.
    let seeded = SeededVersion {
        artifact_type: fixture.artifact_type.clone(),
        new: NewVersion {
            file: true,
            ..NewVersion::default()
        },
        file: Some(blob(b"seed")),
    };
    let artifact = NewArtifact {
        name: "acme/seeded".parse().unwrap(),
        visibility: Visibility::Private,
        versions: vec![seeded],
    };
    let additions = Additions {
        artifacts: vec![artifact],
        ..Additions::default()
    };
    copy.add(additions).await.unwrap();
    assert_eq!(used(&copy).await, 12);
}

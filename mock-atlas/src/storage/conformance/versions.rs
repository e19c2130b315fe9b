//! Conformance tests of artifacts and the numbers of their versions.

use tokio::task::JoinSet;
use uuid::Uuid;

use super::*;

pub(super) async fn a_name_can_be_taken_once(catalog: &Catalog) {
    let fixture = Fixture::new(catalog).await;
    let again = fixture.create(Visibility::Public).await;
    assert_eq!(again, Err(StorageError::NameTaken));
    let public = catalog.find_artifact(&fixture.name, ReadAccess::PublicOnly);
    assert_eq!(public.await, Err(StorageError::NotFound));
    let all = catalog.find_artifact(&fixture.name, ReadAccess::All);
    assert_eq!(all.await, Ok(()));
}

pub(super) async fn a_private_artifact_is_not_found_among_public_ones(catalog: &Catalog) {
    let fixture = Fixture::new(catalog).await;
    fixture.push(NewVersion::default()).await;
    let (private, of) = (&fixture.name, &fixture.artifact_type);
    let public: ArtifactName = "acme/public".parse().unwrap();
    let created = catalog.create_artifact(&public, Visibility::Public);
    created.await.unwrap();
    for (name, access, is_found) in [
        (private, ReadAccess::PublicOnly, false),
        (private, ReadAccess::All, true),
        (&public, ReadAccess::PublicOnly, true),
        (&public, ReadAccess::All, true),
    ] {
        assert_eq!(catalog.find_artifact(name, access).await.is_ok(), is_found);
        let all = Query::default();
        let found = catalog.search(name, of, access, &all, Page::first(9, 9));
        assert_eq!(found.await.is_ok(), is_found);
    }
}

pub(super) async fn numbers_count_up_for_each_type(catalog: &Catalog) {
    let fixture = Fixture::new(catalog).await;
    fixture.push(NewVersion::default()).await;
    assert_eq!(fixture.push(NewVersion::default()).await.number, 2);
    let other: Name = "other".parse().unwrap();
    let first = catalog.create_version(&fixture.name, &other, NewVersion::default(), None);
    assert_eq!(first.await.unwrap().number, 1);
}

pub(super) async fn parallel_pushes_get_numbers_without_gaps_or_doubles(catalog: &Catalog) {
    let fixture = Fixture::new(catalog).await;
    let mut pushes = JoinSet::new();
    for _ in 0..8 {
        let fixture = fixture.clone();
        pushes.spawn(async move {
            for _ in 0..100 {
                fixture.push(NewVersion::default()).await;
            }
        });
    }
    pushes.join_all().await;
    let expected: Vec<u64> = (1..=800).rev().collect();
    assert_eq!(fixture.search(Select::All, &[]).await, expected);
}

pub(super) async fn a_deleted_version_is_gone_and_its_number_is_not_given_again(catalog: &Catalog) {
    let fixture = Fixture::new(catalog).await;
    let mut uploads: Vec<Uuid> = Vec::new();
    for bytes in [b"one", b"two"] {
        let upload = fixture.push_with_file().await.upload;
        let finished = catalog.finish_upload(upload, blob(bytes));
        finished.await.unwrap();
        uploads.push(upload);
    }
    let gone = StorageError::NotFound;
    fixture.delete_version(2).await.unwrap();
    assert_eq!(fixture.delete_version(2).await, Err(gone.clone()));
    assert_eq!(fixture.search(Select::Latest, &[]).await, [1]);
    let none = [] as [u64; 0];
    assert_eq!(fixture.search(Select::Number(2), &[]).await, none);
    assert_eq!(fixture.file(FileSelector::Latest).await.unwrap(), b"one");
    let again = catalog.finish_upload(uploads[1], blob(b"two")).await;
    assert_eq!(again, Err(gone.clone()));
    assert_eq!(fixture.push(NewVersion::default()).await.number, 3);
    fixture.delete_version(3).await.unwrap();
    fixture.delete_version(1).await.unwrap();
    assert_eq!(fixture.file(FileSelector::Latest).await, Err(gone));
    assert_eq!(fixture.search(Select::All, &[]).await, none);
}

pub(super) async fn a_deleted_artifact_is_gone_and_its_numbers_go_on(catalog: &Catalog) {
    let fixture = Fixture::new(catalog).await;
    let gone = StorageError::NotFound;
    fixture.push(NewVersion::default()).await;
    let upload = fixture.push_with_file().await.upload;
    let delete = async || catalog.delete_artifact(&fixture.name, None).await;
    delete().await.unwrap();
    let found = catalog.find_artifact(&fixture.name, ReadAccess::All);
    assert_eq!(found.await, Err(gone.clone()));
    assert_eq!(delete().await, Err(gone.clone()));
    fixture.create(Visibility::Public).await.unwrap();
    let none = [] as [u64; 0];
    assert_eq!(fixture.search(Select::All, &[]).await, none);
    let late = catalog.finish_upload(upload, blob(b"late")).await;
    assert_eq!(late, Err(gone));
    assert!(catalog.orphans().await.unwrap().is_empty());
    assert_eq!(fixture.push(NewVersion::default()).await.number, 3);
    // Numbers also go on after a second deletion.
    delete().await.unwrap();
    fixture.create(Visibility::Public).await.unwrap();
    assert_eq!(fixture.push(NewVersion::default()).await.number, 4);
}

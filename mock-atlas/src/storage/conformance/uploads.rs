//! Conformance tests of uploads and the files of versions.

use std::time::Duration;

use uuid::Uuid;

use super::*;
use crate::domain::{Orphan, OrphanState, OrphanTarget};

pub(super) async fn a_version_is_visible_only_once_its_bytes_are_complete(catalog: &Catalog) {
    let fixture = Fixture::new(catalog).await;
    fixture.push(NewVersion::default()).await;
    let awaiting = fixture.push_with_file().await;
    for select in [Select::All, Select::Latest, Select::Newest] {
        assert_eq!(fixture.search(select, &[]).await, [1], "{select:?}");
    }
    assert!(fixture.search(Select::Number(2), &[]).await.is_empty());
    assert_eq!(
        fixture.file(FileSelector::Number(2)).await,
        Err(StorageError::NotFound)
    );

    fixture
        .catalog
        .finish_upload(awaiting.upload, blob(b"bytes"))
        .await
        .unwrap();
    assert_eq!(fixture.search(Select::All, &[]).await, [2, 1]);
    assert_eq!(fixture.search(Select::Latest, &[]).await, [2]);
    assert_eq!(
        fixture.file(FileSelector::Number(2)).await.unwrap(),
        b"bytes"
    );
}

pub(super) async fn the_latest_is_the_highest_number_whatever_was_finished_last(catalog: &Catalog) {
    let fixture = Fixture::new(catalog).await;
    let (first, second) = (
        fixture.push_with_file().await,
        fixture.push_with_file().await,
    );
    fixture
        .catalog
        .finish_upload(second.upload, blob(b"two"))
        .await
        .unwrap();
    fixture
        .catalog
        .finish_upload(first.upload, blob(b"one"))
        .await
        .unwrap();
    fixture.push(NewVersion::default()).await;
    assert_eq!(fixture.search(Select::Latest, &[]).await, [3]);
    assert_eq!(fixture.file(FileSelector::Latest).await.unwrap(), b"two");
}

pub(super) async fn the_same_bytes_again_are_fine_and_others_lose_nothing(catalog: &Catalog) {
    let fixture = Fixture::new(catalog).await;
    let upload = fixture.push_with_file().await.upload;
    fixture
        .catalog
        .finish_upload(upload, blob(b"one"))
        .await
        .unwrap();
    assert_eq!(
        fixture.catalog.finish_upload(upload, blob(b"one")).await,
        Ok(())
    );
    assert_eq!(
        fixture.catalog.finish_upload(upload, blob(b"two")).await,
        Err(StorageError::OtherBytes)
    );
    assert_eq!(fixture.file(FileSelector::Latest).await.unwrap(), b"one");
}

pub(super) async fn a_version_without_a_file_takes_no_bytes(catalog: &Catalog) {
    let fixture = Fixture::new(catalog).await;
    let upload = fixture.push(NewVersion::default()).await.upload;
    assert_eq!(
        fixture.catalog.begin_upload(upload, None).await.map(|_| ()),
        Err(StorageError::NoFileExpected)
    );
    assert_eq!(
        fixture.catalog.finish_upload(upload, blob(b"x")).await,
        Err(StorageError::NoFileExpected)
    );
    assert_eq!(
        fixture
            .catalog
            .begin_upload(Uuid::new_v4(), None)
            .await
            .map(|_| ()),
        Err(StorageError::NotFound)
    );
}

pub(super) async fn an_orphan_tells_how_far_its_file_got(catalog: &Catalog) {
    let fixture = Fixture::new(catalog).await;
    fixture.push(NewVersion::default()).await;
    let version = fixture.push_with_file().await;
    let begin = async |announced| {
        let begun = fixture.catalog.begin_upload(version.upload, announced);
        begun.await.unwrap()
    };
    assert_eq!(
        orphan_states(&fixture).await,
        [(2, OrphanState::Reserved, 0)]
    );
    let attempt = begin(Some(5)).await;
    assert_eq!(
        orphan_states(&fixture).await,
        [(2, OrphanState::Partial, 0)]
    );
    attempt.set_received(5);
    assert_eq!(
        orphan_states(&fixture).await,
        [(2, OrphanState::Complete, 5)]
    );
    // The last attempt counts. An attempt without a length is never complete.
    begin(None).await.set_received(7);
    assert_eq!(
        orphan_states(&fixture).await,
        [(2, OrphanState::Partial, 7)]
    );
    fixture
        .catalog
        .finish_upload(version.upload, blob(b"bytes"))
        .await
        .unwrap();
    assert!(orphan_states(&fixture).await.is_empty());
}

async fn orphan_states(fixture: &Fixture) -> Vec<(u64, OrphanState, u64)> {
    let orphans = fixture.catalog.orphans().await.unwrap();
    let state = |orphan: &Orphan| match &orphan.target {
        OrphanTarget::Version { number, .. } => (*number, orphan.state, orphan.received),
        other => panic!("{other:?} is no version"),
    };
    orphans.iter().map(state).collect()
}

pub(super) async fn an_expired_upload_is_unknown_and_its_version_stays(catalog: &Catalog) {
    let fixture = Fixture::new(catalog).await;
    let upload = fixture.push_with_file().await.upload;
    assert!(catalog.upload_age(upload).await.unwrap() < Duration::from_secs(3600));
    let target = catalog.upload_target(upload).await.unwrap();
    assert!(
        matches!(&target, UploadTarget::Version(key)
            if key.of.artifact == fixture.name && key.number == 1),
        "{target:?}"
    );
    catalog.expire_upload(upload).await.unwrap();
    let gone = StorageError::NotFound;
    assert_eq!(catalog.upload_age(upload).await, Err(gone.clone()));
    assert_eq!(
        catalog.finish_upload(upload, blob(b"late")).await,
        Err(gone)
    );
    assert_eq!(orphan_states(&fixture).await.len(), 1);
}

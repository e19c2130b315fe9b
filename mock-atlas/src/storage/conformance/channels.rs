//! Conformance tests of channels: names that point at a version of an artifact type.

use super::*;
use crate::domain::{Channel, ChannelError, ChannelName, MOST_CHANNELS};

fn place(fixture: &Fixture, channel: &str) -> ChannelPlace {
    ChannelPlace {
        artifact: fixture.name.clone(),
        artifact_type: fixture.artifact_type.clone(),
        name: channel.parse().unwrap(),
    }
}

fn amy() -> Name {
    Name::constant("amy")
}

async fn set(fixture: &Fixture, channel: &str, version: u64) -> Result<Channel, StorageError> {
    let (place, amy) = (place(fixture, channel), amy());
    let set = fixture.catalog.set_channel(&place, version, &amy);
    set.await
}

async fn roll_back(fixture: &Fixture, channel: &str) -> Result<u64, StorageError> {
    let (place, amy) = (place(fixture, channel), amy());
    let roll_back = fixture.catalog.roll_back_channel(&place, &amy);
    Ok(roll_back.await?.version())
}

async fn version_at(fixture: &Fixture, channel: &str) -> Option<u64> {
    let place = place(fixture, channel);
    let found = fixture.catalog.channel(&place, ReadAccess::All).await;
    found.unwrap().map(|channel| channel.version())
}

/// Returns an artifact with versions that need no files.
async fn with_versions(catalog: &Catalog, count: usize) -> Fixture {
    let fixture = Fixture::new(catalog).await;
    for _ in 0..count {
        fixture.push(NewVersion::default()).await;
    }
    fixture
}

pub(super) async fn a_channel_points_at_a_version_and_has_a_history(catalog: &Catalog) {
    let fixture = with_versions(catalog, 3).await;
    assert_eq!(version_at(&fixture, "production").await, None);
    for version in [1, 3, 3] {
        set(&fixture, "production", version).await.unwrap();
        assert_eq!(version_at(&fixture, "production").await, Some(version));
    }
    set(&fixture, "beta", 2).await.unwrap();
    let all = catalog.channels(&fixture.name, ReadAccess::All).await;
    let all = all.unwrap();
    let names: Vec<&str> = all.iter().map(|found| found.name.as_str()).collect();
    assert_eq!(names, ["beta", "production"]);
    let changes = all[1].channel.changes().iter();
    let changes: Vec<_> = changes
        .map(|change| (change.number, change.version, change.username.clone()))
        .collect();
    assert_eq!(changes, [(1, 1, amy()), (2, 3, amy())]);

    let hidden = catalog
        .channels(&fixture.name, ReadAccess::PublicOnly)
        .await;
    assert_eq!(hidden, Err(StorageError::NotFound));
    let production = place(&fixture, "production");
    let hidden = catalog.channel(&production, ReadAccess::PublicOnly).await;
    assert_eq!(hidden, Err(StorageError::NotFound));

    assert_eq!(roll_back(&fixture, "production").await, Ok(1));
    let nothing = Err(ChannelError::NothingEarlier.into());
    assert_eq!(roll_back(&fixture, "production").await, nothing);
    let unknown = Err(StorageError::NotFound);
    assert_eq!(roll_back(&fixture, "other").await, unknown);
    catalog.remove_channel(&production).await.unwrap();
    assert_eq!(version_at(&fixture, "production").await, None);
    let again = catalog.remove_channel(&production).await;
    assert_eq!(again, Err(StorageError::NotFound));
}

pub(super) async fn only_visible_versions_that_are_no_boxes_have_channels(catalog: &Catalog) {
    let fixture = with_versions(catalog, 1).await;
    let awaits = fixture.push_with_file().await;
    for version in [0, 2, 3] {
        let missing = Err(ChannelError::NoVersion(version).into());
        assert_eq!(set(&fixture, "a", version).await, missing);
    }
    let finished = catalog.finish_upload(awaits.upload, blob(b"bytes")).await;
    finished.unwrap();
    set(&fixture, "a", 2).await.unwrap();
    let of_box = Fixture {
        artifact_type: Name::constant(BOX_TYPE),
        ..fixture.clone()
    };
    let refused = Err(ChannelError::OfBox.into());
    assert_eq!(set(&of_box, "a", 1).await, refused);
    let other = Fixture {
        name: "acme/other".parse().unwrap(),
        ..fixture
    };
    assert_eq!(set(&other, "a", 1).await, Err(StorageError::NotFound));
}

pub(super) async fn a_version_with_a_channel_is_not_deleted(catalog: &Catalog) {
    let fixture = with_versions(catalog, 2).await;
    set(&fixture, "beta", 1).await.unwrap();
    set(&fixture, "production", 1).await.unwrap();
    let in_use = ChannelError::InUse("beta, production".to_owned());
    assert_eq!(fixture.delete_version(1).await, Err(in_use.into()));
    set(&fixture, "beta", 2).await.unwrap();
    let production = place(&fixture, "production");
    catalog.remove_channel(&production).await.unwrap();
    fixture.delete_version(1).await.unwrap();
    // Nothing to go back to is left.
    let nothing = Err(ChannelError::NothingEarlier.into());
    assert_eq!(roll_back(&fixture, "beta").await, nothing);
    // The artifact takes its channels along.
    catalog.delete_artifact(&fixture.name, None).await.unwrap();
    fixture.create(Visibility::Private).await.unwrap();
    assert_eq!(version_at(&fixture, "beta").await, None);
    let next = fixture.push(NewVersion::default()).await.number;
    assert_eq!(next, 3);
}

pub(super) async fn a_copy_has_the_channels_with_their_history(catalog: &Catalog) {
    let fixture = with_versions(catalog, 2).await;
    for version in [1, 2] {
        set(&fixture, "production", version).await.unwrap();
    }
    let before = catalog.channels(&fixture.name, ReadAccess::All).await;
    let contents = catalog.export().await.unwrap();
    let mut lost = contents.clone();
    let copy = catalog.import(contents, Limits::default()).await.unwrap();
    let after = copy.channels(&fixture.name, ReadAccess::All).await;
    assert_eq!(before, after);
    let copy = Fixture {
        catalog: copy,
        ..fixture
    };
    assert_eq!(roll_back(&copy, "production").await, Ok(1));
    // A channel that points at nothing is no copy of anything.
    lost.artifacts[0].types[0].versions.pop();
    let refused = catalog.import(lost, Limits::default()).await;
    let refused = refused.map(|_| ()).unwrap_err();
    assert!(
        matches!(refused, ImportError::Records(RecordError::Channel(_))),
        "{refused}"
    );
}

pub(super) async fn channels_have_an_end(catalog: &Catalog) {
    let fixture = with_versions(catalog, 1).await;
    for at in 0..MOST_CHANNELS {
        set(&fixture, &format!("c{at}"), 1).await.unwrap();
    }
    let refused = set(&fixture, "more", 1).await;
    assert_eq!(refused, Err(ChannelError::TooMany.into()));
    set(&fixture, "c0", 1).await.unwrap();
    let name: ChannelName = "c0".parse().unwrap();
    let place = ChannelPlace {
        name,
        ..place(&fixture, "c1")
    };
    catalog.remove_channel(&place).await.unwrap();
    set(&fixture, "more", 1).await.unwrap();
}

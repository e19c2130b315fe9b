//! Conformance tests of boxes: their changes, their uploads, and the artifact versions that hold
//! their files.

use uuid::Uuid;

use super::*;
use crate::domain::{
    BoxError, BoxNumber, BoxProvider, BoxStatus, Orphan, OrphanState, ProviderChange, ProviderKey,
    ProviderPlace, Totals,
};

pub(super) async fn a_box_shares_name_and_visibility_with_its_artifact(catalog: &Catalog) {
    let fixture = Fixture::new(catalog).await;
    let name = &fixture.name;
    let public = NewBox {
        visibility: Some(Visibility::Public),
        ..NewBox::default()
    };
    catalog.create_box(name, public.clone()).await.unwrap();
    let found = catalog.find_box(name, ReadAccess::PublicOnly).await;
    assert_eq!(found.unwrap().visibility, Visibility::Public);
    catalog
        .find_artifact(name, ReadAccess::PublicOnly)
        .await
        .unwrap();
    let taken = catalog.create_box(name, public).await.map(|_| ());
    assert_eq!(taken, Err(BoxError::BoxTaken.into()));

    let other: ArtifactName = "acme/new".parse().unwrap();
    catalog.create_box(&other, NewBox::default()).await.unwrap();
    let hidden = catalog.find_box(&other, ReadAccess::PublicOnly).await;
    assert_eq!(hidden.map(|_| ()), Err(StorageError::NotFound));
    assert_eq!(catalog.boxes().await.unwrap().len(), 2);
}

pub(super) async fn a_change_that_fails_leaves_the_box_as_it_was(catalog: &Catalog) {
    let boxes = BoxFixture::new(catalog).await;
    let refused = catalog.change_box(&boxes.name, None, |draft| {
        draft.visibility = Visibility::Public;
        draft.vagrant_box.delete_version(&number("1.0.0"))?;
        Err::<(), _>(BoxError::NoProvider)
    });
    let refused = refused.await.map(|_| ());
    assert_eq!(refused, Err(BoxError::NoProvider.into()));
    let found = catalog.find_box(&boxes.name, ReadAccess::All).await;
    let found = found.unwrap();
    assert_eq!(found.visibility, Visibility::Private);
    assert!(found.vagrant_box.version(&number("1.0.0")).is_ok());
}

pub(super) async fn the_bytes_of_a_box_are_an_artifact_version(catalog: &Catalog) {
    let boxes = BoxFixture::new(catalog).await;
    let upload = boxes.begin(false).await;
    assert!(!boxes.provider().await.is_downloadable());
    catalog.finish_upload(upload, blob(b"one")).await.unwrap();
    let first = boxes.provider().await.hosted().unwrap().clone();
    assert_eq!((first.number, first.len), (1, 3));
    let versions = boxes.artifact_versions().await;
    assert_eq!(versions.len(), 1);
    for (key, value) in [
        ("provider", "virtualbox"),
        ("architecture", "amd64"),
        ("version", "1.0.0"),
    ] {
        assert_eq!(versions[0].metadata.get(key), Some(value));
    }
    assert_eq!(boxes.bytes(1).await.unwrap(), b"one");

    // Other bytes replace the file; its number is not given again.
    let upload = boxes.begin(false).await;
    catalog.finish_upload(upload, blob(b"two")).await.unwrap();
    assert_eq!(boxes.provider().await.hosted().unwrap().number, 2);
    assert_eq!(boxes.bytes(1).await, Err(StorageError::NotFound));
    assert_eq!(boxes.bytes(2).await.unwrap(), b"two");
}

pub(super) async fn a_direct_upload_is_visible_only_after_its_callback(catalog: &Catalog) {
    let boxes = BoxFixture::new(catalog).await;
    let upload = boxes.begin(true).await;
    let complete = async || {
        let completed = catalog.complete_box_upload(&boxes.name, upload, None);
        completed.await.map(|_| ())
    };
    assert_eq!(complete().await, Err(BoxError::NoBytes.into()));
    catalog.finish_upload(upload, blob(b"one")).await.unwrap();
    assert!(!boxes.provider().await.is_downloadable());
    assert!(boxes.artifact_versions().await.is_empty());
    assert_eq!(
        catalog.finish_upload(upload, blob(b"two")).await,
        Err(StorageError::OtherBytes)
    );
    complete().await.unwrap();
    assert_eq!(boxes.bytes(1).await.unwrap(), b"one");
    // Both steps again change nothing.
    complete().await.unwrap();
    catalog.finish_upload(upload, blob(b"one")).await.unwrap();
    assert_eq!(boxes.artifact_versions().await.len(), 1);
}

pub(super) async fn a_new_upload_of_a_provider_voids_the_one_before(catalog: &Catalog) {
    let boxes = BoxFixture::new(catalog).await;
    let (old, new) = (boxes.begin(true).await, boxes.begin(true).await);
    let gone = StorageError::NotFound;
    assert_eq!(
        catalog.finish_upload(old, blob(b"x")).await,
        Err(gone.clone())
    );
    assert_eq!(catalog.upload_age(old).await, Err(gone.clone()));
    catalog.finish_upload(new, blob(b"x")).await.unwrap();
    let completed = catalog.complete_box_upload(&boxes.name, old, None).await;
    assert_eq!(completed.map(|_| ()), Err(gone));
}

pub(super) async fn a_deleted_provider_takes_its_file_along(catalog: &Catalog) {
    let boxes = BoxFixture::new(catalog).await;
    let upload = boxes.begin(false).await;
    catalog.finish_upload(upload, blob(b"one")).await.unwrap();
    let deleted = catalog.change_box(&boxes.name, None, |draft| {
        draft.vagrant_box.delete_version(&number("1.0.0"))
    });
    deleted.await.unwrap();
    assert!(boxes.artifact_versions().await.is_empty());
    assert_eq!(
        catalog.uploaded(upload).await.map(|_| ()),
        Err(StorageError::NotFound)
    );
}

pub(super) async fn a_deleted_artifact_version_leaves_its_provider_without_a_file(
    catalog: &Catalog,
) {
    let boxes = BoxFixture::new(catalog).await;
    let upload = boxes.begin(false).await;
    catalog.finish_upload(upload, blob(b"one")).await.unwrap();
    let deleted = catalog
        .delete_version(&boxes.name, &box_type(), 1, None)
        .await;
    deleted.unwrap();
    assert!(!boxes.provider().await.is_downloadable());
}

pub(super) async fn a_pushed_version_makes_a_box_appear_and_grow(catalog: &Catalog) {
    let fixture = Fixture {
        artifact_type: box_type(),
        ..Fixture::new(catalog).await
    };
    let push = async |metadata: &[(&str, &str)], bytes: &[u8]| {
        let pairs = metadata
            .iter()
            .map(|(key, value)| ((*key).to_owned(), (*value).to_owned()));
        let new = NewVersion {
            metadata: pairs.collect(),
            file: true,
            ..NewVersion::default()
        };
        let upload = fixture.push(new).await.upload;
        let none_yet = catalog.find_box(&fixture.name, ReadAccess::All).await;
        catalog.finish_upload(upload, blob(bytes)).await.unwrap();
        none_yet.is_err()
    };
    assert!(push(&[("provider", "virtualbox")], b"one").await);
    push(&[("provider", "qemu"), ("version", "0.1.0")], b"two").await;
    push(&[("provider", "qemu"), ("description", "the third")], b"3").await;
    let found = catalog.find_box(&fixture.name, ReadAccess::All).await;
    let found = found.unwrap().vagrant_box;
    let shown: Vec<_> = found
        .versions()
        .map(|(number, version)| {
            let names = version.providers().iter();
            let names: Vec<&str> = names.map(|provider| provider.name.as_str()).collect();
            (number.as_str(), version.status, names.join(" "))
        })
        .collect();
    assert_eq!(
        shown,
        [
            ("0.2.0", BoxStatus::Active, "qemu".to_owned()),
            ("0.1.0", BoxStatus::Active, "qemu virtualbox".to_owned()),
        ]
    );
    let (_, newest) = found.current_version().unwrap();
    assert_eq!(newest.description, "the third");

    // The same version and provider again: the box has the new bytes, the artifact has both.
    push(&[("provider", "qemu"), ("version", "0.1.0")], b"four").await;
    assert_eq!(fixture.search(Select::All, &[]).await, [4, 3, 2, 1]);
    let found = catalog.find_box(&fixture.name, ReadAccess::All).await;
    let files: Vec<u64> = found
        .unwrap()
        .vagrant_box
        .files()
        .map(|f| f.number)
        .collect();
    assert_eq!(files, [4, 1, 3]);
}

pub(super) async fn a_deleted_box_is_gone_and_other_types_stay(catalog: &Catalog) {
    let fixture = Fixture::new(catalog).await;
    fixture.push(NewVersion::default()).await;
    let name = &fixture.name;
    catalog.create_box(name, NewBox::default()).await.unwrap();
    catalog.delete_box(name, None).await.unwrap();
    let gone = catalog.find_box(name, ReadAccess::All).await;
    assert_eq!(gone.map(|_| ()), Err(StorageError::NotFound));
    assert_eq!(fixture.search(Select::All, &[]).await, [1]);

    let boxes = BoxFixture::new(catalog).await;
    let upload = boxes.begin(false).await;
    catalog.finish_upload(upload, blob(b"one")).await.unwrap();
    catalog.delete_box(&boxes.name, None).await.unwrap();
    let gone = catalog.find_artifact(&boxes.name, ReadAccess::All).await;
    assert_eq!(gone, Err(StorageError::NotFound));
    // The numbers of its files go on.
    let again = BoxFixture::new(catalog).await;
    let upload = again.begin(false).await;
    catalog.finish_upload(upload, blob(b"two")).await.unwrap();
    assert_eq!(again.provider().await.hosted().unwrap().number, 2);
}

pub(super) async fn a_box_is_exported_and_imported(catalog: &Catalog) {
    let boxes = BoxFixture::new(catalog).await;
    let upload = boxes.begin(false).await;
    catalog.finish_upload(upload, blob(b"one")).await.unwrap();
    catalog.count_download(&boxes.name).await.unwrap();
    let contents = catalog.export().await.unwrap();
    let imported = catalog.import(contents, Limits::default()).await.unwrap();
    let found = imported.find_box(&boxes.name, ReadAccess::All).await;
    let found = found.unwrap().vagrant_box;
    assert_eq!(found.downloads, 1);
    assert_eq!(found.files().count(), 1);
    // The upload is known to both: the same bytes again are fine.
    imported.finish_upload(upload, blob(b"one")).await.unwrap();
}

pub(super) async fn a_file_that_awaits_its_callback_is_exported_and_imported(catalog: &Catalog) {
    let boxes = BoxFixture::new(catalog).await;
    let upload = boxes.begin(true).await;
    catalog.finish_upload(upload, blob(b"one")).await.unwrap();
    let contents = catalog.export().await.unwrap();
    let imported = catalog.import(contents, Limits::default()).await.unwrap();
    let slug = imported.upload_slug(upload).await;
    let expected = "acme/box/vagrant.box/1.0.0/virtualbox/amd64";
    assert_eq!(slug.as_deref(), Ok(expected));
    assert_eq!(imported.totals().await, catalog.totals().await);
    let completed = imported
        .complete_box_upload(&boxes.name, upload, None)
        .await;
    assert_eq!(completed.unwrap().vagrant_box.files().count(), 1);
}

pub(super) async fn a_provider_is_an_orphan_until_its_file_is_visible(catalog: &Catalog) {
    let boxes = BoxFixture::new(catalog).await;
    let orphans = async || -> Vec<_> {
        let orphans = catalog.orphans().await.unwrap().into_iter();
        let shown = |orphan: Orphan| (orphan.slug(), orphan.state, orphan.received);
        orphans.map(shown).collect()
    };
    assert!(orphans().await.is_empty());
    let upload = boxes.begin(true).await;
    let slug = || "acme/box/vagrant.box/1.0.0/virtualbox/amd64".to_owned();
    assert_eq!(orphans().await, [(slug(), OrphanState::Reserved, 0)]);
    let attempt = catalog.begin_upload(upload, None).await.unwrap();
    attempt.set_received(2);
    assert_eq!(orphans().await, [(slug(), OrphanState::Partial, 2)]);
    // The bytes of a direct upload await the callback.
    catalog.finish_upload(upload, blob(b"one")).await.unwrap();
    assert_eq!(orphans().await, [(slug(), OrphanState::Complete, 3)]);
    let completed = catalog.complete_box_upload(&boxes.name, upload, None).await;
    completed.unwrap();
    assert!(orphans().await.is_empty());
}

pub(super) async fn boxes_are_counted_with_their_versions_and_files(catalog: &Catalog) {
    let boxes = BoxFixture::new(catalog).await;
    let upload = boxes.begin(true).await;
    catalog.finish_upload(upload, blob(b"one")).await.unwrap();
    let totals = Totals {
        artifacts: 1,
        versions: 0,
        boxes: 1,
        box_versions: 1,
        memory_bytes: 3,
        disk_bytes: 0,
        damaged_files: 0,
        pending_deliveries: 0,
    };
    // The place of the bytes depends on the backend.
    let counted = async || {
        let counted = catalog.totals().await.unwrap();
        Totals {
            memory_bytes: counted.memory_bytes + counted.disk_bytes,
            disk_bytes: 0,
            ..counted
        }
    };
    assert_eq!(counted().await, totals);
    let completed = catalog.complete_box_upload(&boxes.name, upload, None).await;
    completed.unwrap();
    let visible = Totals {
        versions: 1,
        ..totals
    };
    assert_eq!(counted().await, visible);
}

pub(super) async fn deleting_the_artifact_deletes_its_box(catalog: &Catalog) {
    let boxes = BoxFixture::new(catalog).await;
    let upload = boxes.begin(true).await;
    catalog.finish_upload(upload, blob(b"one")).await.unwrap();
    catalog.delete_artifact(&boxes.name, None).await.unwrap();
    let gone = catalog.find_box(&boxes.name, ReadAccess::All).await;
    assert_eq!(gone.map(|_| ()), Err(StorageError::NotFound));
    let again = catalog.finish_upload(upload, blob(b"one")).await;
    assert_eq!(again, Err(StorageError::NotFound));
    assert_eq!(catalog.totals().await, Ok(Totals::default()));
    // Another box of the name begins without versions.
    catalog
        .create_box(&boxes.name, NewBox::default())
        .await
        .unwrap();
    let found = catalog.find_box(&boxes.name, ReadAccess::All).await;
    assert_eq!(found.unwrap().vagrant_box.versions().len(), 0);
}

/// A box with the version 1.0.0, whose only provider has no file.
pub(super) struct BoxFixture {
    catalog: Catalog,
    pub(super) name: ArtifactName,
}

impl BoxFixture {
    pub(super) async fn new(catalog: &Catalog) -> Self {
        let name = "acme/box".parse().unwrap();
        catalog.create_box(&name, NewBox::default()).await.unwrap();
        let fixture = Self {
            catalog: catalog.clone(),
            name,
        };
        let changed = catalog.change_box(&fixture.name, None, |draft| {
            let now = draft.now;
            let of = &mut draft.vagrant_box;
            let version = of.create_version(number("1.0.0"), String::new(), now)?;
            let change = ProviderChange {
                architecture: Some("amd64".parse().unwrap()),
                ..ProviderChange::default()
            };
            version.put_provider("virtualbox".parse().unwrap(), change, now);
            Ok(())
        });
        changed.await.unwrap();
        fixture
    }

    pub(super) async fn begin(&self, is_direct: bool) -> Uuid {
        let begun = self.catalog.change_box(&self.name, None, move |draft| {
            let now = draft.now;
            draft.vagrant_box.begin_upload(&place(), is_direct, now)
        });
        begun.await.unwrap().1
    }

    async fn provider(&self) -> BoxProvider {
        let found = self.catalog.find_box(&self.name, ReadAccess::All).await;
        found
            .unwrap()
            .vagrant_box
            .provider(&place())
            .unwrap()
            .clone()
    }

    fn of_type(&self) -> Fixture {
        Fixture {
            catalog: self.catalog.clone(),
            name: self.name.clone(),
            artifact_type: box_type(),
        }
    }

    async fn artifact_versions(&self) -> Vec<Arc<Version>> {
        let query = Query {
            select: Select::All,
            filters: Vec::new(),
        };
        let (page, of_type) = (Page::first(10, 100), box_type());
        let found = self
            .catalog
            .search(&self.name, &of_type, ReadAccess::All, &query, page);
        found.await.unwrap().versions
    }

    async fn bytes(&self, number: u64) -> Result<Vec<u8>, StorageError> {
        self.of_type().file(FileSelector::Number(number)).await
    }
}

fn number(text: &str) -> BoxNumber {
    text.parse().unwrap()
}

fn box_type() -> Name {
    "vagrant.box".parse().unwrap()
}

fn place() -> ProviderPlace {
    ProviderPlace {
        version: number("1.0.0"),
        key: ProviderKey {
            name: "virtualbox".parse().unwrap(),
            architecture: None,
        },
    }
}

//! Tests that the file of a box is compared with what was told of it, and stored in any case.

use std::cell::RefCell;
use std::convert::Infallible;

use futures_util::stream;

use super::*;
use crate::domain::{
    ArtifactName, BoxProvider, Clock, NewVersion, ProviderChange, ProviderKey, ProviderPlace,
    ReadAccess, Visibility,
};
use crate::observe::LintKind;
use crate::storage::{Catalog, MemoryCatalog, NewBox};

/// A box of `libvirt` for `arm64`.
const FILE: &[u8] = include_bytes!("../../../tests/data/boxes/plain.tar");

/// The MD5 of the file, computed by `md5sum`.
const MD5: &str = "520209e73cde31cc8505299ccee92546";

/// An emulator's uploads, and a box `acme/web` without versions.
struct Fixture {
    uploads: Uploads,
    datasets: Datasets,
    name: ArtifactName,
}

impl Fixture {
    async fn new() -> Self {
        let clock = Clock::default();
        let memory = MemoryCatalog::new("root".parse().unwrap(), "ROOT", clock);
        let dataset = Dataset::new(Catalog::Memory(memory.clone()));
        let name = "acme/web".parse().unwrap();
        let catalog = dataset.catalog();
        catalog.create_box(&name, NewBox::default()).await.unwrap();
        let budget = MemoryBudget::new(u64::MAX);
        Self {
            uploads: Uploads::new(Limits::default(), budget.clone(), None, None),
            datasets: Datasets::new(memory, dataset, budget, false),
            name,
        }
    }

    /// Adds a provider, and begins an upload of its file.
    async fn begin(&self, change: ProviderChange) -> Uuid {
        let dataset = self.datasets.current();
        let begun = dataset.catalog().change_box(&self.name, None, |draft| {
            let now = draft.now;
            let number = "1.0.0".parse().unwrap();
            let version = draft
                .vagrant_box
                .create_version(number, String::new(), now)?;
            let name = change.name.clone().unwrap();
            let key = version.put_provider(name, change, now);
            draft.vagrant_box.begin_upload(&place(key), false, now)
        });
        begun.await.unwrap().1
    }

    /// Sends bytes in two parts, and returns the findings.
    async fn send(&self, upload: Uuid, bytes: &'static [u8]) -> Vec<Finding> {
        let request = UploadRequest {
            upload,
            announced: None,
            is_partial: false,
            keep: true,
        };
        let (first, second) = bytes.split_at(bytes.len() / 2);
        let parts = [first, second].map(|part| Ok::<_, Infallible>(Bytes::from_static(part)));
        let findings = RefCell::default();
        let on_event = |event: UploadEvent| {
            if let UploadEvent::Findings(found) = event {
                findings.replace(found);
            }
        };
        let body = stream::iter(parts);
        let received = self
            .uploads
            .receive(&self.datasets, request, body, on_event);
        let stored = received.await.unwrap().unwrap();
        assert_eq!(stored.len(), bytes.len() as u64);
        findings.take()
    }

    async fn provider(&self) -> BoxProvider {
        let dataset = self.datasets.current();
        let found = dataset.catalog().find_box(&self.name, ReadAccess::All);
        let found = found.await.unwrap();
        let (_, provider) = found.vagrant_box.providers().next().unwrap();
        provider.clone()
    }
}

fn place(key: ProviderKey) -> ProviderPlace {
    let version = "1.0.0".parse().unwrap();
    ProviderPlace { version, key }
}

fn told(name: &str, architecture: Option<&str>, md5: Option<&str>) -> ProviderChange {
    ProviderChange {
        name: name.parse().ok(),
        architecture: architecture.and_then(|text| text.parse().ok()),
        checksum: md5.and_then(|md5| Checksum::told("MD5", md5).unwrap()),
        ..ProviderChange::default()
    }
}

#[tokio::test]
async fn a_box_that_is_as_told_is_stored_without_findings() {
    let upper = MD5.to_uppercase();
    for change in [
        told("libvirt", Some("arm64"), Some(&upper)),
        told("libvirt", None, None),
    ] {
        let fixture = Fixture::new().await;
        let upload = fixture.begin(change.clone()).await;
        assert_eq!(fixture.send(upload, FILE).await, []);
        let provider = fixture.provider().await;
        let (kind, value) = provider.shown_checksum().unwrap();
        match change.checksum {
            Some(_) => assert_eq!((kind, value), ("md5", MD5)),
            None => assert_eq!((kind, value.len()), ("sha256", 64)),
        }
    }
}

#[tokio::test]
async fn a_box_that_is_not_as_told_is_stored_and_each_difference_is_found() {
    let fixture = Fixture::new().await;
    let change = told("virtualbox", Some("amd64"), Some("abc"));
    let upload = fixture.begin(change).await;
    let findings = fixture.send(upload, FILE).await;
    let place = "acme/web 1.0.0 virtualbox/amd64";
    let expected = [
        (
            LintKind::BoxProvider,
            format!("the metadata.json of {place} names the provider \"libvirt\""),
        ),
        (
            LintKind::BoxArchitecture,
            format!("the metadata.json of {place} names the architecture \"arm64\""),
        ),
        (
            LintKind::BoxChecksum,
            format!("the file of {place} has the checksum md5:{MD5}, and md5:abc was told"),
        ),
    ];
    assert_eq!(
        findings,
        expected.map(|(kind, message)| Finding { kind, message })
    );
    assert_eq!(
        fixture.provider().await.shown_checksum(),
        Some(("md5", "abc"))
    );
    // The same bytes again are not read again.
    assert_eq!(fixture.send(upload, FILE).await, []);
}

#[tokio::test]
async fn a_pushed_box_is_compared_with_its_metadata() {
    let fixture = Fixture::new().await;
    let catalog = fixture.datasets.current().catalog().clone();
    let name: ArtifactName = "acme/pushed".parse().unwrap();
    let created = catalog.create_artifact(&name, Visibility::Private);
    created.await.unwrap();
    for (file, kind) in [
        (FILE, LintKind::BoxProvider),
        (b"no box", LintKind::BoxUnreadable),
    ] {
        let metadata = [("provider", "hyperv")];
        let metadata = metadata.map(|(key, value)| (key.to_owned(), value.to_owned()));
        let new = NewVersion {
            metadata: metadata.into_iter().collect(),
            file: true,
            ..NewVersion::default()
        };
        let of_type = "vagrant.box".parse().unwrap();
        let version = catalog.create_version(&name, &of_type, new, None);
        let upload = version.await.unwrap().upload;
        let findings = fixture.send(upload, file).await;
        assert_eq!(findings.len(), 1, "{findings:?}");
        assert_eq!(findings[0].kind, kind);
    }
}

#[tokio::test]
async fn other_files_are_not_read_as_boxes() {
    let fixture = Fixture::new().await;
    let catalog = fixture.datasets.current().catalog().clone();
    let new = NewVersion {
        file: true,
        ..NewVersion::default()
    };
    let of_type = "custom.image".parse().unwrap();
    let version = catalog.create_version(&fixture.name, &of_type, new, None);
    let upload = version.await.unwrap().upload;
    assert_eq!(fixture.send(upload, b"no box").await, []);
}

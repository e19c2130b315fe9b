//! Conformance tests of copies, additions and exports.

use super::*;

pub(super) async fn nothing_is_added_where_one_artifact_cannot_be(catalog: &Catalog) {
    let fixture = Fixture::new(catalog).await;
    let artifact = |name: &str| NewArtifact {
        name: name.parse().unwrap(),
        visibility: Visibility::Public,
        versions: Vec::new(),
    };
    let additions = Additions {
        users: vec![NewUser {
            username: "amy".parse().unwrap(),
            password: None,
            two_factor: None,
            tokens: vec![NewToken::unlimited("amys")],
        }],
        artifacts: vec![artifact("acme/new"), artifact("acme/web")],
        ..Additions::default()
    };
    let refused = AdditionError::Artifact(1, fixture.name.clone(), StorageError::NameTaken);
    assert_eq!(catalog.add(additions).await, Err(refused));
    assert!(catalog.account_of_token("amys").await.unwrap().is_none());
    let new = "acme/new".parse().unwrap();
    let found = catalog.find_artifact(&new, ReadAccess::All).await;
    assert_eq!(found, Err(StorageError::NotFound));
}

pub(super) async fn what_is_exported_is_imported_under_the_root_of_the_other(catalog: &Catalog) {
    let fixture = Fixture::new(catalog).await;
    let (first, second) = (
        fixture.push_with_file().await,
        fixture.push_with_file().await,
    );
    for version in [&first, &second] {
        let finished = catalog.finish_upload(version.upload, blob(b"bytes"));
        finished.await.unwrap();
    }
    fixture.push_with_file().await;
    let contents = catalog.export().await.unwrap();
    // Two versions have the same bytes, which are exported once.
    assert_eq!(contents.files.len(), 1);
    let imported = Fixture {
        catalog: catalog.import(contents, Limits::default()).await.unwrap(),
        ..fixture
    };
    assert_eq!(imported.search(Select::All, &[]).await, [2, 1]);
    assert_eq!(imported.file(FileSelector::Latest).await.unwrap(), b"bytes");
    assert_eq!(imported.push(NewVersion::default()).await.number, 4);
    let root = imported.catalog.account_of_token("root").await.unwrap();
    assert!(root.unwrap().is_root());
    let (catalog, mut missing) = (&imported.catalog, catalog.export().await.unwrap());
    missing.files.clear();
    let refused = catalog
        .import(missing, Limits::default())
        .await
        .map(|_| ())
        .unwrap_err();
    assert!(matches!(
        refused,
        ImportError::Records(RecordError::FileMissing(_))
    ));
}

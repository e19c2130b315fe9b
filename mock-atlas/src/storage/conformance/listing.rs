//! Conformance tests of the lists of artifacts, of their types, and of the files of versions.

use super::*;
use crate::domain::{Caller, Role};
use crate::storage::{ArtifactsQuery, ListedFile};

async fn create(catalog: &Catalog, name: &str, visibility: Visibility) {
    let name = name.parse().unwrap();
    catalog.create_artifact(&name, visibility).await.unwrap();
}

/// Returns the names that a query finds over all pages of two.
async fn names(catalog: &Catalog, query: ArtifactsQuery) -> Vec<String> {
    let (mut names, mut below) = (Vec::new(), None);
    loop {
        let page = ArtifactsQuery {
            below,
            most: 2,
            ..query.clone()
        };
        let found = catalog.artifacts(page).await.unwrap();
        assert!(found.len() <= 2);
        let Some(last) = found.last() else {
            return names;
        };
        below = Some(last.place);
        names.extend(found.iter().map(|of| of.name.to_string()));
    }
}

pub(super) async fn artifacts_are_listed_page_by_page_the_last_first(catalog: &Catalog) {
    use Visibility::{Private, Public};
    let all = [
        ("acme/a_b", Private),
        ("acme/aXb", Public),
        ("bob/Web", Private),
        ("acme/gone", Public),
        ("acme/web", Public),
    ];
    for (name, visibility) in all {
        create(catalog, name, visibility).await;
    }
    let gone = "acme/gone".parse().unwrap();
    catalog.delete_artifact(&gone, None).await.unwrap();
    let query = ArtifactsQuery::default;
    let found = names(catalog, query()).await;
    assert_eq!(found, ["acme/web", "bob/Web", "acme/aXb", "acme/a_b"]);
    let public = names(
        catalog,
        ArtifactsQuery {
            readable_by: Some(Caller::Anonymous),
            ..query()
        },
    )
    .await;
    assert_eq!(public, ["acme/web", "acme/aXb"]);
    let owner = "bob".parse().ok();
    assert_eq!(
        names(catalog, ArtifactsQuery { owner, ..query() }).await,
        ["bob/Web"]
    );
    let text = |text: &str| ArtifactsQuery {
        text: text.to_owned(),
        ..query()
    };
    assert_eq!(names(catalog, text("b/w")).await, ["bob/Web"]);
    assert_eq!(
        names(catalog, text("a_b")).await,
        ["acme/a_b"],
        "no pattern"
    );
    for none in ["%", "!", "gone", "acme/web/x"] {
        assert_eq!(
            names(catalog, text(none)).await,
            Vec::<String>::new(),
            "{none}"
        );
    }
}

pub(super) async fn a_caller_is_listed_what_is_public_and_what_lies_in_own_namespaces(
    catalog: &Catalog,
) {
    use Visibility::{Private, Public};
    let user = |username: &str| NewUser {
        username: username.parse().unwrap(),
        password: None,
        two_factor: None,
        tokens: vec![NewToken::unlimited(username)],
    };
    let acme = NewOrganization {
        name: "acme".parse().unwrap(),
        members: vec![("amy".parse().unwrap(), Role::Read)],
    };
    let additions = Additions {
        users: vec![user("amy"), user("bob")],
        organizations: vec![acme],
        ..Additions::default()
    };
    catalog.add(additions).await.unwrap();
    for (name, visibility) in [
        ("acme/one", Private),
        ("bob/two", Private),
        ("acme/three", Public),
        ("amy/four", Private),
        ("bob/five", Public),
        ("acme/six", Private),
    ] {
        create(catalog, name, visibility).await;
    }
    let seen = async |token: &str, text: &str| {
        let account = catalog.account_of_token(token).await.unwrap().unwrap();
        let query = ArtifactsQuery {
            readable_by: Some(Caller::Known(account)),
            text: text.to_owned(),
            ..ArtifactsQuery::default()
        };
        names(catalog, query).await
    };
    let amy = ["acme/six", "bob/five", "amy/four", "acme/three", "acme/one"];
    assert_eq!(seen("amy", "").await, amy);
    assert_eq!(seen("bob", "").await, ["bob/five", "acme/three", "bob/two"]);
    assert_eq!(seen("amy", "o").await, ["bob/five", "amy/four", "acme/one"]);
    assert_eq!(seen("root", "").await.len(), 6);
}

pub(super) async fn a_box_is_marked_in_the_list(catalog: &Catalog) {
    create(catalog, "acme/web", Visibility::Private).await;
    let name = "acme/box".parse().unwrap();
    catalog.create_box(&name, NewBox::default()).await.unwrap();
    let query = ArtifactsQuery {
        most: 9,
        ..ArtifactsQuery::default()
    };
    let found = catalog.artifacts(query).await.unwrap();
    let boxes: Vec<_> = found
        .iter()
        .map(|of| (of.name.to_string(), of.has_box))
        .collect();
    assert_eq!(
        boxes,
        [
            ("acme/box".to_owned(), true),
            ("acme/web".to_owned(), false)
        ]
    );
}

pub(super) async fn types_have_their_newest_visible_version(catalog: &Catalog) {
    let fixture = Fixture::new(catalog).await;
    let types = async || {
        let found = catalog.types(&fixture.name, ReadAccess::All).await.unwrap();
        let found = found.into_iter();
        found
            .map(|of| (of.artifact_type.as_str().to_owned(), of.newest))
            .collect::<Vec<_>>()
    };
    assert_eq!(types().await, []);
    fixture.push(NewVersion::default()).await;
    fixture.push_with_file().await;
    let other: Name = "another.type".parse().unwrap();
    let new = NewVersion::default();
    catalog
        .create_version(&fixture.name, &other, new, None)
        .await
        .unwrap();
    let both = [
        ("another.type".to_owned(), 1),
        ("custom.image".to_owned(), 1),
    ];
    assert_eq!(types().await, both);
    fixture.delete_version(1).await.unwrap();
    assert_eq!(types().await, both[..1]);
    let hidden = catalog.types(&fixture.name, ReadAccess::PublicOnly).await;
    assert_eq!(hidden.unwrap_err(), StorageError::NotFound);
}

pub(super) async fn files_are_listed_with_size_and_digest(catalog: &Catalog) {
    let fixture = Fixture::new(catalog).await;
    fixture.push(NewVersion::default()).await;
    for bytes in [&b"two"[..], b"three"] {
        let version = fixture.push_with_file().await;
        let (attempt, uploaded) = (
            catalog.begin_upload(version.upload, None).await,
            blob(bytes),
        );
        attempt.unwrap();
        catalog
            .finish_upload(version.upload, uploaded)
            .await
            .unwrap();
    }
    fixture.push_with_file().await;
    let files = async |numbers| {
        let (name, of) = (&fixture.name, &fixture.artifact_type);
        catalog
            .listed_files(name, of, ReadAccess::All, numbers)
            .await
            .unwrap()
    };
    let listed = |number, bytes: &[u8]| ListedFile {
        number,
        size: bytes.len() as u64,
        digest: blob(bytes).digest(),
    };
    assert_eq!(
        files(0..=u64::MAX).await,
        [listed(2, b"two"), listed(3, b"three")]
    );
    assert_eq!(files(3..=3).await, [listed(3, b"three")]);
    #[expect(clippy::reversed_empty_ranges)]
    let empty = files(3..=2).await;
    assert_eq!(empty, []);
}

//! Conformance tests of registries and access tokens.

use std::time::Duration;

use super::*;
use crate::domain::{RegistryChange, Role};

const HOUR: Duration = Duration::from_secs(3600);

fn name(text: &str) -> Name {
    text.parse().unwrap()
}

fn told(description: &str) -> RegistryChange {
    RegistryChange {
        description: Some(description.to_owned()),
        is_active: None,
    }
}

fn active(is_active: bool) -> RegistryChange {
    RegistryChange {
        description: None,
        is_active: Some(is_active),
    }
}

/// Adds the user amy, whose token is `amys`, and the organisation acme.
async fn add_owners(catalog: &Catalog) {
    let amy = NewUser {
        username: name("amy"),
        password: None,
        two_factor: None,
        tokens: vec![NewToken::unlimited("amys")],
    };
    let acme = NewOrganization {
        name: name("acme"),
        members: vec![(name("amy"), Role::Read)],
    };
    let additions = Additions {
        users: vec![amy],
        organizations: vec![acme],
        ..Additions::default()
    };
    catalog.add(additions).await.unwrap();
}

async fn names(catalog: &Catalog) -> Vec<String> {
    let root = catalog.account_of_token("root").await.unwrap().unwrap();
    let all = catalog.registries_of(&root).await.unwrap();
    all.iter().map(|found| found.name.to_string()).collect()
}

pub(super) async fn users_and_organisations_are_registries(catalog: &Catalog) {
    add_owners(catalog).await;
    assert_eq!(names(catalog).await, ["acme", "amy", "atlas"]);
    let created = catalog.create_registry(&name("new"), told("d")).await;
    let created = created.unwrap();
    assert_eq!(created.owner, RegistryOwner::Organization);
    assert_eq!(created.registry.description, "d");
    for taken in ["amy", "acme", "new", "atlas"] {
        let error = catalog.create_registry(&name(taken), told("x")).await;
        assert!(matches!(error, Err(StorageError::Account(_))), "{taken}");
    }
    assert_eq!(names(catalog).await, ["acme", "amy", "atlas", "new"]);
    let amy = catalog.account_of_token("amys").await.unwrap().unwrap();
    let own = catalog.registries_of(&amy).await.unwrap();
    let own: Vec<_> = own.iter().map(|found| found.name.as_str()).collect();
    assert_eq!(own, ["acme", "amy"]);
    assert!(catalog.registry(&name("nobody")).await.unwrap().is_none());
    assert!(catalog.is_active(&name("nobody")).await.unwrap());
}

pub(super) async fn a_registry_is_changed_exported_and_imported(catalog: &Catalog) {
    add_owners(catalog).await;
    catalog
        .change_registry(&name("amy"), told("mine"))
        .await
        .unwrap();
    let changed = catalog.change_registry(&name("amy"), active(false)).await;
    assert_eq!(changed.unwrap().registry.description, "mine");
    let unknown = catalog.change_registry(&name("eve"), active(true)).await;
    assert_eq!(unknown.unwrap_err(), AccountError::UnknownRegistry.into());
    let imported = catalog
        .import(catalog.export().await.unwrap(), Limits::default())
        .await;
    let imported = imported.unwrap();
    for of in [catalog, &imported] {
        assert!(!of.is_active(&name("amy")).await.unwrap());
        assert!(of.is_active(&name("acme")).await.unwrap());
        let found = of.registry(&name("amy")).await.unwrap().unwrap();
        assert_eq!(found.registry.description, "mine");
    }
}

pub(super) async fn a_deleted_registry_takes_its_boxes_along_and_no_other_artifacts(
    catalog: &Catalog,
) {
    add_owners(catalog).await;
    let delete = async |of: &str| catalog.delete_registry(&name(of), None).await.map(|_| ());
    assert_eq!(
        delete("amy").await,
        Err(AccountError::RegistryOfUser.into())
    );
    assert_eq!(
        delete("eve").await,
        Err(AccountError::UnknownRegistry.into())
    );
    let (of_acme, image) = ("acme/web", "acme/image");
    let of_acme: ArtifactName = of_acme.parse().unwrap();
    let image: ArtifactName = image.parse().unwrap();
    catalog
        .create_box(&of_acme, NewBox::default())
        .await
        .unwrap();
    let created = catalog.create_artifact(&image, Visibility::Public).await;
    created.unwrap();
    assert_eq!(
        delete("acme").await,
        Err(AccountError::OtherArtifacts.into())
    );
    let stays = catalog.find_box(&of_acme, ReadAccess::All).await;
    assert!(stays.is_ok(), "a deletion that fails deletes nothing");
    catalog.delete_artifact(&image, None).await.unwrap();
    assert_eq!(delete("acme").await, Ok(()));
    let gone = catalog.find_box(&of_acme, ReadAccess::All).await;
    assert_eq!(gone.unwrap_err(), StorageError::NotFound);
    assert_eq!(names(catalog).await, ["amy", "atlas"]);
}

pub(super) async fn an_access_token_is_for_the_right_client_until_its_token_is_revoked(
    catalog: &Catalog,
) {
    add_owners(catalog).await;
    let (token, value) = catalog
        .create_token(&name("amy"), "", TokenLimits::default())
        .await
        .unwrap();
    let id = token.id.to_string();
    let issue = async |client: &str, secret: &str| {
        let issued = catalog.issue_access_token(client, secret, HOUR).await;
        issued.map(|(account, access)| (account.username.to_string(), access))
    };
    for (client, secret) in [
        ("amy", "amys"),
        ("amy", &*value),
        (&id, &value),
        ("atlas", "root"),
    ] {
        let (username, access) = issue(client, secret).await.unwrap();
        let account = catalog.account_of_token(&access).await.unwrap();
        assert_eq!(account.unwrap().username.as_str(), username);
        // An access token is no secret of a client: it cannot be made to live longer.
        assert!(issue(client, &access).await.is_err());
    }
    for (client, secret) in [("bob", "amys"), ("amy", "root"), (&id, "amys"), ("", "")] {
        let refused = issue(client, secret).await;
        assert_eq!(refused, Err(AccountError::UnknownToken.into()), "{client}");
    }
    let (_, access) = issue(&id, &value).await.unwrap();
    catalog.revoke_token(token.id).await.unwrap();
    assert!(catalog.account_of_token(&access).await.unwrap().is_none());
}

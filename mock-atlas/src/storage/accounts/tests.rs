//! Who may see and write what.

use super::*;
use crate::domain::Clock;
use crate::domain::ROOT;

fn name(text: &str) -> Name {
    text.parse().unwrap()
}

/// Root, amy with a password, bob with a token, and three members of acme.
fn access() -> Accounts {
    let mut directory = Directory::new(name(ROOT), "root", Clock::default());
    directory.add_user(&name("amy"), Some("secret")).unwrap();
    directory.add_user(&name("bob"), None).unwrap();
    directory.add_token(&name("bob"), "bobs", "laptop").unwrap();
    directory.add_organization(&name("acme")).unwrap();
    for (member, role) in [
        ("reader", Role::Read),
        ("writer", Role::Write),
        ("admin", Role::Admin),
    ] {
        directory.add_user(&name(member), None).unwrap();
        directory.add_token(&name(member), member, "").unwrap();
        directory
            .add_member(&name("acme"), &name(member), role)
            .unwrap();
    }
    Accounts::new(directory)
}

#[test]
fn logging_in_takes_the_right_name_and_password() {
    let access = access();
    for (login, password) in [("amy", "wrong"), ("bob", ""), ("eve", "secret"), ("", "")] {
        let refused = access.log_in(login, password, "");
        assert_eq!(refused, Err(AccountError::UnknownUser), "{login}");
    }
    let token = access.log_in("amy", "secret", "mine").unwrap();
    assert_eq!(access.by_token(&token).unwrap().username, name("amy"));
    assert_eq!(access.tokens().last().unwrap().description, "mine");
    assert!(access.by_token("other").is_none());
}

#[test]
fn what_is_private_is_for_its_owner_its_readers_and_root() {
    let access = access();
    let amy = access.log_in("amy", "secret", "").unwrap();
    let may = |token: &str, artifact: &str| {
        let artifact: ArtifactName = artifact.parse().unwrap();
        let account = access.by_token(token).unwrap();
        let writes = access.may_write(&account, &artifact.username);
        let reads = access.may_read(&Caller::Known(account), &artifact, Visibility::Private);
        (reads, writes)
    };
    assert_eq!(may("root", "acme/web"), (true, true));
    assert_eq!(may("reader", "acme/web"), (true, false));
    assert_eq!(may("writer", "acme/web"), (true, true));
    assert_eq!(may("admin", "acme/web"), (true, true));
    assert_eq!(may("bobs", "acme/web"), (false, false));
    assert_eq!(may(&amy, "amy/web"), (true, true));
    assert_eq!(may("bobs", "amy/web"), (false, false));
    assert_eq!(may("admin", "reader/web"), (false, false));
    assert_eq!(may("root", "nobody/web"), (true, true));

    let artifact = "amy/web".parse().unwrap();
    assert!(!access.may_read(&Caller::Anonymous, &artifact, Visibility::Private));
    assert!(access.may_read(&Caller::Anonymous, &artifact, Visibility::Public));
}

#[test]
fn names_are_shared_by_users_and_organisations() {
    let mut directory = Directory::new(name(ROOT), "root", Clock::default());
    directory.add_user(&name("amy"), None).unwrap();
    assert_eq!(
        directory.add_organization(&name("amy")),
        Err(AccountError::NameTaken)
    );
    assert_eq!(
        directory.add_user(&name(ROOT), None),
        Err(AccountError::NameOfRoot)
    );
    directory.add_organization(&name("acme")).unwrap();
    assert_eq!(
        directory.add_user(&name("acme"), None),
        Err(AccountError::NameTaken)
    );
    let member = |directory: &mut Directory, who| {
        directory.add_member(&name("acme"), &name(who), Role::Read)
    };
    assert_eq!(
        member(&mut directory, "eve"),
        Err(AccountError::UnknownUser)
    );
    assert_eq!(member(&mut directory, "amy"), Ok(()));
    assert_eq!(
        member(&mut directory, "amy"),
        Err(AccountError::MemberTwice)
    );
}

#[test]
fn a_revoked_token_is_unknown_and_the_others_stay() {
    let access = access();
    let (first, value) = access.make_token(&name("bob"), "ci").unwrap();
    access.revoke(first.id).unwrap();
    assert!(access.by_token(&value).is_none());
    assert!(access.by_token("bobs").is_some());
    assert_eq!(access.revoke(first.id), Err(AccountError::UnknownToken));
    let root = access.tokens()[0].id;
    assert_eq!(access.revoke(root), Err(AccountError::FirstToken));
}

#[test]
fn a_token_stands_for_one_user() {
    let mut directory = Directory::new(name(ROOT), "root", Clock::default());
    directory.add_user(&name("amy"), None).unwrap();
    let refused = directory.add_token(&name("amy"), "root", "");
    assert_eq!(refused.unwrap_err(), AccountError::TokenTaken);
}

#[test]
fn a_change_that_fails_changes_nothing() {
    let access = access();
    let failed: Result<(), AccountError> = access.change(|directory| {
        directory.add_user(&name("new"), None)?;
        directory.add_token(&name("new"), "news", "")?;
        directory.add_user(&name("amy"), None)
    });
    assert_eq!(failed, Err(AccountError::NameTaken));
    assert!(access.by_token("news").is_none());
    access
        .change(|directory| directory.add_user(&name("new"), None))
        .unwrap();
}

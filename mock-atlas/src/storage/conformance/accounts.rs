//! Conformance tests of users, organisations and tokens.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use super::*;
use crate::domain::{ROOT, Role, Scope};

fn name(text: &str) -> Name {
    text.parse().unwrap()
}

fn user(username: &str, password: Option<&str>, token: Option<&str>) -> Additions {
    let new = |token: &str| NewToken::unlimited(token);
    Additions {
        users: vec![NewUser {
            username: name(username),
            password: password.map(Hashed::of),
            two_factor: None,
            tokens: token.map(new).into_iter().collect(),
        }],
        ..Additions::default()
    }
}

fn organization(username: &str, members: &[(&str, Role)]) -> Additions {
    Additions {
        organizations: vec![NewOrganization {
            name: name(username),
            members: members
                .iter()
                .map(|(member, role)| (name(member), *role))
                .collect(),
        }],
        ..Additions::default()
    }
}

fn by<'a>(name: &'a str, password: &'a str) -> Login<'a> {
    Login {
        name,
        password,
        code: None,
    }
}

/// Adds amy with a password, and bob with a token.
async fn add_users(catalog: &Catalog) {
    catalog
        .add(user("amy", Some("secret"), None))
        .await
        .unwrap();
    catalog.add(user("bob", None, Some("bobs"))).await.unwrap();
}

pub(super) async fn logging_in_takes_the_right_name_and_password(catalog: &Catalog) {
    add_users(catalog).await;
    for (login, password) in [("amy", "wrong"), ("bob", ""), ("eve", "secret"), ("", "")] {
        let refused = catalog
            .log_in(&by(login, password), "", TokenLimits::default())
            .await;
        let refused = refused.unwrap_err();
        assert_eq!(refused, AccountError::UnknownUser.into(), "{login}");
    }
    let made = catalog
        .log_in(&by("amy", "secret"), "mine", TokenLimits::default())
        .await;
    let (_, token) = made.unwrap();
    let account = catalog.account_of_token(&token).await.unwrap();
    assert_eq!(account.unwrap().username, name("amy"));
    let tokens = catalog.tokens().await.unwrap();
    assert_eq!(tokens.last().unwrap().description, "mine");
    assert!(catalog.account_of_token("other").await.unwrap().is_none());
}

pub(super) async fn names_are_shared_by_users_and_organisations(catalog: &Catalog) {
    let taken = |who| (0, name(who), AccountError::NameTaken);
    catalog.add(user("amy", None, None)).await.unwrap();
    let (at, who, error) = taken("amy");
    let refused = AdditionError::Organization(at, who, error);
    assert_eq!(catalog.add(organization("amy", &[])).await, Err(refused));
    let refused = AdditionError::User(0, name(ROOT), AccountError::NameOfRoot);
    assert_eq!(catalog.add(user(ROOT, None, None)).await, Err(refused));
    catalog.add(organization("acme", &[])).await.unwrap();
    let (at, who, error) = taken("acme");
    let refused = AdditionError::User(at, who, error);
    assert_eq!(catalog.add(user("acme", None, None)).await, Err(refused));

    let unknown = organization("other", &[("eve", Role::Read)]);
    let refused = AdditionError::Member(0, 0, name("eve"), AccountError::UnknownUser);
    assert_eq!(catalog.add(unknown).await, Err(refused));
    let once = organization("other", &[("amy", Role::Read)]);
    assert_eq!(catalog.add(once).await, Ok(()));
    let twice = organization("third", &[("amy", Role::Read), ("amy", Role::Read)]);
    let refused = AdditionError::Member(0, 1, name("amy"), AccountError::MemberTwice);
    assert_eq!(catalog.add(twice).await, Err(refused));
}

pub(super) async fn a_revoked_token_is_unknown_and_the_others_stay(catalog: &Catalog) {
    add_users(catalog).await;
    let created = catalog
        .create_token(&name("bob"), "ci", TokenLimits::default())
        .await;
    let (token, value) = created.unwrap();
    catalog.revoke_token(token.id).await.unwrap();
    assert!(catalog.account_of_token(&value).await.unwrap().is_none());
    assert!(catalog.account_of_token("bobs").await.unwrap().is_some());
    let again = catalog.revoke_token(token.id).await;
    assert_eq!(again, Err(AccountError::UnknownToken.into()));
    let root = catalog.tokens().await.unwrap()[0].id;
    let refused = catalog.revoke_token(root).await;
    assert_eq!(refused, Err(AccountError::FirstToken.into()));
}

pub(super) async fn a_token_in_use_ends_at_once(catalog: &Catalog) {
    add_users(catalog).await;
    let is_known = async |catalog: &Catalog, token: &str| {
        // Twice, since a catalog may remember what it has found.
        let first = catalog.account_of_token(token).await.unwrap();
        let second = catalog.account_of_token(token).await.unwrap();
        assert_eq!(first.is_some(), second.is_some());
        first.is_some()
    };
    let create = async || {
        let bob = name("bob");
        let created = catalog.create_token(&bob, "ci", TokenLimits::default());
        created.await.unwrap()
    };
    let (token, value) = create().await;
    assert!(is_known(catalog, &value).await && is_known(catalog, "bobs").await);
    catalog.revoke_token(token.id).await.unwrap();
    assert!(!is_known(catalog, &value).await && is_known(catalog, "bobs").await);
    catalog.log_out("bobs").await.unwrap();
    assert!(!is_known(catalog, "bobs").await);

    let (_, value) = create().await;
    assert!(is_known(catalog, &value).await);
    let initial = MemoryCatalog::new(name(ROOT), "other", Clock::default());
    let reset = catalog.reset(&initial).await.unwrap();
    assert!(!is_known(&reset, &value).await);
}

/// Adds the user amy with a token of this value and these limits.
async fn add_limited(catalog: &Catalog, value: &str, limits: TokenLimits) {
    let mut amy = user("amy", None, Some(value));
    amy.users[0].tokens[0].limits = limits;
    catalog.add(amy).await.unwrap();
}

pub(super) async fn an_expired_token_is_unknown(catalog: &Catalog) {
    let hour = Duration::from_secs(3600);
    let until = |expires: SystemTime| TokenLimits {
        expires: Some(expires),
        ..TokenLimits::default()
    };
    add_limited(catalog, "old", until(SystemTime::now() - hour)).await;
    assert!(catalog.account_of_token("old").await.unwrap().is_none());
    let issued = catalog.issue_access_token("amy", "old", hour).await;
    assert_eq!(issued.unwrap_err(), AccountError::UnknownToken.into());

    let amy = name("amy");
    let late = until(SystemTime::now() - hour);
    let refused = catalog.create_token(&amy, "", late).await;
    assert_eq!(refused.unwrap_err(), AccountError::EndIsPast.into());
    let later = until(SystemTime::now() + hour);
    let (_, value) = catalog.create_token(&amy, "", later).await.unwrap();
    assert!(catalog.account_of_token(&value).await.unwrap().is_some());
}

pub(super) async fn a_token_has_its_limits_and_its_last_use_also_in_a_copy(catalog: &Catalog) {
    let scope: Scope = "write:acme/web".parse().unwrap();
    let expires = UNIX_EPOCH + Duration::from_secs(4_000_000_000);
    let limits = TokenLimits {
        scope: scope.clone(),
        expires: Some(expires),
    };
    add_limited(catalog, "amys", limits).await;
    let listed = async |catalog: &Catalog| catalog.tokens().await.unwrap().pop().unwrap();
    assert_eq!(listed(catalog).await.last_use.get(), None);

    let account = catalog.account_of_token("amys").await.unwrap().unwrap();
    let noted = async {
        // It is noted in the background.
        loop {
            let token = listed(catalog).await;
            if token.last_use.get().is_some() {
                return token;
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    let noted = tokio::time::timeout(Duration::from_secs(30), noted).await;
    let token = noted.expect("the use is noted");
    assert_eq!(account.scope(), &scope);
    assert_eq!(account.token(), Some(token.id));
    let used = token.last_use.get().unwrap();
    assert!(used.elapsed().unwrap() < Duration::from_secs(60));

    let (_, access) = catalog
        .issue_access_token("amy", "amys", Duration::from_secs(60))
        .await
        .unwrap();
    let by_access = catalog.account_of_token(&access).await.unwrap().unwrap();
    assert_eq!(by_access.scope(), &scope);

    let copy = catalog.import(catalog.export().await.unwrap(), Limits::default());
    let copied = listed(&copy.await.unwrap()).await;
    assert_eq!(copied.account.scope(), &scope);
    assert_eq!((copied.id, copied.expires), (token.id, Some(expires)));
    assert_eq!(copied.last_use.get(), Some(used));
}

pub(super) async fn a_token_stands_for_one_user(catalog: &Catalog) {
    let refused = AdditionError::Token(0, 0, AccountError::TokenTaken);
    let added = catalog.add(user("amy", None, Some("root"))).await;
    assert_eq!(added, Err(refused));
}

pub(super) async fn a_change_that_fails_changes_nothing(catalog: &Catalog) {
    add_users(catalog).await;
    let mut additions = user("new", None, Some("news"));
    additions.users.extend(user("amy", None, None).users);
    let refused = AdditionError::User(1, name("amy"), AccountError::NameTaken);
    assert_eq!(catalog.add(additions).await, Err(refused));
    assert!(catalog.account_of_token("news").await.unwrap().is_none());
    catalog.add(user("new", None, None)).await.unwrap();
}

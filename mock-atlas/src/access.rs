//! Who a caller is, and what they may see and write.

use std::sync::Arc;

use dashmap::DashMap;
use sha2::{Digest, Sha256};

use crate::names::{ArtifactName, Name};
use crate::store::Visibility;

/// A token as the emulator keeps it: hashed, so that no dump, log or comparison shows it.
type TokenHash = [u8; 32];

/// Somebody who can be known by a token.
#[derive(Debug)]
pub(crate) struct Account {
    pub(crate) username: Name,
    password: Option<[u8; 32]>,
    reach: Reach,
}

/// What an account may see and write.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Reach {
    Everything,
    OwnNamespace,
}

/// Who made a request.
#[derive(Clone, Debug)]
pub(crate) enum Caller {
    Anonymous,
    Known(Arc<Account>),
}

impl Account {
    /// The account behind the one token that may do everything.
    pub(crate) fn root(username: Name) -> Self {
        Self {
            username,
            password: None,
            reach: Reach::Everything,
        }
    }

    /// A user who may do everything below their own name, and nothing elsewhere.
    pub(crate) fn user(username: Name, password: Option<&str>) -> Self {
        Self {
            username,
            password: password.map(hash),
            reach: Reach::OwnNamespace,
        }
    }

    /// Whether the account may write below a username.
    pub(crate) fn may_write(&self, namespace: &Name) -> bool {
        match self.reach {
            Reach::Everything => true,
            Reach::OwnNamespace => self.username == *namespace,
        }
    }
}

impl Caller {
    /// Whether an artifact of this visibility may be read.
    pub(crate) fn may_read(&self, artifact: &ArtifactName, visibility: Visibility) -> bool {
        visibility == Visibility::Public
            || match self {
                Self::Anonymous => false,
                Self::Known(account) => account.may_write(&artifact.username),
            }
    }
}

/// The accounts and the tokens by which they are known.
#[derive(Debug, Default)]
pub(crate) struct Access {
    accounts: Vec<Arc<Account>>,
    tokens: DashMap<TokenHash, Arc<Account>>,
}

impl Access {
    /// Adds an account, known by these tokens.
    pub(crate) fn add<'a>(&mut self, account: Account, tokens: impl IntoIterator<Item = &'a str>) {
        let account = Arc::new(account);
        for token in tokens {
            self.tokens.insert(hash(token), Arc::clone(&account));
        }
        self.accounts.push(account);
    }

    /// The account that a token stands for.
    pub(crate) fn by_token(&self, token: &str) -> Option<Arc<Account>> {
        self.tokens
            .get(&hash(token))
            .map(|account| Arc::clone(&account))
    }

    /// A new token for the account with this name and password.
    pub(crate) fn log_in(&self, login: &str, password: &str) -> Option<String> {
        let offered = hash(password);
        let account = self.accounts.iter().find(|account| {
            account.username.as_str() == login && account.password == Some(offered)
        })?;
        let token = random_token()?;
        self.tokens.insert(hash(&token), Arc::clone(account));
        Some(token)
    }
}

/// A new token of the form that Atlas gave out: 14 characters, `.atlasv1.`, 67 characters.
/// `None` when the system has no randomness to give.
pub(crate) fn random_token() -> Option<String> {
    const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    let mut bytes = [0; 14 + 67];
    getrandom::fill(&mut bytes).ok()?;
    let text: String = bytes
        .iter()
        .map(|byte| char::from(ALPHABET[usize::from(byte % 64)]))
        .collect();
    let (id, secret) = text.split_at(14);
    Some(format!("{id}.atlasv1.{secret}"))
}

/// Comparing hashes instead of texts also leaks nothing by how long it takes.
fn hash(secret: &str) -> [u8; 32] {
    Sha256::digest(secret).into()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn name(text: &str) -> Name {
        text.parse().unwrap()
    }

    #[test]
    fn random_tokens_have_the_form_of_atlas_and_differ() {
        let (a, b) = (random_token().unwrap(), random_token().unwrap());
        assert_ne!(a, b);
        let (id, secret) = a.split_once(".atlasv1.").unwrap();
        assert_eq!((id.len(), secret.len()), (14, 67));
    }

    #[test]
    fn logging_in_takes_the_right_name_and_password() {
        let mut access = Access::default();
        access.add(Account::user(name("amy"), Some("secret")), []);
        access.add(Account::user(name("bob"), None), ["token"]);
        for (login, password) in [("amy", "wrong"), ("bob", ""), ("eve", "secret"), ("", "")] {
            assert_eq!(access.log_in(login, password), None, "{login}");
        }
        let token = access.log_in("amy", "secret").unwrap();
        assert_eq!(access.by_token(&token).unwrap().username.as_str(), "amy");
        assert!(access.by_token("other").is_none());
    }

    #[test]
    fn what_is_private_is_for_its_owner_and_for_root() {
        let artifact: ArtifactName = "amy/web".parse().unwrap();
        let caller = |account| Caller::Known(Arc::new(account));
        let private = Visibility::Private;
        assert!(caller(Account::user(name("amy"), None)).may_read(&artifact, private));
        assert!(caller(Account::root(name("atlas"))).may_read(&artifact, private));
        assert!(!caller(Account::user(name("bob"), None)).may_read(&artifact, private));
        assert!(!Caller::Anonymous.may_read(&artifact, private));
        assert!(Caller::Anonymous.may_read(&artifact, Visibility::Public));
        assert!(!Account::user(name("bob"), None).may_write(&artifact.username));
    }
}

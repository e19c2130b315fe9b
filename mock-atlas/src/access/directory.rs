//! The users, the organisations with their members, and the tokens.

use std::sync::Arc;

use foldhash::{HashMap, HashMapExt};
use uuid::Uuid;

use super::token::Hashed;
use super::{Account, ROOT, Reach, Role, Token};
use crate::clock::Clock;
use crate::names::Name;

/// Everybody who may be known here. A clone is independent of what it was made from.
#[derive(Clone, Debug)]
pub(crate) struct Directory {
    pub(super) accounts: HashMap<Name, Arc<Account>>,
    pub(super) organizations: HashMap<Name, HashMap<Name, Role>>,
    pub(super) tokens: HashMap<Hashed, Token>,
    /// The root token, without which nobody could make another.
    first: Uuid,
    /// How many tokens there ever were.
    pub(super) made: u64,
    clock: Clock,
}

/// Why accounts and tokens could not be changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Refusal {
    /// A user or an organisation has this name already.
    #[error("there is a user or an organization of this name already")]
    NameTaken,
    /// The name is that of the account behind the root token.
    #[error("this is the name of the root token's own account: choose another")]
    NameOfRoot,
    /// There is no user of this name.
    #[error("there is no user of this name")]
    UnknownUser,
    /// The member is one already.
    #[error("the user is a member already: name each member once")]
    MemberTwice,
    /// The token stands for an account already.
    #[error("this token is given twice: each token stands for one user")]
    TokenTaken,
    /// There is no token of this id.
    #[error("there is no token of this id")]
    UnknownToken,
    /// The root token is to stay.
    #[error("the root token that the emulator was started with cannot be revoked")]
    FirstToken,
    /// The system gave no randomness for a token.
    #[error("the system gave no randomness for a token")]
    Randomness,
}

impl Directory {
    /// One account, that of the root token, which may do everything.
    pub(crate) fn new(root: Name, token: &str, clock: Clock) -> Self {
        let account = Arc::new(Account {
            username: root.clone(),
            password: None,
            reach: Reach::Everything,
        });
        let first = Token {
            id: Uuid::new_v4(),
            account: Arc::clone(&account),
            description: "root".to_owned(),
            created: clock.now(),
            order: 0,
        };
        Self {
            accounts: HashMap::from_iter([(root, account)]),
            organizations: HashMap::new(),
            first: first.id,
            tokens: HashMap::from_iter([(Hashed::of(token), first)]),
            made: 1,
            clock,
        }
    }

    /// The root account and its first token, and nobody else.
    pub(super) fn only_first(&self) -> Self {
        let mut only = self.clone();
        only.accounts.retain(|_, account| account.is_root());
        only.organizations.clear();
        only.tokens.retain(|_, token| token.id == self.first);
        only
    }

    /// Adds a user, who may do everything below their own name.
    ///
    /// # Errors
    /// [`Refusal::NameOfRoot`] and [`Refusal::NameTaken`].
    pub(crate) fn add_user(
        &mut self,
        username: &Name,
        password: Option<&str>,
    ) -> Result<(), Refusal> {
        self.check_free(username)?;
        let account = Account {
            username: username.clone(),
            password: password.map(Hashed::of),
            reach: Reach::OwnNamespace,
        };
        self.accounts.insert(username.clone(), Arc::new(account));
        Ok(())
    }

    /// Adds an organisation without members.
    ///
    /// # Errors
    /// [`Refusal::NameOfRoot`] and [`Refusal::NameTaken`].
    pub(crate) fn add_organization(&mut self, name: &Name) -> Result<(), Refusal> {
        self.check_free(name)?;
        self.organizations.insert(name.clone(), HashMap::new());
        Ok(())
    }

    /// Makes a user a member of an organisation.
    ///
    /// # Errors
    /// [`Refusal::UnknownUser`] and [`Refusal::MemberTwice`].
    pub(crate) fn add_member(
        &mut self,
        organization: &Name,
        username: &Name,
        role: Role,
    ) -> Result<(), Refusal> {
        if !self.accounts.contains_key(username) {
            return Err(Refusal::UnknownUser);
        }
        let members = self.organizations.entry(organization.clone()).or_default();
        match members.insert(username.clone(), role) {
            None => Ok(()),
            Some(_) => Err(Refusal::MemberTwice),
        }
    }

    /// Makes a user known by a token.
    ///
    /// # Errors
    /// [`Refusal::UnknownUser`] and [`Refusal::TokenTaken`].
    pub(crate) fn add_token(
        &mut self,
        username: &Name,
        value: &str,
        description: &str,
    ) -> Result<Token, Refusal> {
        let account = self.accounts.get(username).ok_or(Refusal::UnknownUser)?;
        let hashed = Hashed::of(value);
        if self.tokens.contains_key(&hashed) {
            return Err(Refusal::TokenTaken);
        }
        let token = Token {
            id: Uuid::new_v4(),
            account: Arc::clone(account),
            description: description.to_owned(),
            created: self.clock.now(),
            order: self.made,
        };
        self.made += 1;
        self.tokens.insert(hashed, token.clone());
        Ok(token)
    }

    pub(super) fn revoke(&mut self, id: Uuid) -> Result<(), Refusal> {
        if id == self.first {
            return Err(Refusal::FirstToken);
        }
        let before = self.tokens.len();
        self.tokens.retain(|_, token| token.id != id);
        if self.tokens.len() == before {
            return Err(Refusal::UnknownToken);
        }
        Ok(())
    }

    pub(super) fn tokens(&self) -> Vec<Token> {
        let mut tokens: Vec<Token> = self.tokens.values().cloned().collect();
        tokens.sort_by_key(Token::age);
        tokens
    }

    pub(super) fn by_token(&self, token: &str) -> Option<Arc<Account>> {
        let token = self.tokens.get(&Hashed::of(token))?;
        Some(Arc::clone(&token.account))
    }

    pub(super) fn by_password(&self, login: &str, password: &str) -> Option<Arc<Account>> {
        let offered = Hashed::of(password);
        let account = self.accounts.get(login)?;
        (account.password == Some(offered)).then(|| Arc::clone(account))
    }

    /// What an account may do below a name: everything below its own, what its role says in an
    /// organisation, and nothing elsewhere.
    pub(super) fn role(&self, account: &Account, namespace: &Name) -> Option<Role> {
        if account.is_root() || account.username == *namespace {
            return Some(Role::Admin);
        }
        let members = self.organizations.get(namespace)?;
        members.get(&account.username).copied()
    }

    /// Users and organisations share one namespace, that of artifacts.
    pub(super) fn check_free(&self, name: &Name) -> Result<(), Refusal> {
        if name.as_str() == ROOT {
            return Err(Refusal::NameOfRoot);
        }
        if self.accounts.contains_key(name) || self.organizations.contains_key(name) {
            return Err(Refusal::NameTaken);
        }
        Ok(())
    }
}

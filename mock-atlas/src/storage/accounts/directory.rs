//! The users, the organisations with their members, and the tokens.

use std::sync::Arc;

use foldhash::{HashMap, HashMapExt};
use uuid::Uuid;

use super::token::Hashed;
use crate::domain::{Account, Clock, Name, ROOT, Role};
use crate::storage::Token;

/// Everybody who may be known here. A clone is independent of what it was made from.
#[derive(Clone, Debug)]
pub(crate) struct Directory {
    pub(super) users: HashMap<Name, User>,
    pub(super) organizations: HashMap<Name, HashMap<Name, Role>>,
    pub(super) tokens: HashMap<Hashed, Token>,
    /// The root token, without which nobody could make another.
    first: Uuid,
    /// How many tokens there ever were.
    pub(super) made: u64,
    clock: Clock,
}

/// A `User` is an account and what its owner logs in with.
#[derive(Clone, Debug)]
pub(super) struct User {
    pub(super) account: Arc<Account>,
    pub(super) password: Option<Hashed>,
}

/// Why accounts and tokens could not be changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum AccountError {
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
        let account = Arc::new(Account::root(root.clone()));
        let first = Token {
            id: Uuid::new_v4(),
            account: Arc::clone(&account),
            description: "root".to_owned(),
            created: clock.now(),
            order: 0,
        };
        Self {
            users: HashMap::from_iter([(
                root,
                User {
                    account,
                    password: None,
                },
            )]),
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
        only.users.retain(|_, user| user.account.is_root());
        only.organizations.clear();
        only.tokens.retain(|_, token| token.id == self.first);
        only
    }

    /// Adds a user, who may do everything below their own name.
    ///
    /// # Errors
    /// [`AccountError::NameOfRoot`] and [`AccountError::NameTaken`].
    pub(crate) fn add_user(
        &mut self,
        username: &Name,
        password: Option<&str>,
    ) -> Result<(), AccountError> {
        self.insert_user(username, password.map(Hashed::of))?;
        Ok(())
    }

    /// Adds a user by the hash of their password, and returns the account.
    pub(super) fn insert_user(
        &mut self,
        username: &Name,
        password: Option<Hashed>,
    ) -> Result<Arc<Account>, AccountError> {
        self.check_free(username)?;
        let account = Arc::new(Account::user(username.clone()));
        let user = User {
            account: Arc::clone(&account),
            password,
        };
        self.users.insert(username.clone(), user);
        Ok(account)
    }

    /// Adds an organisation without members.
    ///
    /// # Errors
    /// [`AccountError::NameOfRoot`] and [`AccountError::NameTaken`].
    pub(crate) fn add_organization(&mut self, name: &Name) -> Result<(), AccountError> {
        self.check_free(name)?;
        self.organizations.insert(name.clone(), HashMap::new());
        Ok(())
    }

    /// Makes a user a member of an organisation.
    ///
    /// # Errors
    /// [`AccountError::UnknownUser`] and [`AccountError::MemberTwice`].
    pub(crate) fn add_member(
        &mut self,
        organization: &Name,
        username: &Name,
        role: Role,
    ) -> Result<(), AccountError> {
        if !self.users.contains_key(username) {
            return Err(AccountError::UnknownUser);
        }
        let members = self.organizations.entry(organization.clone()).or_default();
        match members.insert(username.clone(), role) {
            None => Ok(()),
            Some(_) => Err(AccountError::MemberTwice),
        }
    }

    /// Makes a user known by a token.
    ///
    /// # Errors
    /// [`AccountError::UnknownUser`] and [`AccountError::TokenTaken`].
    pub(crate) fn add_token(
        &mut self,
        username: &Name,
        value: &str,
        description: &str,
    ) -> Result<Token, AccountError> {
        let user = self.users.get(username).ok_or(AccountError::UnknownUser)?;
        let hashed = Hashed::of(value);
        if self.tokens.contains_key(&hashed) {
            return Err(AccountError::TokenTaken);
        }
        let token = Token {
            id: Uuid::new_v4(),
            account: Arc::clone(&user.account),
            description: description.to_owned(),
            created: self.clock.now(),
            order: self.made,
        };
        self.made += 1;
        self.tokens.insert(hashed, token.clone());
        Ok(token)
    }

    pub(super) fn revoke(&mut self, id: Uuid) -> Result<(), AccountError> {
        if id == self.first {
            return Err(AccountError::FirstToken);
        }
        let before = self.tokens.len();
        self.tokens.retain(|_, token| token.id != id);
        if self.tokens.len() == before {
            return Err(AccountError::UnknownToken);
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
        let user = self.users.get(login)?;
        (user.password == Some(offered)).then(|| Arc::clone(&user.account))
    }

    /// Returns the role of an account below a name.
    // Contract: silent.roles
    pub(super) fn role(&self, account: &Account, namespace: &Name) -> Option<Role> {
        account.own_role(namespace).or_else(|| {
            let members = self.organizations.get(namespace)?;
            members.get(&account.username).copied()
        })
    }

    /// Users and organisations share one namespace, that of artifacts.
    pub(super) fn check_free(&self, name: &Name) -> Result<(), AccountError> {
        if name.as_str() == ROOT {
            return Err(AccountError::NameOfRoot);
        }
        if self.users.contains_key(name) || self.organizations.contains_key(name) {
            return Err(AccountError::NameTaken);
        }
        Ok(())
    }
}

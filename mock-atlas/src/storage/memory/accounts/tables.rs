//! The tables of users, organisations with their members, and tokens.

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use foldhash::{HashMap, HashMapExt};
use uuid::Uuid;

use crate::domain::{Account, Clock, Name, Registry, Role};
use crate::storage::access_record::TokenRecord;
use crate::storage::access_token::AccessToken;
use crate::storage::signature;
use crate::storage::token::Hashed;
use crate::storage::{AccountError, AdditionError, Additions, Login, Token, TokenLimits};

/// All accounts and tokens. A clone is independent of its original.
#[derive(Clone, Debug)]
pub(crate) struct AccountTables {
    pub(super) namespaces: HashMap<Name, Namespace>,
    /// The namespaces as registries of boxes, one for each.
    pub(super) registries: HashMap<Name, Registry>,
    pub(super) tokens: HashMap<Hashed, Token>,
    /// The id of the root token, which cannot be revoked: without it nobody could create another
    /// token.
    root_token: Uuid,
    /// The number of tokens that were ever created.
    pub(super) next_order: u64,
    pub(super) clock: Clock,
}

/// An owner of artifacts: a user or an organisation. Both share one set of names.
#[derive(Clone, Debug)]
pub(super) enum Namespace {
    User(User),
    /// The members, with their roles.
    Organization(HashMap<Name, Role>),
}

/// An account and its owner's password.
#[derive(Clone, Debug)]
pub(super) struct User {
    pub(super) account: Arc<Account>,
    pub(super) password: Option<Hashed>,
    /// The code of the second factor, if a login needs one.
    pub(super) two_factor: Option<Hashed>,
}

impl AccountTables {
    /// Creates tables with only the root account and the root token, which may do everything.
    pub(crate) fn new(root: Name, token: &str, clock: Clock) -> Self {
        let (account, hash) = (Account::root(root.clone()), Hashed::of(token));
        let limits = TokenLimits::default();
        let root_token = TokenRecord::new(hash, "root", clock.now(), limits);
        let root_token = root_token.token(account.clone(), 0);
        let user = User {
            account: Arc::new(account),
            password: None,
            two_factor: None,
        };
        Self {
            registries: HashMap::from_iter([(root.clone(), Registry::new(clock.now()))]),
            namespaces: HashMap::from_iter([(root, Namespace::User(user))]),
            root_token: root_token.id,
            tokens: HashMap::from_iter([(hash, root_token)]),
            next_order: 1,
            clock,
        }
    }

    /// Returns tables with only the root account and the root token of these.
    pub(super) fn only_root(&self) -> Self {
        let mut only = self.clone();
        let is_root = |namespace: &Namespace| matches!(namespace, Namespace::User(user) if user.account.is_root());
        only.namespaces.retain(|_, namespace| is_root(namespace));
        let namespaces = &only.namespaces;
        only.registries
            .retain(|name, _| namespaces.contains_key(name));
        only.tokens.retain(|_, token| token.id == self.root_token);
        only
    }

    /// Adds users and organisations. A failure may leave some of them added.
    ///
    /// # Errors
    /// The error of the first addition that fails.
    pub(in crate::storage::memory) fn add(
        &mut self,
        additions: &Additions,
    ) -> Result<(), AdditionError> {
        for (at, user) in additions.users.iter().enumerate() {
            self.add_user(&user.username, user.password, user.two_factor)
                .map_err(|error| AdditionError::User(at, user.username.clone(), error))?;
            for (of, token) in user.tokens.iter().enumerate() {
                let limits = token.limits.clone();
                self.add_token(&user.username, token.hash, &token.description, limits)
                    .map_err(|error| AdditionError::Token(at, of, error))?;
            }
        }
        for (at, organization) in additions.organizations.iter().enumerate() {
            self.add_organization(&organization.name).map_err(|error| {
                AdditionError::Organization(at, organization.name.clone(), error)
            })?;
            for (of, (member, role)) in organization.members.iter().enumerate() {
                self.add_member(&organization.name, member, *role)
                    .map_err(|error| AdditionError::Member(at, of, member.clone(), error))?;
            }
        }
        Ok(())
    }

    /// Adds a user, who may do everything in the namespace of their own name.
    ///
    /// # Errors
    /// [`AccountError::NameOfRoot`], [`AccountError::NameReserved`] and [`AccountError::NameTaken`].
    pub(super) fn add_user(
        &mut self,
        username: &Name,
        password: Option<Hashed>,
        two_factor: Option<Hashed>,
    ) -> Result<Arc<Account>, AccountError> {
        self.check_free(username)?;
        let account = Arc::new(Account::user(username.clone()));
        let user = User {
            account: Arc::clone(&account),
            password,
            two_factor,
        };
        self.add_namespace(username, Namespace::User(user));
        Ok(account)
    }

    /// Adds an organisation without members.
    ///
    /// # Errors
    /// [`AccountError::NameOfRoot`], [`AccountError::NameReserved`] and [`AccountError::NameTaken`].
    pub(super) fn add_organization(&mut self, name: &Name) -> Result<(), AccountError> {
        self.check_free(name)?;
        self.add_namespace(name, Namespace::Organization(HashMap::new()));
        Ok(())
    }

    /// Makes a user a member of an existing organisation.
    ///
    /// # Errors
    /// [`AccountError::UnknownUser`] and [`AccountError::MemberTwice`].
    pub(super) fn add_member(
        &mut self,
        organization: &Name,
        username: &Name,
        role: Role,
    ) -> Result<(), AccountError> {
        self.user(username.as_str())
            .ok_or(AccountError::UnknownUser)?;
        if let Some(Namespace::Organization(members)) = self.namespaces.get_mut(organization)
            && members.insert(username.clone(), role).is_some()
        {
            return Err(AccountError::MemberTwice);
        }
        Ok(())
    }

    /// Adds a token for a user.
    ///
    /// # Errors
    /// [`AccountError::UnknownUser`] and [`AccountError::TokenTaken`].
    pub(super) fn add_token(
        &mut self,
        username: &Name,
        hash: Hashed,
        description: &str,
        limits: TokenLimits,
    ) -> Result<Token, AccountError> {
        let user = self
            .user(username.as_str())
            .ok_or(AccountError::UnknownUser)?;
        let account = Arc::clone(&user.account);
        let record = TokenRecord::new(hash, description, self.clock.now(), limits);
        self.insert_token(&account, record)
    }

    /// Adds a token of an account after all others.
    ///
    /// # Errors
    /// [`AccountError::TokenTaken`].
    pub(super) fn insert_token(
        &mut self,
        account: &Account,
        record: TokenRecord,
    ) -> Result<Token, AccountError> {
        if self.tokens.contains_key(&record.hash) {
            return Err(AccountError::TokenTaken);
        }
        let hash = record.hash;
        let token = record.token(account.clone(), self.next_order);
        self.next_order += 1;
        self.tokens.insert(hash, token.clone());
        Ok(token)
    }

    pub(super) fn revoke(&mut self, id: Uuid) -> Result<(), AccountError> {
        if id == self.root_token {
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
        let now = self.clock.now();
        let token = match self.tokens.get(&Hashed::of(token)) {
            Some(token) => token,
            None => self.of_access_token(&AccessToken::read(token)?, now)?,
        };
        if token.is_expired(now) {
            return None;
        }
        token.last_use.note(now);
        Some(Arc::clone(&token.account))
    }

    /// Returns the token that an access token was issued for.
    fn of_access_token(&self, access: &AccessToken, now: SystemTime) -> Option<&Token> {
        let is_meant = |(_, token): &(&Hashed, &Token)| token.id == access.token;
        let (hash, token) = self.tokens.iter().find(is_meant)?;
        access.is_valid(*hash, now).then_some(token)
    }

    /// Issues an access token for a token. `client` is the id of the token, or the name of its user.
    ///
    /// # Errors
    /// [`AccountError::UnknownToken`].
    pub(super) fn issue_access_token(
        &self,
        client: &str,
        token: &str,
        lifetime: Duration,
    ) -> Result<(Arc<Account>, String), AccountError> {
        let (hash, now) = (Hashed::of(token), self.clock.now());
        let token = self
            .tokens
            .get(&hash)
            .filter(|token| !token.is_expired(now));
        let token = token.ok_or(AccountError::UnknownToken)?;
        let is_theirs = client == token.account.username.as_str()
            || Uuid::try_parse(client).is_ok_and(|id| id == token.id);
        if !is_theirs {
            return Err(AccountError::UnknownToken);
        }
        let expires = now + lifetime;
        let value = AccessToken::issue(token.id, hash, expires);
        Ok((Arc::clone(&token.account), value))
    }

    /// Returns the signature of a path, which is the root account's.
    pub(super) fn sign(&self, path: &str, lifetime: Duration) -> Option<String> {
        let (key, _) = self.root_token()?;
        Some(signature::sign(*key, path, self.clock.now() + lifetime))
    }

    /// Returns the root account if the signature is that of a path.
    pub(super) fn by_signature(&self, path: &str, signature: &str) -> Option<Arc<Account>> {
        let (key, token) = self.root_token()?;
        let is_valid = signature::is_valid(*key, path, signature, self.clock.now());
        is_valid.then(|| Arc::clone(&token.account))
    }

    /// Returns a proof that a text was made here.
    pub(super) fn prove(&self, text: &str) -> blake3::Hash {
        signature::prove_text(self.root_token().map(|(key, _)| *key), text)
    }

    fn root_token(&self) -> Option<(&Hashed, &Token)> {
        let mut tokens = self.tokens.iter();
        tokens.find(|(_, token)| token.id == self.root_token)
    }

    /// Returns the id of a token.
    pub(super) fn token_id(&self, token: &str) -> Option<Uuid> {
        Some(self.tokens.get(&Hashed::of(token))?.id)
    }

    /// Returns the account with this name and password.
    ///
    /// # Errors
    /// [`AccountError::UnknownUser`].
    pub(super) fn by_password(&self, login: &str, password: &str) -> Result<&User, AccountError> {
        let offered = Hashed::of(password);
        let user = self.user(login);
        user.filter(|user| user.password == Some(offered))
            .ok_or(AccountError::UnknownUser)
    }

    /// Returns the account with this name, password and, if the user has one, second factor.
    ///
    /// # Errors
    /// [`AccountError::UnknownUser`] and [`AccountError::CodeNeeded`].
    // Contract: boxes.two-factor, boxes.two-factor-wrong
    pub(super) fn by_login(&self, login: &Login<'_>) -> Result<Arc<Account>, AccountError> {
        let user = self.by_password(login.name, login.password)?;
        match (user.two_factor, login.code) {
            (Some(_), None) => Err(AccountError::CodeNeeded),
            (Some(code), Some(offered)) if code != Hashed::of(offered) => {
                Err(AccountError::UnknownUser)
            }
            _ => Ok(Arc::clone(&user.account)),
        }
    }

    /// Returns the role of an account in a namespace.
    // Contract: silent.roles
    pub(super) fn role(&self, account: &Account, namespace: &Name) -> Option<Role> {
        account
            .own_role(namespace)
            .or_else(|| match self.namespaces.get(namespace)? {
                Namespace::Organization(members) => members.get(&account.username).copied(),
                Namespace::User(_) => None,
            })
    }

    fn add_namespace(&mut self, name: &Name, namespace: Namespace) {
        let registry = Registry::new(self.clock.now());
        self.registries.insert(name.clone(), registry);
        self.namespaces.insert(name.clone(), namespace);
    }

    fn user(&self, username: &str) -> Option<&User> {
        match self.namespaces.get(username)? {
            Namespace::User(user) => Some(user),
            Namespace::Organization(_) => None,
        }
    }

    fn check_free(&self, name: &Name) -> Result<(), AccountError> {
        AccountError::check_name(name)?;
        if self.namespaces.contains_key(name) {
            return Err(AccountError::NameTaken);
        }
        Ok(())
    }
}

//! The methods of the catalog that concern the audit, accounts, tokens and registries.

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use uuid::Uuid;

use crate::domain::{Account, AuditEntry, AuditQuery, Name, NumberedEntry, RegistryChange, Role};
use crate::storage::access_record::TokenRecord;
use crate::storage::durable::accounts::{self, HashedLogin};
use crate::storage::durable::webhooks::Telling;
use crate::storage::durable::{DurableCatalog, audit, registries, tokens};
use crate::storage::token::Hashed;
use crate::storage::{
    AccountError, BackendError, FoundRegistry, Login, StorageError, Token, TokenLimits,
    random_token, signature,
};

/// The greatest number of tokens whose last use is kept in memory.
const MOST_LAST_USES: usize = 10_000;

/// Methods that concern the audit. [`Catalog`](crate::storage::Catalog) documents them.
impl DurableCatalog {
    pub(crate) fn record(&self, entry: AuditEntry) {
        self.audit.record(&self.database, entry);
    }

    pub(crate) async fn audit(
        &self,
        query: AuditQuery,
    ) -> Result<Vec<NumberedEntry>, StorageError> {
        // What this process has recorded is found.
        self.audit.flush().await;
        let find = self
            .database
            .look_up(move |tx| Box::pin(audit::find(tx, query)));
        Ok(find.await?)
    }
}

/// Methods that concern accounts and tokens. [`Catalog`](crate::storage::Catalog) documents them.
impl DurableCatalog {
    pub(crate) async fn account_of_token(
        &self,
        token: &str,
    ) -> Result<Option<Arc<Account>>, StorageError> {
        let now = self.clock.now();
        let found = match self.known_tokens.find(token, &self.database) {
            Ok(known) => Some(known),
            Err(unknown) => {
                let found = self.find_token(token.to_owned(), now).await?;
                if let (Some(token), Some(unknown)) = (&found, unknown) {
                    self.known_tokens.remember(unknown, token.clone());
                }
                found
            }
        };
        let Some(token) = found.filter(|token| !token.is_expired(now)) else {
            return Ok(None);
        };
        self.note_use(&token, now);
        Ok(Some(token.account))
    }

    async fn find_token(
        &self,
        token: String,
        now: SystemTime,
    ) -> Result<Option<Token>, BackendError> {
        let find = self
            .database
            .look_up(move |tx| Box::pin(async move { tokens::of_token(tx, &token, now).await }));
        find.await
    }

    /// Notes the last use of a token, once a minute. No request waits for that, nor fails because of it.
    fn note_use(&self, token: &Token, now: SystemTime) {
        let noted = self.last_uses.entry(token.id);
        if !noted.or_insert_with(|| token.last_use.clone()).note(now) {
            return;
        }
        // Tokens come and go; whatever is forgotten here is only noted once more.
        if self.last_uses.len() > MOST_LAST_USES {
            self.last_uses.clear();
        }
        let (database, id) = (self.database.clone(), token.id);
        tokio::spawn(async move {
            let note = database.write_once(move |tx| Box::pin(tokens::note_use(tx, id, now)));
            if let Err(error) = note.await {
                tracing::debug!(%error, "the last use of a token was not noted");
            }
        });
    }

    pub(crate) async fn log_in(
        &self,
        login: &Login<'_>,
        description: &str,
        limits: TokenLimits,
    ) -> Result<(Token, String), StorageError> {
        let login = HashedLogin {
            name: login.name.to_owned(),
            password: Hashed::of(login.password),
            code: login.code.map(Hashed::of),
        };
        let (new, value) = self.new_token(description, limits)?;
        let log_in = self
            .database
            .write(move |tx| Box::pin(async move { accounts::log_in(tx, &login, new).await }));
        Ok((log_in.await?, value))
    }

    pub(crate) async fn log_out(&self, token: &str) -> Result<(), StorageError> {
        let token = Hashed::of(token);
        self.database
            .write(move |tx| Box::pin(tokens::log_out(tx, token)))
            .await
    }

    pub(crate) async fn has_second_factor(
        &self,
        login: &str,
        password: &str,
    ) -> Result<bool, StorageError> {
        let (login, password) = (login.to_owned(), Hashed::of(password));
        let find = self.database.look_up(move |tx| {
            Box::pin(async move { accounts::by_password(tx, &login, password).await })
        });
        let (_, two_factor) = find.await?;
        Ok(two_factor.is_some())
    }

    pub(crate) async fn create_token(
        &self,
        username: &Name,
        description: &str,
        limits: TokenLimits,
    ) -> Result<(Token, String), StorageError> {
        let username = username.clone();
        let (new, value) = self.new_token(description, limits)?;
        let create = self.database.write(move |tx| {
            Box::pin(async move { tokens::create_token(tx, &username, new).await })
        });
        Ok((create.await?, value))
    }

    fn new_token(
        &self,
        description: &str,
        limits: TokenLimits,
    ) -> Result<(TokenRecord, String), AccountError> {
        let created = self.clock.now();
        limits.check(created)?;
        let value = random_token().ok_or(AccountError::Randomness)?;
        let new = TokenRecord::new(Hashed::of(&value), description, created, limits);
        Ok((new, value))
    }

    pub(crate) async fn tokens(&self) -> Result<Vec<Token>, StorageError> {
        let read = self.database.look_up(|tx| {
            Box::pin(async move { Ok::<_, StorageError>(tokens::tokens(tx).await?) })
        });
        read.await
    }

    pub(crate) async fn revoke_token(&self, id: Uuid) -> Result<(), StorageError> {
        self.database
            .write(move |tx| Box::pin(tokens::revoke(tx, id)))
            .await
    }

    pub(crate) async fn role(
        &self,
        account: &Account,
        namespace: &Name,
    ) -> Result<Option<Role>, StorageError> {
        if let Some(role) = account.own_role(namespace) {
            return Ok(Some(role));
        }
        let (username, namespace) = (account.username.clone(), namespace.clone());
        let find = self.database.look_up(move |tx| {
            Box::pin(async move {
                Ok::<_, StorageError>(accounts::membership(tx, &username, &namespace).await?)
            })
        });
        find.await
    }
}

/// Methods that concern registries and access tokens. [`Catalog`](crate::storage::Catalog) documents them.
impl DurableCatalog {
    pub(crate) async fn issue_access_token(
        &self,
        client: &str,
        token: &str,
        lifetime: Duration,
    ) -> Result<(Arc<Account>, String), StorageError> {
        let (client, token) = (client.to_owned(), token.to_owned());
        let now = self.clock.now();
        let issue = self.database.look_up(move |tx| {
            Box::pin(
                async move { tokens::issue_access_token(tx, &client, &token, now, lifetime).await },
            )
        });
        issue.await
    }

    pub(crate) async fn sign(
        &self,
        path: &str,
        lifetime: Duration,
    ) -> Result<Option<String>, StorageError> {
        let expires = self.clock.now() + lifetime;
        let root = self.root().await?;
        Ok(root.map(|(key, _)| signature::sign(key, path, expires)))
    }

    pub(crate) async fn account_of_signature(
        &self,
        path: &str,
        signature: &str,
    ) -> Result<Option<Arc<Account>>, StorageError> {
        let now = self.clock.now();
        let root = self.root().await?;
        let root = root.filter(|(key, _)| signature::is_valid(*key, path, signature, now));
        Ok(root.map(|(_, account)| account))
    }

    pub(crate) async fn prove(&self, text: &str) -> Result<blake3::Hash, StorageError> {
        let root = self.root().await?;
        Ok(signature::prove_text(root.map(|(key, _)| key), text))
    }

    async fn root(&self) -> Result<Option<(Hashed, Arc<Account>)>, BackendError> {
        self.database.look_up(|tx| Box::pin(tokens::root(tx))).await
    }

    pub(crate) async fn registries_of(
        &self,
        account: &Account,
    ) -> Result<Vec<FoundRegistry>, StorageError> {
        let user = (!account.is_everywhere()).then(|| account.username.clone());
        let read = self.database.look_up(move |tx| {
            Box::pin(async move {
                Ok::<_, StorageError>(match user {
                    None => registries::all(tx).await?,
                    Some(user) => registries::of_user(tx, &user).await?,
                })
            })
        });
        read.await
    }

    pub(crate) async fn registry(
        &self,
        name: &Name,
    ) -> Result<Option<FoundRegistry>, StorageError> {
        let name = name.clone();
        let find = self.database.look_up(move |tx| {
            Box::pin(async move { Ok::<_, StorageError>(registries::get(tx, &name).await?) })
        });
        find.await
    }

    pub(crate) async fn is_active(&self, namespace: &Name) -> Result<bool, StorageError> {
        let found = self.registry(namespace).await?;
        Ok(found.is_none_or(|found| found.registry.is_active))
    }

    pub(crate) async fn create_registry(
        &self,
        name: &Name,
        change: RegistryChange,
    ) -> Result<FoundRegistry, StorageError> {
        let (name, now) = (name.clone(), self.clock.now());
        let create = self.database.write(move |tx| {
            Box::pin(async move { registries::create(tx, &name, change, now).await })
        });
        create.await
    }

    pub(crate) async fn change_registry(
        &self,
        name: &Name,
        change: RegistryChange,
    ) -> Result<FoundRegistry, StorageError> {
        let (name, now) = (name.clone(), self.clock.now());
        let change = self.database.write(move |tx| {
            Box::pin(async move { registries::change(tx, &name, change, now).await })
        });
        change.await
    }

    pub(crate) async fn delete_registry(
        &self,
        name: &Name,
        by: Option<&Name>,
    ) -> Result<FoundRegistry, StorageError> {
        let (name, telling) = (name.clone(), Telling::new(by, self.clock.now()));
        let told = Arc::clone(&telling);
        let delete = self.database.write(move |tx| {
            Box::pin(async move { registries::delete(tx, &name, &telling).await })
        });
        let deleted = delete.await?;
        self.wake_if_told(&told);
        Ok(deleted)
    }
}

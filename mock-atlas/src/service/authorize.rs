//! Authorisation: which artifacts a caller may read and write.

use super::{Dataset, ServiceError};
use crate::domain::{Account, Caller, Name, ReadAccess, Role};
use crate::storage::StorageError;

/// Returns the read access of a caller in a namespace. An artifact that the caller may not read
/// looks like one that does not exist (contract: Base URL and authentication).
// Contract: auth.no-token-reads, auth.public-search, auth.public-download
pub(super) async fn read_access(
    dataset: &Dataset,
    caller: &Caller,
    namespace: &Name,
) -> Result<ReadAccess, ServiceError> {
    Ok(match caller {
        Caller::Anonymous => ReadAccess::PublicOnly,
        Caller::Known(account) => ReadAccess::of(dataset.catalog().role(account, namespace).await?),
    })
}

/// Checks whether an account may create artifacts and versions in a namespace. Without that right
/// the namespace's artifacts look as if they did not exist, even where the account may read them:
/// the contract has no 403.
///
/// # Errors
/// [`StorageError::NotFound`].
// Contract: artifacts.not-writable, silent.readers-who-write
pub(super) async fn check_write(
    dataset: &Dataset,
    account: &Account,
    namespace: &Name,
) -> Result<(), ServiceError> {
    match dataset.catalog().role(account, namespace).await? {
        Some(Role::Write | Role::Admin) => Ok(()),
        Some(Role::Read) | None => Err(StorageError::NotFound.into()),
    }
}

/// Checks whether an account may administer a namespace. Without that right it looks as if it did not
/// exist.
///
/// # Errors
/// [`StorageError::NotFound`].
pub(super) async fn check_admin(
    dataset: &Dataset,
    account: &Account,
    namespace: &Name,
) -> Result<(), ServiceError> {
    match dataset.catalog().role(account, namespace).await? {
        Some(Role::Admin) => Ok(()),
        Some(Role::Read | Role::Write) | None => Err(StorageError::NotFound.into()),
    }
}

/// Checks whether the boxes of a namespace can be seen and changed: those of a registry that was
/// deactivated look as if they did not exist.
///
/// # Errors
/// [`StorageError::NotFound`].
pub(super) async fn check_active(dataset: &Dataset, namespace: &Name) -> Result<(), ServiceError> {
    match dataset.catalog().is_active(namespace).await? {
        true => Ok(()),
        false => Err(StorageError::NotFound.into()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::{ArtifactName, Clock, Visibility};
    use crate::storage::{
        Additions, Catalog, Hashed, MemoryCatalog, NewOrganization, NewToken, NewUser,
    };

    fn name(text: &str) -> Name {
        text.parse().unwrap()
    }

    /// Creates a dataset with root, amy, bob, and three members of acme; each has a token of the
    /// same name.
    async fn dataset() -> Dataset {
        let catalog = MemoryCatalog::new(name("atlas"), "root", Clock::default());
        let user = |username| NewUser {
            username: name(username),
            password: None,
            two_factor: None,
            tokens: vec![NewToken {
                hash: Hashed::of(username),
                description: String::new(),
            }],
        };
        let roles = [
            ("reader", Role::Read),
            ("writer", Role::Write),
            ("admin", Role::Admin),
        ];
        let additions = Additions {
            users: ["amy", "bob", "reader", "writer", "admin"].map(user).into(),
            organizations: vec![NewOrganization {
                name: name("acme"),
                members: roles.map(|(member, role)| (name(member), role)).into(),
            }],
            ..Additions::default()
        };
        let dataset = Dataset::new(Catalog::Memory(catalog));
        dataset.catalog().add(additions).await.unwrap();
        dataset
    }

    #[tokio::test]
    async fn what_is_private_is_for_its_owner_its_readers_and_root() {
        let dataset = dataset().await;
        let may = async |token: &str, artifact: &str| {
            let artifact: ArtifactName = artifact.parse().unwrap();
            let account = dataset.catalog().account_of_token(token).await;
            let account = account.unwrap().unwrap();
            let writes = check_write(&dataset, &account, &artifact.username).await;
            let caller = Caller::Known(account);
            let access = read_access(&dataset, &caller, &artifact.username).await;
            let reads = access.unwrap().allows(Visibility::Private);
            (reads, writes.is_ok())
        };
        assert_eq!(may("root", "acme/web").await, (true, true));
        assert_eq!(may("reader", "acme/web").await, (true, false));
        assert_eq!(may("writer", "acme/web").await, (true, true));
        assert_eq!(may("admin", "acme/web").await, (true, true));
        assert_eq!(may("bob", "acme/web").await, (false, false));
        assert_eq!(may("amy", "amy/web").await, (true, true));
        assert_eq!(may("bob", "amy/web").await, (false, false));
        assert_eq!(may("admin", "reader/web").await, (false, false));
        assert_eq!(may("root", "nobody/web").await, (true, true));

        let anonymous = read_access(&dataset, &Caller::Anonymous, &name("amy")).await;
        let anonymous = anonymous.unwrap();
        assert!(!anonymous.allows(Visibility::Private));
        assert!(anonymous.allows(Visibility::Public));
    }
}

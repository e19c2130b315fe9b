//! Authorisation: which artifacts a caller may read and write.

use super::{Dataset, ServiceError};
use crate::domain::{Account, Caller, Name, ReadAccess, Role, Target};
use crate::storage::StorageError;

/// Returns the role of a caller in a namespace, without regard to the scope of the token.
pub(super) async fn held_role(
    dataset: &Dataset,
    caller: &Caller,
    namespace: &Name,
) -> Result<Option<Role>, ServiceError> {
    Ok(match caller {
        Caller::Anonymous => None,
        Caller::Known(account) => dataset.catalog().role(account, namespace).await?,
    })
}

/// Returns the read access to a target of a caller who has this role in its namespace.
pub(super) fn access_with<'a>(
    caller: &Caller,
    held: Option<Role>,
    target: impl Into<Target<'a>>,
) -> ReadAccess {
    ReadAccess::of(match caller {
        Caller::Anonymous => held,
        Caller::Known(account) => account.limit(held, target.into()),
    })
}

/// Returns the role of an account in a target, as far as its token allows it.
pub(super) async fn role<'a>(
    dataset: &Dataset,
    account: &Account,
    target: impl Into<Target<'a>>,
) -> Result<Option<Role>, ServiceError> {
    let target = target.into();
    let held = dataset.catalog().role(account, target.namespace()).await?;
    Ok(account.limit(held, target))
}

/// Returns the read access of a caller to a target. An artifact that the caller may not read looks like one
/// that does not exist (contract: Base URL and authentication).
// Contract: auth.no-token-reads, auth.public-search, auth.public-download
pub(super) async fn read_access<'a>(
    dataset: &Dataset,
    caller: &Caller,
    target: impl Into<Target<'a>>,
) -> Result<ReadAccess, ServiceError> {
    let target = target.into();
    let held = held_role(dataset, caller, target.namespace()).await?;
    Ok(access_with(caller, held, target))
}

/// Checks whether an account may write to a target: an artifact, or a box. Without that right the artifact
/// looks as if it did not exist, even where the account may read it: the contract has no 403.
///
/// # Errors
/// [`StorageError::NotFound`].
// Contract: artifacts.not-writable, silent.readers-who-write
pub(super) async fn check_write<'a>(
    dataset: &Dataset,
    account: &Account,
    target: impl Into<Target<'a>>,
) -> Result<(), ServiceError> {
    match role(dataset, account, target).await? {
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
    match role(dataset, account, namespace).await? {
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
    use crate::storage::{Additions, Catalog, MemoryCatalog, NewOrganization, NewToken, NewUser};

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
            tokens: vec![NewToken::unlimited(username)],
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
            let writes = check_write(&dataset, &account, &artifact).await;
            let caller = Caller::Known(account);
            let access = read_access(&dataset, &caller, &artifact).await;
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

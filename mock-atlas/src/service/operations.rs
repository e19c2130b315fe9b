//! Operations of HCP: what creating or deleting a box has started. Here each of them has ended when it is answered.
//!
//! No operation is stored: its id proves that it was given here, so that all servers of one database know it.

use uuid::Uuid;

use super::{Dataset, ServiceError};
use crate::domain::Name;

/// The number of bytes at the beginning of an id that are random. The others prove them.
const RANDOM: usize = 6;

/// An operation that has ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Operation {
    pub(crate) id: Uuid,
    /// The registry that the operation changed. It is the organisation and the project of the operation's
    /// location.
    pub(crate) registry: Name,
}

impl Operation {
    /// Makes an operation on a registry.
    ///
    /// # Errors
    /// When the storage fails.
    pub(crate) async fn new(dataset: &Dataset, registry: &Name) -> Result<Self, ServiceError> {
        Ok(Self {
            id: proved(dataset, registry, Uuid::new_v4()).await?,
            registry: registry.clone(),
        })
    }

    /// Returns the operation on a registry with this id; `None` if it was not given here.
    ///
    /// # Errors
    /// When the storage fails.
    pub(crate) async fn find(
        dataset: &Dataset,
        registry: Name,
        id: Uuid,
    ) -> Result<Option<Self>, ServiceError> {
        let is_known = proved(dataset, &registry, id).await? == id;
        Ok(is_known.then_some(Self { id, registry }))
    }
}

/// Returns the id that begins like another one, and is proved for a registry.
async fn proved(dataset: &Dataset, registry: &Name, id: Uuid) -> Result<Uuid, ServiceError> {
    let random = &id.as_bytes()[..RANDOM];
    let text = format!("{registry}/{random:?}");
    let proof = dataset.catalog().prove(&text).await?;
    let mut bytes = [0; 16];
    bytes.copy_from_slice(&proof.as_bytes()[..16]);
    bytes[..RANDOM].copy_from_slice(random);
    Ok(uuid::Builder::from_custom_bytes(bytes).into_uuid())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::Clock;
    use crate::storage::{Catalog, MemoryCatalog};

    fn dataset(token: &str) -> Dataset {
        let root = "atlas".parse().unwrap();
        let memory = MemoryCatalog::new(root, token, Clock::default());
        Dataset::new(Catalog::Memory(memory))
    }

    #[tokio::test]
    async fn an_operation_is_known_wherever_the_root_token_is_the_same_and_for_its_registry() {
        let (here, there, other) = (dataset("root"), dataset("root"), dataset("other"));
        let acme: Name = "acme".parse().unwrap();
        let operation = Operation::new(&here, &acme).await.unwrap();
        let find = async |dataset: &Dataset, registry: &str, id| {
            let found = Operation::find(dataset, registry.parse().unwrap(), id);
            found.await.unwrap()
        };
        for dataset in [&here, &there] {
            let found = find(dataset, "acme", operation.id).await;
            assert_eq!(found, Some(operation.clone()));
        }
        assert_eq!(find(&other, "acme", operation.id).await, None);
        assert_eq!(find(&here, "amy", operation.id).await, None);
        assert_eq!(find(&here, "acme", Uuid::nil()).await, None);
        let next = Operation::new(&here, &acme).await.unwrap();
        assert_ne!(next.id, operation.id);
    }
}

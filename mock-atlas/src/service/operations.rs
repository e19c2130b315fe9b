//! Operations of HCP: what creating or deleting a box has started. Here each of them has ended when it is answered.

use std::collections::VecDeque;
use std::sync::{Mutex, MutexGuard, PoisonError};

use uuid::Uuid;

use super::{Dataset, DatasetId};
use crate::domain::Name;

/// The number of operations that are remembered. A client asks for one as soon as it knows of it.
const REMEMBERED: usize = 10_000;

/// The operations of an emulator, the oldest first. A reset makes those of before unknown.
#[derive(Debug, Default)]
pub(crate) struct Operations(Mutex<VecDeque<Known>>);

#[derive(Debug)]
struct Known {
    dataset: DatasetId,
    operation: Operation,
}

/// An operation that has ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Operation {
    pub(crate) id: Uuid,
    /// The registry that the operation changed. It is the organisation and the project of the operation's
    /// location.
    pub(crate) registry: Name,
}

impl Operations {
    /// Remembers a new operation and returns it.
    pub(crate) fn add(&self, dataset: &Dataset, registry: &Name) -> Operation {
        let operation = Operation {
            id: Uuid::new_v4(),
            registry: registry.clone(),
        };
        let mut known = self.known();
        if known.len() == REMEMBERED {
            known.pop_front();
        }
        known.push_back(Known {
            dataset: dataset.id(),
            operation: operation.clone(),
        });
        operation
    }

    /// Returns an operation; `None` if it is unknown.
    pub(crate) fn find(&self, dataset: &Dataset, id: Uuid) -> Option<Operation> {
        let known = self.known();
        let is_it = |known: &&Known| known.operation.id == id && known.dataset == dataset.id();
        let found = known.iter().rev().find(is_it)?;
        Some(found.operation.clone())
    }

    fn known(&self) -> MutexGuard<'_, VecDeque<Known>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::Clock;
    use crate::storage::{Catalog, MemoryCatalog};

    fn dataset() -> Dataset {
        let root = "atlas".parse().unwrap();
        Dataset::new(Catalog::Memory(MemoryCatalog::new(
            root,
            "root",
            Clock::default(),
        )))
    }

    #[test]
    fn an_operation_is_known_in_its_dataset_until_many_others_came() {
        let (operations, here, other) = (Operations::default(), dataset(), dataset());
        let registry = "acme".parse().unwrap();
        let first = operations.add(&here, &registry);
        assert_eq!(operations.find(&here, first.id), Some(first.clone()));
        assert_eq!(operations.find(&other, first.id), None);
        assert_eq!(operations.find(&here, Uuid::nil()), None);
        for _ in 0..REMEMBERED {
            operations.add(&other, &registry);
        }
        assert_eq!(operations.find(&here, first.id), None);
    }
}

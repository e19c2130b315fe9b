//! Datasets: all that an Atlas knows at a time, and which of them is the present one.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock};

use super::ServiceError;
use crate::domain::Totals;
use crate::storage::{Catalog, MemoryBudget};

/// A cheap handle. What was read from one dataset is written to the same: a request that began
/// before a reset ends in the dataset that the reset put away, and leaves no trace in the new one.
#[derive(Clone, Debug)]
pub(crate) struct Dataset(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    id: DatasetId,
    catalog: Catalog,
}

/// Tells one dataset from all others of this process, those with the same content included.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct DatasetId(u64);

impl DatasetId {
    /// Returns an id that no other dataset has.
    pub(crate) fn unique() -> Self {
        static NEXT: AtomicU64 = AtomicU64::new(0);
        Self(NEXT.fetch_add(1, Ordering::Relaxed))
    }
}

impl Dataset {
    pub(crate) fn new(catalog: Catalog) -> Self {
        let id = DatasetId::unique();
        Self(Arc::new(Inner { id, catalog }))
    }

    pub(crate) fn id(&self) -> DatasetId {
        self.0.id
    }

    pub(crate) fn catalog(&self) -> &Catalog {
        &self.0.catalog
    }

    /// Counts how much it holds.
    ///
    /// # Errors
    /// When the storage fails.
    pub(crate) async fn totals(&self) -> Result<Totals, ServiceError> {
        Ok(self.catalog().totals().await?)
    }
}

/// The present dataset, and the one that a reset goes back to.
#[derive(Debug)]
pub(crate) struct Datasets {
    /// Nobody changes it.
    initial: Dataset,
    current: RwLock<Dataset>,
    /// Held while the dataset is replaced, or something is changed that goes with one. It is taken before all
    /// other locks.
    exclusive: Mutex<()>,
    /// What all files hold, those of the initial dataset included.
    budget: MemoryBudget,
}

impl Datasets {
    /// Starts with a dataset that has the same content as the initial one, and whose files are charged to the
    /// budget.
    pub(crate) fn new(initial: Dataset, current: Dataset, budget: MemoryBudget) -> Self {
        Self {
            initial,
            current: RwLock::new(current),
            exclusive: Mutex::default(),
            budget,
        }
    }

    /// Returns the present dataset. A handler that reads and then writes takes it as an argument instead, so
    /// that both happen in the same one.
    pub(crate) fn current(&self) -> Dataset {
        let current = self.current.read().unwrap_or_else(PoisonError::into_inner);
        current.clone()
    }

    /// Goes back to the initial dataset, and resets what goes with it. What is under way in the present one
    /// ends there and leaves no trace.
    ///
    /// # Errors
    /// When the storage fails.
    pub(crate) async fn reset(&self, also: impl FnOnce()) -> Result<(), ServiceError> {
        let dataset = Dataset::new(self.initial.catalog().copy().await?);
        dataset.catalog().charge(&self.budget).await?;
        let _guard = self.exclusive();
        self.set_current(dataset);
        also();
        Ok(())
    }

    /// Goes on with another dataset, as a reset does with the initial one.
    ///
    /// # Errors
    /// When the storage fails.
    pub(crate) async fn replace(&self, dataset: Dataset) -> Result<(), ServiceError> {
        dataset.catalog().charge(&self.budget).await?;
        let _guard = self.exclusive();
        self.set_current(dataset);
        Ok(())
    }

    /// Charges the files that were added to a dataset, even beyond the limit of the budget.
    ///
    /// # Errors
    /// When the storage fails.
    pub(crate) async fn charge(&self, dataset: &Dataset) -> Result<(), ServiceError> {
        Ok(dataset.catalog().charge(&self.budget).await?)
    }

    /// Changes what is part of no dataset for a request that began in this one: only while it is the
    /// present one, so that nothing of the request is left when it has been put away.
    pub(crate) fn if_current(&self, dataset: &Dataset, change: impl FnOnce()) {
        let _guard = self.exclusive();
        if self.current().id() == dataset.id() {
            change();
        }
    }

    fn set_current(&self, dataset: Dataset) {
        *self.current.write().unwrap_or_else(PoisonError::into_inner) = dataset;
    }

    fn exclusive(&self) -> MutexGuard<'_, ()> {
        self.exclusive
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;

    use super::*;
    use crate::domain::Clock;
    use crate::storage::MemoryCatalog;

    #[tokio::test]
    async fn nothing_is_left_of_what_began_before_a_reset() {
        let root = "atlas".parse().unwrap();
        let memory = MemoryCatalog::new(root, "token", Clock::default());
        let dataset = || Dataset::new(Catalog::Memory(memory.copy()));
        let datasets = Datasets::new(dataset(), dataset(), MemoryBudget::new(0));
        // What goes with a dataset, as faults do.
        let faults = Cell::new(0);
        let add = || faults.set(faults.get() + 1);
        let before = datasets.current();
        datasets.if_current(&before, add);
        assert_eq!(faults.get(), 1);
        datasets.reset(|| faults.set(0)).await.unwrap();
        datasets.if_current(&before, add);
        assert_eq!(faults.get(), 0);
        datasets.if_current(&datasets.current(), add);
        assert_eq!(faults.get(), 1);
    }
}

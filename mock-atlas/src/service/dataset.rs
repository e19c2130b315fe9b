//! Datasets: the complete state of an emulator, the current one and the initial one.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock};

use super::ServiceError;
use crate::domain::{AuditEntry, Totals};
use crate::storage::{Catalog, MemoryBudget, MemoryCatalog};

/// A cheap handle of a dataset. A request reads and writes the same dataset: if a reset replaces
/// the dataset meanwhile, the request ends in the old one and leaves no trace in the new one.
#[derive(Clone, Debug)]
pub(crate) struct Dataset(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    id: DatasetId,
    catalog: Catalog,
}

/// The identifier of a dataset, unique in this process.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct DatasetId(u64);

impl DatasetId {
    /// Returns an identifier that no other dataset has.
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

    /// Checks whether the dataset can be used.
    ///
    /// # Errors
    /// When the storage cannot be reached.
    pub(crate) async fn check_ready(&self) -> Result<(), ServiceError> {
        Ok(self.catalog().check_ready().await?)
    }

    /// Returns whether the disk takes more; `None` for a dataset in memory.
    pub(crate) async fn has_space(&self) -> Option<bool> {
        self.free_space().await?;
        Some(self.catalog().check_space(0).await.is_ok())
    }

    /// Records an entry of the audit.
    pub(crate) fn record(&self, entry: AuditEntry) {
        self.catalog().record(entry);
    }

    /// Counts the dataset's content.
    ///
    /// # Errors
    /// When the storage fails.
    pub(crate) async fn totals(&self) -> Result<Totals, ServiceError> {
        Ok(self.catalog().totals().await?)
    }

    /// Returns the free space in bytes of the disk that the dataset is kept on; `None` for a dataset in
    /// memory.
    pub(crate) async fn free_space(&self) -> Option<u64> {
        self.catalog().free_space().await
    }
}

/// The current dataset, and the initial one that a reset restores.
#[derive(Debug)]
pub(crate) struct Datasets {
    /// The initial contents, which are never changed.
    initial: MemoryCatalog,
    current: RwLock<Dataset>,
    /// A lock that is held while the dataset is replaced, and while state outside of the datasets,
    /// such as faults, is changed along with it. It is taken before all other locks.
    exclusive: Mutex<()>,
    /// The memory budget of all files, those of the initial dataset included.
    budget: MemoryBudget,
    /// Whether clients may replace or seed a dataset that is kept.
    may_replace: bool,
}

impl Datasets {
    /// Creates the pair; its files are charged to the budget. A dataset in memory can always be
    /// replaced, and one that is kept only if `may_replace`.
    pub(crate) fn new(
        initial: MemoryCatalog,
        current: Dataset,
        budget: MemoryBudget,
        may_replace: bool,
    ) -> Self {
        Self {
            initial,
            current: RwLock::new(current),
            exclusive: Mutex::default(),
            budget,
            may_replace,
        }
    }

    /// Checks whether clients may replace or seed the current dataset.
    ///
    /// # Errors
    /// [`ServiceError::ResetNotAllowed`].
    pub(crate) fn check_replaceable(&self) -> Result<(), ServiceError> {
        match self.current().catalog() {
            Catalog::Durable(_) if !self.may_replace => Err(ServiceError::ResetNotAllowed),
            Catalog::Durable(_) | Catalog::Memory(_) => Ok(()),
        }
    }

    /// Returns the current dataset. A handler that reads and then writes gets its dataset as an
    /// argument instead, so that both happen in the same dataset.
    pub(crate) fn current(&self) -> Dataset {
        let current = self.current.read().unwrap_or_else(PoisonError::into_inner);
        current.clone()
    }

    /// Replaces the current dataset with a copy of the initial one, and calls `also` under the lock
    /// to reset other state. Requests under way end in the old dataset and leave no trace.
    ///
    /// # Errors
    /// [`ServiceError::ResetNotAllowed`], and when the storage fails.
    pub(crate) async fn reset(&self, also: impl FnOnce()) -> Result<(), ServiceError> {
        self.check_replaceable()?;
        let catalog = self.current().catalog().reset(&self.initial).await;
        let dataset = Dataset::new(catalog.map_err(ServiceError::Reset)?);
        dataset.catalog().charge(&self.budget).await?;
        let _guard = self.exclusive();
        self.set_current(dataset);
        also();
        Ok(())
    }

    /// Replaces the current dataset with another one.
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

    /// Calls `change`, which changes state outside of the datasets for a request, only while the
    /// request's dataset is the current one, so that a reset leaves no trace of the request.
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

    #[tokio::test]
    async fn nothing_is_left_of_what_began_before_a_reset() {
        let root = "atlas".parse().unwrap();
        let memory = MemoryCatalog::new(root, "token", Clock::default());
        let current = Dataset::new(Catalog::Memory(memory.copy()));
        let datasets = Datasets::new(memory, current, MemoryBudget::new(0), false);
        // State that is reset with a dataset, such as faults.
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

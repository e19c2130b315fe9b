//! The state that all handlers share: the present dataset, faults, observations and settings.

use std::fmt;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError, RwLock};
use std::time::Duration;

use tokio::sync::{Semaphore, SemaphorePermit};

use super::error::ApiError;
use super::json::Replies;
use crate::domain::{Clock, Limits};
use crate::faults::Faults;
use crate::net::BODY_TIMEOUT;
use crate::observe::{DEFAULT_CAPACITY, Observer};
use crate::service::Dataset;
use crate::storage::MemoryBudget;

/// One emulated Atlas.
#[derive(Clone)]
pub(crate) struct AppState(Arc<Inner>);

struct Inner {
    /// What a reset goes back to. Nobody changes it.
    initial: Dataset,
    current: RwLock<Dataset>,
    /// Held while the dataset is replaced, or something is changed that goes with one. It is taken before all
    /// other locks.
    exclusive: Mutex<()>,
    faults: Faults,
    options: Options,
    observer: Observer,
    replies: Replies,
    listeners: OnceLock<ListenerInfo>,
    /// What uploads hold while they are under way.
    uploads: Semaphore,
    /// What all files hold, those of the first dataset included.
    memory: MemoryBudget,
}

/// How clients reach an emulator, as far as requests do not say so themselves.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct ListenerInfo {
    /// Whether over TLS.
    pub(crate) tls: bool,
    /// Where uploads are taken, if not where all else is.
    pub(crate) binstore: Option<SocketAddr>,
}

/// What can be set from outside.
#[derive(Clone, Debug, Default)]
pub(crate) struct Options {
    /// What `upload_path` starts with, without a slash at its end.
    pub(crate) public_url: Option<String>,
    /// How large a version may be.
    pub(crate) limits: Limits,
    /// The most that all files may hold, in bytes.
    pub(crate) max_memory: Option<u64>,
    /// The folder for the files that are more than that.
    pub(crate) spill: Option<PathBuf>,
    /// How many uploads there may be at a time.
    pub(crate) max_uploads: Option<usize>,
    /// How long to wait for the next part of a body, or until something of a reply is read.
    pub(crate) body_timeout: Option<Duration>,
    /// How many requests the journal keeps.
    pub(crate) journal: Option<usize>,
    /// What time it is.
    pub(crate) clock: Clock,
}

/// Without what it holds, which may be large, and secret.
impl fmt::Debug for AppState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AppState").finish_non_exhaustive()
    }
}

impl AppState {
    pub(crate) fn new(initial: Dataset, faults: Faults, options: Options) -> Self {
        let uploads = options.max_uploads.unwrap_or(Semaphore::MAX_PERMITS);
        let memory = MemoryBudget::new(options.max_memory.unwrap_or(u64::MAX));
        initial.catalog().charge(&memory);
        Self(Arc::new(Inner {
            current: RwLock::new(initial.copy()),
            exclusive: Mutex::default(),
            initial,
            faults,
            observer: Observer::new(
                options.journal.unwrap_or(DEFAULT_CAPACITY),
                options.clock.clone(),
            ),
            options,
            replies: Replies::default(),
            listeners: OnceLock::new(),
            uploads: Semaphore::new(uploads.min(Semaphore::MAX_PERMITS)),
            memory,
        }))
    }

    /// The dataset as it is now. A handler that reads and then writes takes it as an argument
    /// instead, so that both happen in the same one.
    pub(crate) fn dataset(&self) -> Dataset {
        let current = self
            .0
            .current
            .read()
            .unwrap_or_else(PoisonError::into_inner);
        current.clone()
    }

    /// Goes back to the dataset as it was after the start, and to the faults of the start. What is
    /// under way in the present one ends there and leaves no trace.
    pub(crate) fn reset(&self) {
        let _guard = self.exclusive();
        self.set_world(self.0.initial.copy());
        self.0.faults.reset();
    }

    /// Goes on with another dataset, as a reset does with the first.
    pub(crate) fn replace(&self, dataset: Dataset) {
        let _guard = self.exclusive();
        self.set_world(dataset);
    }

    /// Changes what is part of no dataset for a request that began in this one: only while it is the
    /// present one, so that nothing of the request is left when it has been put away.
    pub(crate) fn if_current(&self, dataset: &Dataset, change: impl FnOnce()) {
        let _guard = self.exclusive();
        if self.dataset().is(dataset) {
            change();
        }
    }

    fn set_world(&self, dataset: Dataset) {
        dataset.catalog().charge(self.memory());
        *self
            .0
            .current
            .write()
            .unwrap_or_else(PoisonError::into_inner) = dataset;
    }

    fn exclusive(&self) -> MutexGuard<'_, ()> {
        self.0
            .exclusive
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn faults(&self) -> &Faults {
        &self.0.faults
    }

    /// What sees every request. It is no part of the dataset: a reset leaves what it has seen.
    pub(crate) fn observer(&self) -> &Observer {
        &self.0.observer
    }

    /// Replies that were made before.
    pub(crate) fn replies(&self) -> &Replies {
        &self.0.replies
    }

    /// Tells how it is reached, which is known once its listeners are bound.
    pub(crate) fn set_listener_info(&self, how: ListenerInfo) {
        // It is started once.
        let _ = self.0.listeners.set(how);
    }

    pub(crate) fn listener_info(&self) -> ListenerInfo {
        self.0.listeners.get().copied().unwrap_or_default()
    }

    pub(crate) fn public_url(&self) -> Option<&str> {
        self.0.options.public_url.as_deref()
    }

    pub(crate) fn limits(&self) -> Limits {
        self.0.options.limits
    }

    /// Returns the budget for the bytes of all files.
    pub(crate) fn memory(&self) -> &MemoryBudget {
        &self.0.memory
    }

    /// Where files go that there is no memory for.
    pub(crate) fn spill(&self) -> Option<&Path> {
        self.0.options.spill.as_deref()
    }

    /// Lets one more upload begin. It counts until this is dropped.
    pub(crate) fn admit_upload(&self) -> Result<SemaphorePermit<'_>, ApiError> {
        self.0.uploads.try_acquire().map_err(|_| ApiError::Busy)
    }

    pub(crate) fn body_timeout(&self) -> Duration {
        self.0.options.body_timeout.unwrap_or(BODY_TIMEOUT)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::faults::Chaos;
    use crate::storage::Directory;
    use crate::storage::MemoryCatalog;

    #[test]
    fn nothing_is_left_of_what_began_before_a_reset() {
        let clock = Clock::default();
        let root = "atlas".parse().unwrap();
        let dataset = Dataset::new(
            Directory::new(root, "token", clock.clone()),
            MemoryCatalog::new(clock),
        );
        let none = Chaos {
            probability: 0.0,
            seed: 0,
        };
        let state = AppState::new(dataset, Faults::new(Vec::new(), none), Options::default());
        let add = || {
            state.faults().add("upload:reset".parse().unwrap());
        };
        let before = state.dataset();
        state.if_current(&before, add);
        assert_eq!(state.faults().reports().len(), 1);
        state.reset();
        state.if_current(&before, add);
        assert_eq!(state.faults().reports(), []);
        state.if_current(&state.dataset(), add);
        assert_eq!(state.faults().reports().len(), 1);
    }
}

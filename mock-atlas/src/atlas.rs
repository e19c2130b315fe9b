//! What every handler works on: the world as it is now, and the options, behind one cheap handle.

use std::fmt;
use std::net::SocketAddr;
use std::sync::{Arc, OnceLock, PoisonError, RwLock};

use crate::faults::Faults;
use crate::witness::{DEFAULT_CAPACITY, Witness};
use crate::world::World;

/// One emulated Atlas.
#[derive(Clone)]
pub(crate) struct Atlas(Arc<Inner>);

struct Inner {
    /// What a reset goes back to. Nobody changes it.
    first: World,
    now: RwLock<World>,
    faults: Faults,
    options: Options,
    witness: Witness,
    reached: OnceLock<Reached>,
}

/// How clients reach an emulator, as far as requests do not say so themselves.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Reached {
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
    /// The longest `id` of a version, in characters.
    pub(crate) max_id_length: Option<usize>,
    /// The largest file, in bytes.
    pub(crate) max_file_bytes: Option<u64>,
    /// How many requests the journal keeps.
    pub(crate) journal: Option<usize>,
}

/// Without what it holds, which may be large, and secret.
impl fmt::Debug for Atlas {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Atlas").finish_non_exhaustive()
    }
}

impl Atlas {
    pub(crate) fn new(first: World, faults: Faults, options: Options) -> Self {
        Self(Arc::new(Inner {
            now: RwLock::new(first.copy()),
            first,
            faults,
            witness: Witness::new(options.journal.unwrap_or(DEFAULT_CAPACITY)),
            options,
            reached: OnceLock::new(),
        }))
    }

    /// The world as it is now. A handler that reads and then writes takes it as an argument
    /// instead, so that both happen in the same one.
    pub(crate) fn world(&self) -> World {
        let now = self.0.now.read().unwrap_or_else(PoisonError::into_inner);
        now.clone()
    }

    /// Goes back to the world as it was after the start, and to the faults of the start. What is
    /// under way in the present one ends there and leaves no trace.
    pub(crate) fn reset(&self) {
        self.replace(self.0.first.copy());
        self.0.faults.reset();
    }

    /// Goes on with another world, as a reset does with the first.
    pub(crate) fn replace(&self, world: World) {
        *self.0.now.write().unwrap_or_else(PoisonError::into_inner) = world;
    }

    pub(crate) fn faults(&self) -> &Faults {
        &self.0.faults
    }

    /// What sees every request. It is no part of the world: a reset leaves what it has seen.
    pub(crate) fn witness(&self) -> &Witness {
        &self.0.witness
    }

    /// Tells how it is reached, which is known once its listeners are bound.
    pub(crate) fn is_reached(&self, how: Reached) {
        // It is started once.
        let _ = self.0.reached.set(how);
    }

    pub(crate) fn reached(&self) -> Reached {
        self.0.reached.get().copied().unwrap_or_default()
    }

    pub(crate) fn public_url(&self) -> Option<&str> {
        self.0.options.public_url.as_deref()
    }

    pub(crate) fn max_id_length(&self) -> Option<usize> {
        self.0.options.max_id_length
    }

    /// The largest file that is taken, in bytes.
    pub(crate) fn max_file_bytes(&self) -> u64 {
        self.0.options.max_file_bytes.unwrap_or(u64::MAX)
    }
}

//! What every handler works on: the world as it is now, and the options, behind one cheap handle.

use std::fmt;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError, RwLock};
use std::time::Duration;

use tokio::sync::{Semaphore, SemaphorePermit};

use crate::clock::Clock;
use crate::error::ApiError;
use crate::faults::Faults;
use crate::store::{Limits, Memory};
use crate::wire::Replies;
use crate::witness::{DEFAULT_CAPACITY, Witness};
use crate::world::World;

/// How long to wait for the next part of a body, or until something of a reply is read, unless said
/// otherwise.
pub(crate) const BODY_TIMEOUT: Duration = Duration::from_secs(60);

/// One emulated Atlas.
#[derive(Clone)]
pub(crate) struct Atlas(Arc<Inner>);

struct Inner {
    /// What a reset goes back to. Nobody changes it.
    first: World,
    now: RwLock<World>,
    /// Whose turn it is to put another world in its place, or to change what goes with one. It is
    /// taken before all other locks.
    turn: Mutex<()>,
    faults: Faults,
    options: Options,
    witness: Witness,
    replies: Replies,
    reached: OnceLock<Reached>,
    /// What uploads hold while they are under way.
    uploads: Semaphore,
    /// What all files hold, those of the first world included.
    memory: Memory,
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
impl fmt::Debug for Atlas {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Atlas").finish_non_exhaustive()
    }
}

impl Atlas {
    pub(crate) fn new(first: World, faults: Faults, options: Options) -> Self {
        let uploads = options.max_uploads.unwrap_or(Semaphore::MAX_PERMITS);
        let memory = Memory::new(options.max_memory.unwrap_or(u64::MAX));
        first.store().count_in(&memory);
        Self(Arc::new(Inner {
            now: RwLock::new(first.copy()),
            turn: Mutex::default(),
            first,
            faults,
            witness: Witness::new(
                options.journal.unwrap_or(DEFAULT_CAPACITY),
                options.clock.clone(),
            ),
            options,
            replies: Replies::default(),
            reached: OnceLock::new(),
            uploads: Semaphore::new(uploads.min(Semaphore::MAX_PERMITS)),
            memory,
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
        let _alone = self.turn();
        self.set_world(self.0.first.copy());
        self.0.faults.reset();
    }

    /// Goes on with another world, as a reset does with the first.
    pub(crate) fn replace(&self, world: World) {
        let _alone = self.turn();
        self.set_world(world);
    }

    /// Changes what is part of no world for a request that began in this one: only while it is the
    /// present one, so that nothing of the request is left when it has been put away.
    pub(crate) fn change_with(&self, world: &World, change: impl FnOnce()) {
        let _alone = self.turn();
        if self.world().is(world) {
            change();
        }
    }

    fn set_world(&self, world: World) {
        world.store().count_in(self.memory());
        *self.0.now.write().unwrap_or_else(PoisonError::into_inner) = world;
    }

    fn turn(&self) -> MutexGuard<'_, ()> {
        self.0.turn.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn faults(&self) -> &Faults {
        &self.0.faults
    }

    /// What sees every request. It is no part of the world: a reset leaves what it has seen.
    pub(crate) fn witness(&self) -> &Witness {
        &self.0.witness
    }

    /// Replies that were made before.
    pub(crate) fn replies(&self) -> &Replies {
        &self.0.replies
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

    pub(crate) fn limits(&self) -> Limits {
        self.0.options.limits
    }

    /// What files are to be counted in.
    pub(crate) fn memory(&self) -> &Memory {
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
    use crate::access::Directory;
    use crate::faults::Chaos;
    use crate::store::Store;

    #[test]
    fn nothing_is_left_of_what_began_before_a_reset() {
        let clock = Clock::default();
        let root = "atlas".parse().unwrap();
        let world = World::new(
            Directory::new(root, "token", clock.clone()),
            Store::new(clock),
        );
        let none = Chaos {
            probability: 0.0,
            seed: 0,
        };
        let atlas = Atlas::new(world, Faults::new(Vec::new(), none), Options::default());
        let add = || {
            atlas.faults().add("upload:reset".parse().unwrap());
        };
        let before = atlas.world();
        atlas.change_with(&before, add);
        assert_eq!(atlas.faults().reports().len(), 1);
        atlas.reset();
        atlas.change_with(&before, add);
        assert_eq!(atlas.faults().reports(), []);
        atlas.change_with(&atlas.world(), add);
        assert_eq!(atlas.faults().reports().len(), 1);
    }
}

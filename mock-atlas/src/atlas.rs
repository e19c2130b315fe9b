//! What every handler works on: the world as it is now, and the options, behind one cheap handle.

use std::sync::Arc;

use crate::world::World;

/// One emulated Atlas.
#[derive(Clone, Debug)]
pub(crate) struct Atlas(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    world: World,
    options: Options,
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
}

impl Atlas {
    pub(crate) fn new(world: World, options: Options) -> Self {
        Self(Arc::new(Inner { world, options }))
    }

    /// The world as it is now. A handler that reads and then writes takes it as an argument
    /// instead, so that both happen in the same one.
    pub(crate) fn world(&self) -> World {
        self.0.world.clone()
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

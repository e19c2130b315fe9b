//! Registries of boxes as the catalog returns them.

use crate::domain::{Name, Registry};

/// A registry at one moment, with its name.
#[derive(Clone, Debug)]
pub(crate) struct FoundRegistry {
    pub(crate) name: Name,
    pub(crate) owner: RegistryOwner,
    pub(crate) registry: Registry,
}

/// The owner of a registry, who has its name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum RegistryOwner {
    User,
    Organization,
    /// The namespace has boxes, but no user or organisation has its name.
    Nobody,
}

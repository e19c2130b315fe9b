//! Registries of boxes, as HCP's API calls the namespaces of users and organisations.

use std::time::SystemTime;

use serde::{Deserialize, Serialize};

/// A `Registry` describes a namespace as a registry of boxes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Registry {
    /// The description, in Markdown.
    pub(crate) description: String,
    /// Whether the boxes of the registry can be seen and changed.
    pub(crate) is_active: bool,
    pub(crate) created: SystemTime,
    pub(crate) updated: SystemTime,
}

/// A change of a registry. Fields that are `None` say nothing.
#[derive(Clone, Debug, Default)]
pub(crate) struct RegistryChange {
    /// The description, in Markdown.
    pub(crate) description: Option<String>,
    pub(crate) is_active: Option<bool>,
}

impl Registry {
    /// Creates an active registry without a description.
    pub(crate) fn new(now: SystemTime) -> Self {
        Self {
            description: String::new(),
            is_active: true,
            created: now,
            updated: now,
        }
    }

    /// Applies a change.
    pub(crate) fn apply(&mut self, change: RegistryChange, now: SystemTime) {
        if let Some(text) = change.description {
            self.description = text;
        }
        if let Some(is_active) = change.is_active {
            self.is_active = is_active;
        }
        self.updated = now;
    }
}

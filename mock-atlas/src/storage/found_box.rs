//! Boxes as the catalog returns them, and as it lets callers change them.

use std::sync::Arc;
use std::time::SystemTime;

use crate::domain::{ArtifactName, VagrantBox, Visibility};

/// A box at one moment, with its name and visibility.
#[derive(Clone, Debug)]
pub(crate) struct FoundBox {
    pub(crate) name: ArtifactName,
    pub(crate) visibility: Visibility,
    pub(crate) vagrant_box: Arc<VagrantBox>,
}

/// A box under change. The change takes effect as a whole, or not at all if it fails.
#[derive(Debug)]
pub(crate) struct BoxDraft {
    pub(crate) visibility: Visibility,
    pub(crate) vagrant_box: VagrantBox,
    /// The time of the change.
    pub(crate) now: SystemTime,
}

/// Says what becomes of the artifact version to which no provider of a box refers any longer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Unreferenced {
    Delete,
    Keep,
}

/// The description of a new box.
#[derive(Clone, Debug, Default)]
pub(crate) struct NewBox {
    /// The visibility; without one, that of the artifact.
    pub(crate) visibility: Option<Visibility>,
    /// The visibility of a new artifact for which none is told.
    pub(crate) unless_told: Visibility,
    pub(crate) short_description: String,
    /// The description, in Markdown.
    pub(crate) description: String,
}

//! Lists the resources and the data sources. `artifact` finds one version, as a resource or as a data source;
//! `versions` lists several, `vagrant_box` finds the file of a box, `file` downloads that of a
//! version, and `pushed` makes a version.

mod artifact;
mod file;
mod pushed;
mod vagrant_box;
mod versions;

use super::atlas::Atlas;
use super::object::Object;
use super::plan::Plan;
use super::problem::Problem;
use super::schema::Schema;

/// A data source.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum DataSource {
    Artifact,
    Versions,
    Box,
    File,
}

impl DataSource {
    pub(super) const ALL: [Self; 4] = [Self::Artifact, Self::Versions, Self::Box, Self::File];

    /// Returns the data source of this type.
    pub(super) fn named(name: &str) -> Result<Self, Problem> {
        let mut all = Self::ALL.into_iter();
        all.find(|kind| kind.name() == name)
            .ok_or_else(|| unknown("data source", name))
    }

    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Artifact => "atlas_artifact",
            Self::Versions => "atlas_artifact_versions",
            Self::Box => "atlas_box",
            Self::File => "atlas_file",
        }
    }

    pub(super) fn schema(self) -> &'static Schema {
        match self {
            Self::Artifact => &artifact::SCHEMA,
            Self::Versions => &versions::SCHEMA,
            Self::Box => &vagrant_box::SCHEMA,
            Self::File => &file::SCHEMA,
        }
    }

    /// Checks a configuration without a server.
    pub(super) fn validate(self, config: &Object) -> Vec<Problem> {
        match self {
            Self::Artifact | Self::Versions | Self::File => artifact::validate(config),
            Self::Box => vagrant_box::validate(config),
        }
    }

    /// Reads the data.
    pub(super) async fn read(self, atlas: &Atlas, config: Object) -> Result<Object, Problem> {
        match self {
            Self::Artifact => artifact::find(atlas, config).await,
            Self::Versions => versions::read(atlas, config).await,
            Self::Box => vagrant_box::read(atlas, config).await,
            Self::File => file::read(atlas, config).await,
        }
    }
}

/// A resource.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Resource {
    Artifact,
    Version,
}

impl Resource {
    pub(super) const ALL: [Self; 2] = [Self::Artifact, Self::Version];

    /// Returns the resource of this type.
    pub(super) fn named(name: &str) -> Result<Self, Problem> {
        let mut all = Self::ALL.into_iter();
        all.find(|kind| kind.name() == name)
            .ok_or_else(|| unknown("resource", name))
    }

    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Artifact => "atlas_artifact",
            Self::Version => "atlas_artifact_version",
        }
    }

    pub(super) fn schema(self) -> &'static Schema {
        match self {
            Self::Artifact => &artifact::SCHEMA,
            Self::Version => &pushed::SCHEMA,
        }
    }

    /// Checks a configuration without a server.
    pub(super) fn validate(self, config: &Object) -> Vec<Problem> {
        match self {
            Self::Artifact => artifact::validate(config),
            Self::Version => pushed::validate(config),
        }
    }

    /// Reads the state anew; `None` if the resource is gone.
    pub(super) async fn read(
        self,
        atlas: &Atlas,
        state: Object,
    ) -> Result<Option<Object>, Problem> {
        match self {
            Self::Artifact => artifact::refresh(atlas, state).await,
            Self::Version => pushed::refresh(atlas, state).await,
        }
    }

    /// Completes a plan by what the server says, so that a mistake shows before anything is applied.
    pub(super) async fn plan(
        self,
        atlas: &Atlas,
        prior: Option<Object>,
        plan: Plan,
    ) -> Result<Plan, Problem> {
        match self {
            Self::Artifact => artifact::rehearse(atlas, plan).await,
            Self::Version => pushed::complete(prior, plan).await,
        }
    }

    /// Makes the resource, and returns its state.
    pub(super) async fn create(self, atlas: &Atlas, planned: Object) -> Result<Object, Problem> {
        match self {
            Self::Artifact => artifact::find(atlas, planned).await,
            Self::Version => pushed::create(atlas, planned).await,
        }
    }

    /// Returns the warnings when a resource leaves the state.
    pub(super) fn forget(self) -> Vec<Problem> {
        match self {
            Self::Artifact => Vec::new(),
            Self::Version => pushed::forget(),
        }
    }

    /// Refuses to import a resource.
    pub(super) fn import(self) -> Problem {
        let name = self.name();
        Problem::new(format!("{name} cannot be imported")).with_detail(match self {
            Self::Artifact => "It only finds a version: write it into the configuration, and apply. Nothing is changed on the server.",
            Self::Version => "Write it into the configuration, and apply: a latest version that is identical is taken as it is.",
        })
    }
}

fn unknown(what: &str, name: &str) -> Problem {
    Problem::new(format!("The provider atlas has no {what} {name:?}"))
}

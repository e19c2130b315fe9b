//! The options for an emulator that keeps its data.

use std::path::PathBuf;

use clap::Args;
use mock_atlas::Builder;

use super::given;

#[derive(Debug, Args)]
#[command(next_help_heading = "Data")]
pub(super) struct DataArguments {
    /// Keep everything in this folder, on a local disk, and go on from there at the next start: users,
    /// tokens, artifacts, boxes and files [default: everything is in memory, and lost at the end]
    ///
    /// A new folder gets the content of --seed, and a root token, which is printed once; later starts
    /// leave both as they are, unless --token sets another root token
    #[arg(long, value_name = "FOLDER")]
    data: Option<PathBuf>,

    /// Keep so many bytes of the folder's disk free: refuse uploads, and what else takes space, with 507
    /// before less is left [default: 268435456]
    #[arg(long, value_name = "BYTES", requires = "data")]
    min_free: Option<u64>,

    /// Let the root token reset, restore and seed what --data keeps
    #[arg(long, requires = "data")]
    allow_reset: bool,
}

impl DataArguments {
    /// Returns the folder for people to read.
    pub(super) fn folder(&self) -> Option<String> {
        Some(self.data.as_ref()?.display().to_string())
    }

    pub(super) fn set(&self, builder: Builder) -> Builder {
        let builder = given(builder, self.data.clone(), Builder::data);
        let builder = given(builder, self.min_free, Builder::min_free);
        match self.allow_reset {
            true => builder.allow_reset(),
            false => builder,
        }
    }
}

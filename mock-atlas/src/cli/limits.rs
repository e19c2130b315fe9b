//! How much clients may ask of an emulator.

use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, value_parser};
use mock_atlas::Builder;

#[derive(Debug, Args)]
#[command(next_help_heading = "Limits")]
pub(super) struct Limits {
    /// Refuse a version whose id is longer, in characters (unproven of the real Atlas, so off by
    /// default)
    #[arg(
        long,
        global = true,
        env = "MOCK_ATLAS_MAX_ID_LENGTH",
        value_name = "CHARACTERS"
    )]
    max_id_length: Option<usize>,

    /// Refuse larger files with 413 [default: no limit]
    #[arg(
        long,
        global = true,
        env = "MOCK_ATLAS_MAX_FILE_BYTES",
        value_name = "BYTES"
    )]
    max_file_bytes: Option<u64>,

    /// Hold at most so many bytes of files, those under way included, and refuse an upload that
    /// would be more with 507 [default: no limit]
    #[arg(
        long,
        global = true,
        env = "MOCK_ATLAS_MAX_MEMORY",
        value_name = "BYTES"
    )]
    max_memory: Option<u64>,

    /// Put uploads for which --max-memory has no room into files without names in this folder
    /// instead
    #[arg(
        long,
        global = true,
        env = "MOCK_ATLAS_SPILL",
        value_name = "FOLDER",
        requires = "max_memory"
    )]
    spill: Option<PathBuf>,

    /// Take so many uploads at a time, and answer one more with 503 and Retry-After: 1 [default:
    /// no limit]
    #[arg(long, global = true, env = "MOCK_ATLAS_MAX_UPLOADS", value_name = "N")]
    max_uploads: Option<usize>,

    /// Answer a request with 408 when nothing of its body came for so long [default: 60]
    #[arg(
        long,
        global = true,
        env = "MOCK_ATLAS_BODY_TIMEOUT",
        value_name = "SECONDS",
        value_parser = value_parser!(u64).range(1..)
    )]
    body_timeout: Option<u64>,
}

impl Limits {
    pub(super) fn set(&self, mut builder: Builder) -> Builder {
        if let Some(characters) = self.max_id_length {
            builder = builder.max_id_length(characters);
        }
        if let Some(bytes) = self.max_file_bytes {
            builder = builder.max_file_bytes(bytes);
        }
        if let Some(bytes) = self.max_memory {
            builder = builder.max_memory(bytes);
        }
        if let Some(folder) = &self.spill {
            builder = builder.spill(folder);
        }
        if let Some(uploads) = self.max_uploads {
            builder = builder.max_uploads(uploads);
        }
        if let Some(seconds) = self.body_timeout {
            builder = builder.body_timeout(Duration::from_secs(seconds));
        }
        builder
    }
}

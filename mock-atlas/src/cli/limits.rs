//! The options for limits on uploads, versions and bodies.

use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, value_parser};
use mock_atlas::Builder;

use super::given;

#[derive(Debug, Args)]
#[command(next_help_heading = "Limits")]
pub(super) struct Limits {
    /// Refuse a version whose id is longer, in characters (unproven of the real Atlas, so off by
    /// default)
    #[arg(long, value_name = "CHARACTERS")]
    max_id_length: Option<usize>,

    /// Refuse larger files with 413 [default: no limit]
    #[arg(long, value_name = "BYTES")]
    max_file_bytes: Option<u64>,

    /// Hold at most so many bytes of files, those under way included, and refuse an upload that
    /// would be more with 507 [default: no limit]
    #[arg(long, value_name = "BYTES")]
    max_memory: Option<u64>,

    /// Put uploads for which --max-memory has no room into files without names in this folder
    /// instead
    #[arg(long, value_name = "FOLDER", requires = "max_memory")]
    spill: Option<PathBuf>,

    /// Take so many uploads at a time, and answer one more with 503 and Retry-After: 1 [default:
    /// no limit]
    #[arg(long, value_name = "N")]
    max_uploads: Option<usize>,

    /// Answer a request with 408 when nothing of its body came for so long, and end a connection
    /// whose client read nothing of a reply for so long [default: 60]
    #[arg(long, value_name = "SECONDS", value_parser = value_parser!(u64).range(1..))]
    body_timeout: Option<u64>,
}

impl Limits {
    pub(super) fn max_file_bytes(&self) -> Option<u64> {
        self.max_file_bytes
    }

    pub(super) fn set(&self, builder: Builder) -> Builder {
        let timeout = self.body_timeout.map(Duration::from_secs);
        let builder = given(builder, self.max_id_length, Builder::max_id_length);
        let builder = given(builder, self.max_file_bytes, Builder::max_file_bytes);
        let builder = given(builder, self.max_memory, Builder::max_memory);
        let builder = given(builder, self.spill.clone(), Builder::spill);
        let builder = given(builder, self.max_uploads, Builder::max_uploads);
        given(builder, timeout, Builder::body_timeout)
    }
}

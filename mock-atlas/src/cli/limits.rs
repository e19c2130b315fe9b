//! The options for limits on uploads, versions and bodies.

use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, value_parser};
use mock_atlas::Builder;

use super::given;

#[derive(Debug, Args)]
#[command(next_help_heading = "Limits")]
pub(super) struct Limits {
    /// Refuse a version whose id has more characters (off by default, since no such limit of the
    /// real Atlas is proven)
    #[arg(long, value_name = "CHARACTERS")]
    max_id_length: Option<usize>,

    /// Refuse larger files with 413 [default: no limit]
    #[arg(long, value_name = "BYTES")]
    max_file_bytes: Option<u64>,

    /// Hold at most so many bytes of files in memory, including uploads under way, and refuse an
    /// upload beyond that with 507 [default: no limit]
    #[arg(long, value_name = "BYTES")]
    max_memory: Option<u64>,

    /// Store uploads for which --max-memory has no room in this folder instead, as files without
    /// names
    #[arg(long, value_name = "FOLDER", requires = "max_memory")]
    spill: Option<PathBuf>,

    /// Take at most so many uploads at a time, and answer further uploads with 503 and Retry-After:
    /// 1 [default: no limit]
    #[arg(long, value_name = "N")]
    max_uploads: Option<usize>,

    /// Answer a request with 408 when no byte of its body arrives for so long, and close a
    /// connection whose client reads no byte of a reply for so long [default: 60]
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

//! The options for an emulator that keeps its data.

use std::path::PathBuf;
use std::time::Duration;

use clap::Args;
use mock_atlas::Builder;

use super::{given, switched};

#[derive(Debug, Args)]
#[command(next_help_heading = "Data")]
pub(super) struct DataArguments {
    /// Keep everything in this folder, on a local disk, and go on from there at the next start: users,
    /// tokens, artifacts, boxes and files [default: everything is in memory, and lost at the end]
    ///
    /// A new folder gets the content of --seed, and a root token, which is printed once; later starts
    /// leave both as they are, unless --token sets another root token
    #[arg(long, value_name = "FOLDER", group = "kept")]
    data: Option<PathBuf>,

    /// Keep everything but files in this database of PostgreSQL, which several servers can share, such as
    /// postgres://user:password@host/name. Set the variable instead where others see the arguments of
    /// processes
    ///
    /// Connections that leave this machine use TLS and verify the server, unless the URL ends with
    /// ?sslmode=disable; ?sslrootcert=FILE names the CAs to trust in place of those of the system
    #[arg(
        long,
        value_name = "URL",
        hide_env_values = true,
        requires = "blobs",
        group = "kept"
    )]
    database: Option<String>,

    /// Keep the bytes of files here, which all servers of --database share: file:///FOLDER, which may be on a
    /// network file system, or s3://BUCKET/PREFIX, with the settings of S3 in AWS_ACCESS_KEY_ID,
    /// AWS_SECRET_ACCESS_KEY, AWS_REGION and AWS_ENDPOINT_URL_S3 [default for --data: its folder]
    #[arg(long, value_name = "URL", requires = "kept")]
    blobs: Option<String>,

    /// Answer downloads with a redirect to the bucket of --blobs, at a signed URL that is valid for a quarter of
    /// an hour, instead of passing the bytes through. Clients must reach the bucket at the address that this
    /// server uses
    #[arg(long, requires = "blobs")]
    redirect_downloads: bool,

    /// Keep the bytes of deleted files for so long, for downloads under way [default: 3600]
    #[arg(long, value_name = "SECONDS", requires = "kept")]
    grace: Option<u64>,

    /// Keep so many bytes of the disk of files free: refuse uploads, and what else takes space, with 507
    /// before less is left [default: 268435456]
    #[arg(long, value_name = "BYTES", requires = "kept")]
    min_free: Option<u64>,

    /// Let the root token reset, restore and seed what --data or --database keeps
    #[arg(long, requires = "kept")]
    allow_reset: bool,
}

impl DataArguments {
    /// Returns the folder of `--data` for people to read.
    pub(super) fn folder(&self) -> Option<String> {
        Some(self.data.as_ref()?.display().to_string())
    }

    pub(super) fn set(&self, builder: Builder) -> Builder {
        let grace = self.grace.map(Duration::from_secs);
        let builder = given(builder, self.data.clone(), Builder::data);
        let builder = given(builder, grace, Builder::grace);
        let builder = given(builder, self.min_free, Builder::min_free);
        let builder = given(builder, self.database.clone(), Builder::database);
        let builder = given(builder, self.blobs.clone(), Builder::blobs);
        let builder = switched(
            builder,
            self.redirect_downloads,
            Builder::redirect_downloads,
        );
        switched(builder, self.allow_reset, Builder::allow_reset)
    }
}

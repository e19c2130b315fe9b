//! The client side of the contract: any uploader is judged by what it sends.
//!
//! An [`uploader`] is run in a [`scenario`] against a [`recording_server`], a correct emulator that records what
//! passes. The [`observation`] of the run is put to the [`rules`], and [`judge`] turns it into the same reports that
//! clauses get. A [`rule`] names its evidence, and whom it binds. The contract calls this "What Packer's post-processor
//! does, in order".

mod fields;
pub mod judge;
pub mod observation;
mod process_group;
pub mod recording_server;
pub mod rule;
pub mod rules;
pub mod scenario;
pub mod uploader;

use std::time::Duration;

use scenario::Scenario;

use crate::{
    exit_code::ExitCode, run::settings::TargetError, self_test::proxy::body_budget::MAX_BODY_BYTES,
};

/// Why an uploader was not judged.
#[derive(Debug, thiserror::Error)]
pub enum ClientError {
    /// The artifact is none.
    #[error("--artifact must be USER/NAME: {0:?} is none")]
    Artifact(String),
    /// The command cannot be started.
    #[error("the command {program:?} cannot be started: {source}")]
    NotStarted {
        /// What was to be started.
        program: String,
        /// Why it was not.
        source: std::io::Error,
    },
    /// The command went on for too long, and was killed.
    #[error(
        "the command did not end within {} s (scenario {scenario}): give it more with --timeout, or see what it waits for",
        limit.as_secs()
    )]
    TimedOut {
        /// How long it was given.
        limit: Duration,
        /// What it met.
        scenario: Scenario,
    },
    /// The witness was not asked anything.
    #[error(
        "the command sent nothing to the witness (scenario {scenario}; it ended with {status}): it must talk to ATLAS_ADDRESS, or to the address that {{url}} is replaced by"
    )]
    NothingSent {
        /// What it was to meet.
        scenario: Scenario,
        /// How it ended.
        status: std::process::ExitStatus,
    },
    /// The witness was sent more than it can keep.
    #[error(
        "the command sent more than {} MiB (scenario {scenario}), which is all that the witness keeps: let it push less",
        MAX_BODY_BYTES >> 20
    )]
    TooMuchSent {
        /// What it met.
        scenario: Scenario,
    },
    /// The output of the command cannot be read, or it cannot be waited for.
    #[error("the command was lost: {0}")]
    Lost(#[from] std::io::Error),
    /// The witness did not start.
    #[error(transparent)]
    RecordingServer(#[from] TargetError),
}

impl ClientError {
    /// The exit code of a program that ends for it.
    pub fn exit_code(&self) -> ExitCode {
        match self {
            Self::Artifact(_) | Self::NotStarted { .. } => ExitCode::BadConfiguration,
            Self::NothingSent { .. } => ExitCode::NothingRan,
            Self::TimedOut { .. }
            | Self::TooMuchSent { .. }
            | Self::Lost(_)
            | Self::RecordingServer(_) => ExitCode::SuiteBroke,
        }
    }
}

//! This module judges an uploader, the client side of the contract, by the requests that it sends.
//!
//! An [`uploader`] is run in a [`scenario`] against a [`recording_server`], a correct emulator that records requests
//! and replies. [`judge`] checks the [`observation`] of the run against the [`rules`], and returns the same reports
//! that clauses get. A [`rule`] names its evidence, and which uploaders it binds. The rules come from the sections "What
//! Packer's post-processor does, in order" and "Vagrant boxes: what the living clients do" of the contract.

mod box_steps;
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

/// The reason why an uploader was not judged.
#[derive(Debug, thiserror::Error)]
pub enum ClientError {
    /// The artifact is not `USER/NAME`.
    #[error("--artifact must be USER/NAME, not {0:?}")]
    Artifact(String),
    /// The command cannot be started.
    #[error("the command {program:?} cannot be started: {source}")]
    NotStarted {
        /// The program.
        program: String,
        /// The error of the operating system.
        source: std::io::Error,
    },
    /// The command took too long, and was killed.
    #[error(
        "the command did not end within {} s (scenario {scenario}): give it more with --timeout, or see what it waits for",
        limit.as_secs()
    )]
    TimedOut {
        /// The time limit.
        limit: Duration,
        /// The scenario.
        scenario: Scenario,
    },
    /// The command sent nothing to the recording server.
    #[error(
        "the command sent nothing to the recording server (scenario {scenario}; it ended with {status}): it must talk to ATLAS_ADDRESS, or to the address that {{url}} is replaced by"
    )]
    NothingSent {
        /// The scenario.
        scenario: Scenario,
        /// The exit status of the command.
        status: std::process::ExitStatus,
    },
    /// The command sent more than the recording server keeps.
    #[error(
        "the command sent more than {} MiB (scenario {scenario}), the limit of the recording server: let it push less",
        MAX_BODY_BYTES >> 20
    )]
    TooMuchSent {
        /// The scenario.
        scenario: Scenario,
    },
    /// The output of the command cannot be read, or its exit status is unknown.
    #[error("the command was lost: {0}")]
    Lost(#[from] std::io::Error),
    /// The recording server did not start.
    #[error(transparent)]
    RecordingServer(#[from] TargetError),
}

impl ClientError {
    /// Returns the exit code of a program that ends with this error.
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

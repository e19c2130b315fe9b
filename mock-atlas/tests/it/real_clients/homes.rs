//! The homes of an emulator's data, on each of which a genuine client works once.

use serde_json::Value;
use tempfile::TempDir;

use super::s3::{self, Server, TOKEN};
use crate::support::program;
use crate::support::program::SERVE;

/// A home of data, which outlives the emulators on it unless it is their memory.
pub(super) enum Home {
    Memory,
    Folder(TempDir),
    /// A database of PostgreSQL with a bucket.
    Shared(Box<s3::Home>),
}

impl Home {
    pub(super) fn each() -> [Self; 3] {
        let [folder, shared] = Self::durable();
        [Self::Memory, folder, shared]
    }

    /// Returns the homes that outlive an emulator.
    pub(super) fn durable() -> [Self; 2] {
        let folder = Self::Folder(tempfile::tempdir().unwrap());
        [folder, Self::Shared(Box::new(s3::Home::shared()))]
    }

    /// Starts an emulator as a program.
    pub(super) async fn start(&self, arguments: &[&str]) -> Server {
        let mut command = program();
        match self {
            Self::Memory => &mut command,
            Self::Folder(folder) => command.env("MOCK_ATLAS_DATA", folder.path()),
            Self::Shared(home) => return home.start(arguments).await,
        };
        command.args(SERVE).args(["--token", TOKEN]).args(arguments);
        Server::of(command).await
    }
}

impl Server {
    /// Returns the messages of the lints about clients.
    pub(super) async fn lints(&self) -> Vec<String> {
        let lints: Value = self.get("/_mock/lints").await.json().await.unwrap();
        let lints = lints["lints"].as_array().unwrap().iter();
        lints
            .map(|lint| lint["message"].as_str().unwrap().to_owned())
            .collect()
    }
}

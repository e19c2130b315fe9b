//! Implements the subcommands, one module for each.

pub(super) mod boxes;
pub(super) mod config;
pub(super) mod manual;
pub(super) mod packer;
mod pull;
mod push;
mod search;
mod show;
mod template;
mod whoami;

use super::app::{App, Failure};
use super::args::Command;

impl App<'_> {
    /// Runs a subcommand that calls an Atlas.
    pub(super) async fn run(&self, command: Command) -> Result<(), Failure> {
        match command {
            Command::Push(args) => return self.push(*args).await,
            Command::Search(args) => self.search(args).await,
            Command::Pull(args) => self.pull(args).await,
            Command::Show(args) => self.show(args).await,
            Command::Whoami => self.whoami().await,
            // `run` in `cli` handles these before it creates a client.
            Command::Config
            | Command::Box { .. }
            | Command::Completions { .. }
            | Command::Man { .. }
            | Command::Packer { .. } => Ok(()),
        }
        .map_err(Failure::from)
    }
}

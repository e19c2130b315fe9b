//! `mock-atlas fault` adds, lists and removes the faults of a running emulator.

use axum::http::Method;
use clap::Subcommand;
use mock_atlas::Fault;
use serde_json::json;

use super::EmulatorArguments;
use super::client::{Client, Server};
use super::print::{print, table};

#[derive(Debug, Subcommand)]
pub(super) enum Command {
    /// Adds a fault and prints its id
    Add {
        /// The fault, such as upload:cut-after=1048576,times=1: see docs/emulator.md
        #[arg(value_name = "ROUTE:EFFECT[,SETTING…]")]
        rule: Fault,
        #[command(flatten)]
        server: Server,
    },
    /// Lists the faults: id, number of requests that met the fault, number of requests that the
    /// fault fits, the fault itself
    List {
        #[command(flatten)]
        server: Server,
    },
    /// Removes a fault, or all faults
    Clear {
        /// The fault's id, as `fault list` shows it [default: all]
        id: Option<u64>,
        #[command(flatten)]
        server: Server,
    },
}

pub(super) async fn run(command: &Command, emulator: &EmulatorArguments) -> Result<(), String> {
    match command {
        Command::Add { rule, server } => {
            let body = json!({"fault": {"rule": rule.to_string()}});
            let client = Client::new(server, emulator)?;
            let made = client.json(Method::POST, "/faults", Some(body)).await?;
            print(emulator.output, &made, |made| made["id"].to_string())
        }
        Command::List { server } => {
            let client = Client::new(server, emulator)?;
            let all = client.json(Method::GET, "/faults", None).await?;
            print(emulator.output, &all, |all| {
                table(&all["faults"], &["id", "fired", "seen", "rule"])
            })
        }
        Command::Clear { id, server } => {
            let client = Client::new(server, emulator)?;
            let path = id.map_or("/faults".to_owned(), |id| format!("/faults/{id}"));
            client.json(Method::DELETE, &path, None).await.map(drop)
        }
    }
}

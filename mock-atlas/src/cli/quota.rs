//! `mock-atlas quota` sets, lists and removes the quotas of a running emulator.

use axum::http::Method;
use clap::Subcommand;
use serde_json::{Value, json};

use super::client::{Client, Server};
use super::print::{print, table};
use super::size::Size;
use super::{EmulatorArguments, Output};

#[derive(Debug, Subcommand)]
pub(super) enum Command {
    /// Sets how many bytes the files of a user or an organization may have: artifacts and boxes together. An upload
    /// beyond that is refused with 413. A quota below what is used refuses only growth
    Set {
        /// The user or the organization
        #[arg(value_parser = owner)]
        owner: String,
        /// The quota: a number of bytes, or one with a unit, such as 500MB or 10GiB
        #[arg(value_parser = Size::parse)]
        bytes: Size,
        #[command(flatten)]
        server: Server,
    },
    /// Lists all quotas: owner, used bytes, quota
    List {
        /// Print JSON
        #[arg(long)]
        json: bool,
        #[command(flatten)]
        server: Server,
    },
    /// Removes the quota of a user or an organization, which has no limit then
    Remove {
        /// The user or the organization
        #[arg(value_parser = owner)]
        owner: String,
        #[command(flatten)]
        server: Server,
    },
}

pub(super) async fn run(command: &Command, emulator: &EmulatorArguments) -> Result<(), String> {
    match command {
        Command::Set {
            owner,
            bytes,
            server,
        } => {
            let body = json!({"quota": {"bytes": bytes.bytes()}});
            let path = format!("/quotas/{owner}");
            let client = Client::new(server, emulator)?;
            let set = client.json(Method::PUT, &path, Some(body)).await?;
            print(emulator.output, &set, |set| lines(&json!([set])))
        }
        Command::List { json, server } => {
            let client = Client::new(server, emulator)?;
            let all = client.json(Method::GET, "/quotas", None).await?;
            let output = match json {
                true => Output::Json,
                false => emulator.output,
            };
            print(output, &all, |all| lines(&all["quotas"]))
        }
        Command::Remove { owner, server } => {
            let path = format!("/quotas/{owner}");
            let client = Client::new(server, emulator)?;
            client.json(Method::DELETE, &path, None).await.map(drop)
        }
    }
}

fn lines(quotas: &Value) -> String {
    table(quotas, &["owner", "used", "quota"])
}

/// Accepts only characters that need no escaping in a path. The emulator checks the rest.
fn owner(text: &str) -> Result<String, String> {
    let allowed = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
    match !text.is_empty() && text.chars().all(allowed) {
        true => Ok(text.to_owned()),
        false => Err("it must be the name of a user or an organization, like acme".to_owned()),
    }
}

//! `mock-atlas token` creates, lists and revokes tokens of a running emulator.

use axum::http::Method;
use clap::Subcommand;
use serde_json::json;
use uuid::Uuid;

use super::EmulatorArguments;
use super::client::{Client, Server};
use super::print::{print, table};

#[derive(Debug, Subcommand)]
pub(super) enum Command {
    /// Makes a token for a user and prints it; no other command shows it
    Create {
        /// The user of the token
        username: String,
        /// A description of the token, which `token list` shows
        #[arg(long, default_value = "", hide_default_value = true)]
        description: String,
        #[command(flatten)]
        server: Server,
    },
    /// Lists all tokens, the oldest first, without their values: id, user, time, description
    List {
        #[command(flatten)]
        server: Server,
    },
    /// Revokes a token
    Revoke {
        /// The token's id, as `token list` shows it
        id: Uuid,
        #[command(flatten)]
        server: Server,
    },
}

pub(super) async fn run(command: &Command, emulator: &EmulatorArguments) -> Result<(), String> {
    match command {
        Command::Create {
            username,
            description,
            server,
        } => {
            let body = json!({"token": {"username": username, "description": description}});
            let client = Client::new(server, emulator)?;
            let made = client.json(Method::POST, "/tokens", Some(body)).await?;
            print(emulator.output, &made, |made| {
                made["token"].as_str().unwrap_or_default().to_owned()
            })
        }
        Command::List { server } => {
            let client = Client::new(server, emulator)?;
            let all = client.json(Method::GET, "/tokens", None).await?;
            print(emulator.output, &all, |all| {
                table(
                    &all["tokens"],
                    &["id", "username", "created_at", "description"],
                )
            })
        }
        Command::Revoke { id, server } => {
            let client = Client::new(server, emulator)?;
            let path = format!("/tokens/{id}");
            client.json(Method::DELETE, &path, None).await?;
            Ok(())
        }
    }
}

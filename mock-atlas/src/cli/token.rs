//! `mock-atlas token` creates, lists and revokes tokens of a running emulator.

use axum::http::Method;
use clap::Subcommand;
use serde_json::json;
use uuid::Uuid;

use super::EmulatorArguments;
use super::client::{Client, Server};
use super::print::{print, table};
use super::time::Time;

#[derive(Debug, Subcommand)]
pub(super) enum Command {
    /// Makes a token for a user and prints it; no other command shows it
    Create {
        /// The user of the token
        username: String,
        /// A description of the token, which `token list` shows
        #[arg(long, default_value = "", hide_default_value = true)]
        description: String,
        /// A limit on the token: read, write or admin, alone or with :USERNAME or :USERNAME/NAME, such
        /// as write:acme/web [default: everything that the user may do]
        #[arg(long)]
        scope: Option<String>,
        /// The end of the token: a duration such as 90d, or a time such as 2027-01-31T12:00:00Z
        /// [default: none]
        #[arg(long, value_name = "TIME", value_parser = Time::parse)]
        expires: Option<Time>,
        #[command(flatten)]
        server: Server,
    },
    /// Lists all tokens, the oldest first, without their values: id, user, time of creation, scope,
    /// end, last use, description
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
            scope,
            expires,
            server,
        } => {
            let body = json!({"token": {
                "username": username,
                "description": description,
                "scope": scope,
                "expires_at": expires.map(Time::in_future),
            }});
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
                let columns = [
                    "id",
                    "username",
                    "created_at",
                    "scope",
                    "expires_at",
                    "last_used_at",
                    "description",
                ];
                table(&all["tokens"], &columns)
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

//! `mock-atlas channel` sets, lists and removes channels: names that point at a version of an artifact type.

use std::str::FromStr;

use axum::http::Method;
use clap::Subcommand;
use serde_json::{Value, json};

use super::EmulatorArguments;
use super::client::{Client, Server};
use super::print::{print, table};

#[derive(Debug, Subcommand)]
pub(super) enum Command {
    /// Points a channel, such as production, at a version. Whoever may write to the artifact may do so
    Set {
        /// USERNAME/NAME:TYPE
        place: Place,
        /// The name of the channel, which comes to exist
        #[arg(value_parser = word)]
        channel: String,
        /// The number of the version
        version: u64,
        #[command(flatten)]
        server: Server,
    },
    /// Lists the channels of an artifact: type, channel, version, time of the last change
    List {
        /// USERNAME/NAME, or USERNAME/NAME:TYPE
        #[arg(value_parser = Place::parse_artifact)]
        place: Place,
        #[command(flatten)]
        server: Server,
    },
    /// Lists the last 100 changes of a channel, the oldest first: number, time, user, version, and of a rollback the
    /// number of the change that it went back to
    History {
        /// USERNAME/NAME:TYPE
        place: Place,
        /// The name of the channel
        #[arg(value_parser = word)]
        channel: String,
        #[command(flatten)]
        server: Server,
    },
    /// Points a channel at the version before. Again, it goes back further
    Rollback {
        /// USERNAME/NAME:TYPE
        place: Place,
        /// The name of the channel
        #[arg(value_parser = word)]
        channel: String,
        #[command(flatten)]
        server: Server,
    },
    /// Removes a channel with its history; the versions stay
    Remove {
        /// USERNAME/NAME:TYPE
        place: Place,
        /// The name of the channel
        #[arg(value_parser = word)]
        channel: String,
        #[command(flatten)]
        server: Server,
    },
}

/// An artifact, and one of its types or all of them.
#[derive(Clone, Debug)]
pub(super) struct Place {
    artifact: String,
    of_type: Option<String>,
}

impl FromStr for Place {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match Self::parse_artifact(text) {
            Ok(place) if place.of_type.is_some() => Ok(place),
            _ => Err("it must be like acme/web:custom.image".to_owned()),
        }
    }
}

impl Place {
    fn parse_artifact(text: &str) -> Result<Self, String> {
        let (artifact, of_type) = match text.split_once(':') {
            Some((artifact, of_type)) => (artifact, Some(of_type)),
            None => (text, None),
        };
        let parts: Vec<&str> = artifact.split('/').chain(of_type).collect();
        if parts.len() != 2 + of_type.iter().len() || !parts.iter().all(|part| is_plain(part)) {
            return Err("it must be like acme/web or acme/web:custom.image".to_owned());
        }
        Ok(Self {
            artifact: artifact.to_owned(),
            of_type: of_type.map(str::to_owned),
        })
    }

    fn path(&self, channel: &str) -> String {
        let of_type = self.of_type.as_deref().unwrap_or_default();
        format!("/channels/{}/{of_type}/{channel}", self.artifact)
    }
}

/// Accepts only characters that need no escaping in a path. The emulator checks the rest.
fn word(text: &str) -> Result<String, String> {
    match is_plain(text) {
        true => Ok(text.to_owned()),
        false => Err("it must be a word, like production".to_owned()),
    }
}

fn is_plain(text: &str) -> bool {
    let allowed = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
    !text.is_empty() && text.chars().all(allowed)
}

pub(super) async fn run(command: &Command, emulator: &EmulatorArguments) -> Result<(), String> {
    let shown = |channel: &Value| channel["version"].to_string();
    match command {
        Command::Set {
            place,
            channel,
            version,
            server,
        } => {
            let body = json!({"channel": {"version": version}});
            let client = Client::new(server, emulator)?;
            let path = place.path(channel);
            let set = client.json(Method::PUT, &path, Some(body)).await?;
            print(emulator.output, &set, shown)
        }
        Command::List { place, server } => {
            let client = Client::new(server, emulator)?;
            let path = format!("/channels/{}", place.artifact);
            let mut all = client.json(Method::GET, &path, None).await?;
            if let (Some(of_type), Some(channels)) =
                (&place.of_type, all["channels"].as_array_mut())
            {
                channels.retain(|channel| channel["type"] == **of_type);
            }
            print(emulator.output, &all, |all| {
                table(
                    &all["channels"],
                    &["type", "channel", "version", "changed_at"],
                )
            })
        }
        Command::History {
            place,
            channel,
            server,
        } => {
            let client = Client::new(server, emulator)?;
            let found = client.json(Method::GET, &place.path(channel), None).await?;
            print(emulator.output, &found, |found| {
                let columns = ["number", "time", "username", "version", "back_to"];
                table(&found["changes"], &columns)
            })
        }
        Command::Rollback {
            place,
            channel,
            server,
        } => {
            let client = Client::new(server, emulator)?;
            let path = format!("{}/rollback", place.path(channel));
            let now = client.json(Method::POST, &path, None).await?;
            print(emulator.output, &now, shown)
        }
        Command::Remove {
            place,
            channel,
            server,
        } => {
            let client = Client::new(server, emulator)?;
            let path = place.path(channel);
            client.json(Method::DELETE, &path, None).await.map(drop)
        }
    }
}

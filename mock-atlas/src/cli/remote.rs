//! The commands that call a running emulator, one for each endpoint below `/_mock`.

use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use axum::http::Method;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use clap::Subcommand;
use mock_atlas::{Seed, read_regular_file, read_regular_text};
use serde_json::{Value, json};

use super::client::{Client, Server};
use super::print::{print, table};
use super::{
    EmulatorArguments, MOST_SENT, audit, backup, channel, fault, journal, quota, retention, token,
    tree, webhook,
};

#[derive(Debug, Subcommand)]
pub(super) enum Command {
    /// Makes, lists and revokes tokens of a running emulator
    #[command(subcommand)]
    Token(token::Command),
    /// Points names such as production at versions of a running emulator, and back
    #[command(subcommand)]
    Channel(channel::Command),
    /// Sets, lists and removes quotas of a running emulator: how many bytes an owner's files may have
    #[command(subcommand)]
    Quota(quota::Command),
    /// Lists who changed what in a running emulator, and who tried, the oldest first: time, user, address,
    /// method, path, status, version, id of the token
    Audit(audit::Arguments),
    /// Adds, lists, tests and removes webhooks of a running emulator, which are told of changes by HTTP, and lists the
    /// deliveries to them
    #[command(subcommand)]
    Webhook(webhook::Command),
    /// Adds, lists and removes faults of a running emulator
    #[command(subcommand)]
    Fault(fault::Command),
    /// Restores the state that a running emulator had after its start, seed included
    Reset {
        #[command(flatten)]
        server: Server,
    },
    /// Adds everything that a seed declares to a running emulator, or nothing if the seed has a
    /// mistake
    Seed {
        /// The seed file, JSON or TOML by its extension
        file: PathBuf,
        #[command(flatten)]
        server: Server,
    },
    /// Writes everything that a running emulator has to one archive, while clients work: accounts, artifacts, boxes
    /// and the bytes of all files, as they are at one moment
    #[command(alias = "snapshot")]
    Backup {
        /// The tar archive to write; the file must not exist yet, and gets its name when it is complete
        file: PathBuf,
        /// Write an increment: leave out the bytes of the files that this earlier backup has, or one that it builds
        /// on. All of them are needed to restore it
        #[arg(long, value_name = "FILE")]
        since: Option<PathBuf>,
        #[command(flatten)]
        server: Server,
    },
    /// Replaces everything that a running emulator has, but its root token, with what `backup` wrote: all of it or,
    /// if the archive is damaged, nothing
    Restore {
        /// The archive to restore
        file: PathBuf,
        /// The increments that build on it, the newest last, which `backup --since` wrote
        increments: Vec<PathBuf>,
        #[command(flatten)]
        server: Server,
    },
    /// Adds the artifacts and the boxes of a tree that `atlas-upload mirror`, `atlas-upload box mirror` or
    /// `export` wrote, with their numbers, times and states. Nothing that is there is changed: what differs
    /// is reported. A second run sends what is missing
    Import {
        /// The folder of the tree
        folder: PathBuf,
        /// Only compares the tree with the emulator, and lists what would be added
        #[arg(long)]
        plan: bool,
        #[command(flatten)]
        server: Server,
    },
    /// Writes everything but the accounts of a running emulator as a tree, whose boxes any web server can
    /// serve. Files that are in place already are kept
    Export {
        /// The folder of the tree; it is created if it does not exist
        folder: PathBuf,
        /// The base of the files' addresses in the catalogs of boxes [default: the folder on this
        /// machine]
        #[arg(long, value_name = "URL")]
        base_url: Option<String>,
        #[command(flatten)]
        server: Server,
    },
    /// Deletes an artifact or a version of a running emulator; version numbers are not used again
    Delete {
        /// USERNAME/NAME or USERNAME/NAME/TYPE/VERSION
        #[arg(value_parser = slug)]
        slug: String,
        #[command(flatten)]
        server: Server,
    },
    /// Removes the versions of a running emulator that no rule of a file keeps, or only lists them
    Retention(retention::Arguments),
    /// Lists the versions and the boxes of a running emulator whose file never arrived: slug, state,
    /// received bytes, announced bytes, time
    Orphans {
        #[command(flatten)]
        server: Server,
    },
    #[command(flatten)]
    Journal(journal::Command),
    /// Exits with 0 if an emulator is ready and with 1 if not: the health check of a container
    Health {
        #[command(flatten)]
        server: Server,
    },
}

pub(super) async fn run(command: &Command, emulator: &EmulatorArguments) -> Result<(), String> {
    match command {
        Command::Token(command) => token::run(command, emulator).await,
        Command::Channel(command) => channel::run(command, emulator).await,
        Command::Quota(command) => quota::run(command, emulator).await,
        Command::Audit(arguments) => audit::run(arguments, emulator).await,
        Command::Webhook(command) => webhook::run(command, emulator).await,
        Command::Retention(arguments) => retention::run(arguments, emulator).await,
        Command::Fault(command) => fault::run(command, emulator).await,
        Command::Journal(command) => journal::run(command, emulator).await,
        Command::Reset { server } => {
            let client = Client::new(server, emulator)?;
            client.json(Method::POST, "/reset", None).await.map(drop)
        }
        Command::Seed { file, server } => {
            let client = Client::new(server, emulator)?;
            let file = file.clone();
            let read = tokio::task::spawn_blocking(move || seed(&file)).await;
            let seed = read.map_err(|error| error.to_string())??;
            client
                .json(Method::POST, "/seed", Some(seed))
                .await
                .map(drop)
        }
        Command::Backup {
            file,
            since,
            server,
        } => backup::save(&Client::new(server, emulator)?, file, since.as_deref()).await,
        Command::Restore {
            file,
            increments,
            server,
        } => backup::restore(&Client::new(server, emulator)?, file, increments).await,
        Command::Import {
            folder,
            plan,
            server,
        } => {
            let client = Client::new(server, emulator)?;
            tree::import::run(&client, folder, *plan, emulator.output).await
        }
        Command::Export {
            folder,
            base_url,
            server,
        } => {
            let client = Client::new(server, emulator)?;
            tree::export::run(&client, folder, base_url.as_deref(), emulator.output).await
        }
        Command::Delete { slug, server } => {
            let client = Client::new(server, emulator)?;
            let path = format!("/artifacts/{slug}");
            client.json(Method::DELETE, &path, None).await.map(drop)
        }
        Command::Orphans { server } => {
            let client = Client::new(server, emulator)?;
            let all = client.json(Method::GET, "/orphans", None).await?;
            print(emulator.output, &all, |all| {
                let columns = ["slug", "state", "received", "announced", "since"];
                table(&all["orphans"], &columns)
            })
        }
        Command::Health { server } => {
            let client = Client::new(server, emulator)?;
            health(&client, server.timeout(), emulator).await
        }
    }
}

/// Checks whether the emulator is ready. The timeout limits the whole check, since a container's
/// health check has little time.
async fn health(
    client: &Client,
    timeout: Option<Duration>,
    emulator: &EmulatorArguments,
) -> Result<(), String> {
    let timeout = timeout.unwrap_or(Duration::from_secs(5));
    let asked = client.json(Method::GET, "/health", None);
    let health = tokio::time::timeout(timeout, asked)
        .await
        .map_err(|_| format!("no answer within {} seconds", timeout.as_secs()))??;
    match health["status"].as_str() {
        Some("ready") => print(emulator.output, &health, |_| "ready".to_owned()),
        _ => Err("the server at this address is not a mock-atlas that is ready".to_owned()),
    }
}

/// Accepts only characters that need no escaping in a path. The emulator checks the rest.
fn slug(text: &str) -> Result<String, String> {
    let allowed = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
    let parts: Vec<&str> = text.split('/').collect();
    let is_name = |part: &&str| !part.is_empty() && part.chars().all(allowed);
    if matches!(parts.len(), 2 | 4) && parts.iter().all(is_name) {
        Ok(text.to_owned())
    } else {
        Err("it must be like acme/web or acme/web/custom.image/7".to_owned())
    }
}

/// Returns a seed as JSON that includes its files. The seed is parsed as the emulator does it, so
/// that an error has its line number, and its size is limited to what a running emulator accepts.
fn seed(file: &Path) -> Result<Value, String> {
    let failed = |error: &dyn std::fmt::Display| format!("{}: {error}", file.display());
    if file.is_dir() {
        return Err(failed(
            &"it is a folder, and only a plain file is read: a mirrored tree is taken at the start, \
              with --seed",
        ));
    }
    let text = read_regular_text(file, MOST_SENT).map_err(|error| failed(&error))?;
    let is_toml = file
        .extension()
        .is_some_and(|extension| extension == "toml");
    let seed: Option<Value> = match is_toml {
        true => toml::from_str(&text).ok(),
        false => serde_json::from_str(&text).ok(),
    };
    let folder = file.parent().unwrap_or(Path::new(""));
    let mut seed = seed.unwrap_or_default();
    let len = |holder: &mut Value| {
        let path = path_of(holder).map(|path| folder.join(path));
        path.and_then(|path| path.metadata().ok())
            .map_or(0, |it| it.len())
    };
    if holders(&mut seed)
        .iter_mut()
        .map(|holder| len(holder))
        .sum::<u64>()
        > MOST_SENT
    {
        return Err(failed(&format!(
            "the seed's files have more than the {MOST_SENT} bytes that a running emulator accepts: \
             start an emulator with --seed, or restore a backup"
        )));
    }
    Seed::read_at_most(file, MOST_SENT).map_err(|error| error.to_string())?;
    for holder in holders(&mut seed) {
        enclose(holder, folder).map_err(|error| failed(&error))?;
    }
    Ok(seed)
}

/// Returns what may have a file: the versions of all artifacts, and the providers of all boxes.
fn holders(seed: &mut Value) -> Vec<&mut Value> {
    let Some(seed) = seed.as_object_mut() else {
        return Vec::new();
    };
    let mut holders = Vec::new();
    for (key, list) in seed {
        let versions = items(list).flat_map(|one| elements(one, "versions"));
        match key.as_str() {
            "artifacts" => holders.extend(versions),
            "boxes" => holders.extend(versions.flat_map(|version| elements(version, "providers"))),
            _ => {}
        }
    }
    holders
}

/// Returns the elements of a value that is a list.
fn items(value: &mut Value) -> impl Iterator<Item = &mut Value> {
    value.as_array_mut().into_iter().flatten()
}

/// Returns the elements of a list; none if the list is absent.
fn elements<'a>(value: &'a mut Value, key: &str) -> impl Iterator<Item = &'a mut Value> {
    value.get_mut(key).into_iter().flat_map(items)
}

/// Returns the path of a file, if it is on disk.
fn path_of(holder: &Value) -> Option<&str> {
    holder["file"]["path"].as_str()
}

/// Replaces the path of a file with the file's bytes.
fn enclose(holder: &mut Value, folder: &Path) -> io::Result<()> {
    if let Some(path) = path_of(holder) {
        let bytes = read_regular_file(&folder.join(path), MOST_SENT)?;
        holder["file"] = json!({"base64": STANDARD.encode(bytes)});
    }
    Ok(())
}

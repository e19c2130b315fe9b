//! `mock-atlas webhook` adds, lists, tests and removes webhooks of a running emulator, and lists the deliveries to
//! them.

use std::path::PathBuf;

use axum::http::Method;
use clap::{Args, Subcommand};
use form_urlencoded::Serializer;
use serde_json::json;
use uuid::Uuid;

use super::client::{Client, Server};
use super::print::{print, print_list};
use super::{EmulatorArguments, read};

/// The environment variable with the secret of a new webhook: an argument would be seen by other users.
const SECRET: &str = "MOCK_ATLAS_WEBHOOK_SECRET";

/// The largest file of a secret, in bytes.
const MOST_OF_SECRET: u64 = 1024;

#[derive(Debug, Subcommand)]
pub(super) enum Command {
    /// Adds a webhook, which is told of changes by HTTP from then on, and prints its id. Its secret is that of
    /// --secret-file or MOCK_ATLAS_WEBHOOK_SECRET; else one is made and printed on a second line, which no other
    /// command shows
    Add(Add),
    /// Lists all webhooks, the oldest first, without their secrets: id, time of creation, username or artifact, URL,
    /// events
    List {
        /// Print each webhook as one line of JSON
        #[arg(long)]
        json: bool,
        #[command(flatten)]
        server: Server,
    },
    /// Removes a webhook with its deliveries. Nothing more is sent to it
    Remove {
        /// The webhook's id, as `webhook list` shows it
        id: Uuid,
        #[command(flatten)]
        server: Server,
    },
    /// Sends a ping to a webhook soon, and prints the number of its delivery
    Test {
        /// The webhook's id, as `webhook list` shows it
        id: Uuid,
        #[command(flatten)]
        server: Server,
    },
    /// Lists deliveries to webhooks, the newest first: number, time of the event, state, tries, event, what it is
    /// about, status and error of the last try, time of the next try
    Deliveries(Deliveries),
    /// Delivers again soon, with all tries, also what was delivered already
    Redeliver {
        /// The number of the delivery, as `webhook deliveries` shows it
        delivery: u64,
        #[command(flatten)]
        server: Server,
    },
}

#[derive(Debug, Args)]
pub(super) struct Add {
    /// The address that gets a POST for each event, with http:// or https://. It may be in a private network, but not
    /// link-local, nor where a cloud keeps the secrets of its machines
    url: String,
    /// An event to tell of: version.published, version.deleted, artifact.deleted, box.published, box.revoked or
    /// box.deleted; may be given several times [default: all]
    #[arg(long = "event", value_name = "EVENT")]
    events: Vec<String>,
    /// Tell only of the artifacts and boxes of this user or organization, or of this artifact or box
    #[arg(long, value_name = "USERNAME[/NAME]")]
    on: Option<String>,
    /// A file with the secret that signs deliveries: whsec_ and 24 to 64 bytes in Base64
    #[arg(long, value_name = "FILE")]
    secret_file: Option<PathBuf>,
    #[command(flatten)]
    server: Server,
}

#[derive(Debug, Args)]
pub(super) struct Deliveries {
    /// Only those to the webhook of this id
    id: Option<Uuid>,
    /// Only those whose last try failed
    #[arg(long)]
    failed: bool,
    /// The greatest number of deliveries, up to 1000
    #[arg(long, value_name = "NUMBER", default_value = "100")]
    limit: u64,
    /// Print each delivery as one line of JSON
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    server: Server,
}

pub(super) async fn run(command: &Command, emulator: &EmulatorArguments) -> Result<(), String> {
    match command {
        Command::Add(arguments) => add(arguments, emulator).await,
        Command::List { json, server } => {
            let client = Client::new(server, emulator)?;
            let all = client.json(Method::GET, "/webhooks", None).await?;
            let columns = ["id", "created_at", "on", "url", "events"];
            print_list(&all["webhooks"], &columns, *json, emulator.output)
        }
        Command::Remove { id, server } => {
            let client = Client::new(server, emulator)?;
            let path = format!("/webhooks/{id}");
            client.json(Method::DELETE, &path, None).await.map(drop)
        }
        Command::Test { id, server } => {
            let client = Client::new(server, emulator)?;
            let path = format!("/webhooks/{id}/test");
            let made = client.json(Method::POST, &path, None).await?;
            print(emulator.output, &made, |made| made["delivery"].to_string())
        }
        Command::Deliveries(arguments) => deliveries(arguments, emulator).await,
        Command::Redeliver { delivery, server } => {
            let client = Client::new(server, emulator)?;
            let path = format!("/deliveries/{delivery}/redeliver");
            client.json(Method::POST, &path, None).await.map(drop)
        }
    }
}

async fn add(arguments: &Add, emulator: &EmulatorArguments) -> Result<(), String> {
    let secret = match &arguments.secret_file {
        Some(file) => Some(read(file, MOST_OF_SECRET).await?.trim().to_owned()),
        None => std::env::var(SECRET).ok().filter(|text| !text.is_empty()),
    };
    let body = json!({"webhook": {
        "url": arguments.url,
        "events": arguments.events,
        "on": arguments.on,
        "secret": secret,
    }});
    let client = Client::new(&arguments.server, emulator)?;
    let made = client.json(Method::POST, "/webhooks", Some(body)).await?;
    print(emulator.output, &made, |made| {
        let text = |key: &str| made[key].as_str().map(str::to_owned);
        let lines = [text("id"), text("secret")];
        lines.into_iter().flatten().collect::<Vec<_>>().join("\n")
    })
}

async fn deliveries(arguments: &Deliveries, emulator: &EmulatorArguments) -> Result<(), String> {
    let pairs = [
        ("webhook", arguments.id.map(|id| id.to_string())),
        ("failed", arguments.failed.then(|| "true".to_owned())),
        ("limit", Some(arguments.limit.to_string())),
    ];
    let given = pairs
        .into_iter()
        .filter_map(|(name, value)| Some((name, value?)));
    let query = Serializer::new(String::new()).extend_pairs(given).finish();
    let client = Client::new(&arguments.server, emulator)?;
    let path = format!("/deliveries?{query}");
    let found = client.json(Method::GET, &path, None).await?;
    let columns = [
        "delivery",
        "time",
        "state",
        "attempts",
        "event",
        "subject",
        "status",
        "error",
        "next_try_at",
    ];
    print_list(
        &found["deliveries"],
        &columns,
        arguments.json,
        emulator.output,
    )
}

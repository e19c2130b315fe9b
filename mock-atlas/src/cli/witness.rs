//! The commands that ask a running emulator what was asked of it.

use axum::http::Method;
use clap::{Args, Subcommand};
use form_urlencoded::Serializer;

use super::EmulatorArguments;
use super::client::{Client, Server};
use super::print::{print, table};

#[derive(Debug, Subcommand)]
pub(super) enum Command {
    /// Lists the requests that a running emulator got: number, time, method, path, status, bytes,
    /// user, id
    Requests {
        #[command(flatten)]
        filter: Filter,
        /// Forget all of them instead
        #[arg(long, conflicts_with = "Filter")]
        clear: bool,
        #[command(flatten)]
        server: Server,
    },
}

#[derive(Debug, Args)]
pub(super) struct Filter {
    /// Only those of this method
    #[arg(long)]
    method: Option<String>,
    /// Only those of this path, in which {…} stands for any one segment, as in
    /// /api/v1/artifacts/acme/{name}
    #[arg(long, value_name = "PATH")]
    route: Option<String>,
    /// Only those that were answered with this status
    #[arg(long)]
    status: Option<u16>,
    /// Only those after the one of this number
    #[arg(long, value_name = "NUMBER")]
    since: Option<u64>,
}

impl Filter {
    fn query(&self) -> String {
        let pairs = [
            ("method", self.method.clone()),
            ("route", self.route.clone()),
            ("status", self.status.map(|status| status.to_string())),
            ("since", self.since.map(|number| number.to_string())),
        ];
        let given = pairs
            .into_iter()
            .filter_map(|(name, value)| Some((name, value?)));
        Serializer::new(String::new()).extend_pairs(given).finish()
    }
}

pub(super) async fn run(command: &Command, emulator: &EmulatorArguments) -> Result<(), String> {
    match command {
        Command::Requests {
            clear: true,
            server,
            ..
        } => {
            let client = Client::new(server, emulator)?;
            client
                .json(Method::DELETE, "/requests", None)
                .await
                .map(drop)
        }
        Command::Requests { filter, server, .. } => {
            let client = Client::new(server, emulator)?;
            let path = format!("/requests?{}", filter.query());
            let page = client.json(Method::GET, &path, None).await?;
            print(emulator.output, &page, |page| {
                let columns = [
                    "number", "time", "method", "path", "status", "received", "username", "id",
                ];
                table(&page["requests"], &columns)
            })
        }
    }
}

//! `mock-atlas requests`, `verify`, `lints`, `metrics` and `openapi` read the journal, the metrics and the description of
//! a running emulator.

use std::fmt::Display;
use std::path::PathBuf;

use axum::body::Body;
use axum::http::Method;
use clap::{Args, Subcommand};
use form_urlencoded::Serializer;
use mock_atlas::{ExpectError, Expectations};
use serde_json::{Value, json};

use super::client::{Client, Server};
use super::print::{print, table, write};
use super::{EmulatorArguments, MOST_SENT, Output, read};

#[derive(Debug, Subcommand)]
pub(super) enum Command {
    /// Lists the requests that a running emulator received: number, time, method, path, status,
    /// bytes, user, id
    Requests {
        #[command(flatten)]
        filter: Filter,
        /// Delete all recorded requests instead
        #[arg(long, conflicts_with = "Filter")]
        clear: bool,
        #[command(flatten)]
        server: Server,
    },
    /// Lists what clients of a running emulator should do differently, although their requests
    /// worked
    Lints {
        #[command(flatten)]
        server: Server,
    },
    /// Prints the metrics of a running emulator in the OpenMetrics text format, for Prometheus
    Metrics {
        #[command(flatten)]
        server: Server,
    },
    /// Prints the description of all endpoints of a running emulator, as OpenAPI 3.1
    Openapi {
        #[command(flatten)]
        server: Server,
    },
    /// Exits with 0 if a running emulator received the expected requests, else with 1 and a list of
    /// the differences
    Verify {
        #[command(flatten)]
        expected: Expected,
        #[command(flatten)]
        server: Server,
    },
}

#[derive(Debug, Args)]
pub(super) struct Filter {
    /// Only requests with this method
    #[arg(long)]
    method: Option<String>,
    /// Only requests to this path, in which {…} stands for any one segment, as in
    /// /api/v1/artifacts/acme/{name}
    #[arg(long, value_name = "PATH")]
    route: Option<String>,
    /// Only requests that were answered with this status
    #[arg(long)]
    status: Option<u16>,
    /// Only requests after the request with this number
    #[arg(long, value_name = "NUMBER")]
    since: Option<u64>,
}

#[derive(Debug, Args)]
#[group(required = true, multiple = true)]
pub(super) struct Expected {
    /// A file of expectations in JSON: {"expect": ["…", …], "in_order": true, "lint": true}
    file: Option<PathBuf>,
    /// METHOD ROUTE [STATUS] [with FIELD]… [exactly N | at least N] [at most N], as in 'PUT
    /// /_binstore/{upload} 200 exactly 1'; may be given several times
    #[arg(long, value_name = "EXPECTATION", value_parser = expectation)]
    expect: Vec<String>,
    /// Require that the requests came in the order of the expectations
    #[arg(long)]
    in_order: bool,
    /// Require that `lints` lists nothing
    #[arg(long)]
    lint: bool,
}

/// Returns the text unchanged, if it is a valid expectation.
fn expectation(text: &str) -> Result<String, ExpectError> {
    Expectations::new().expect(text).map(|_| text.to_owned())
}

impl Expected {
    /// Returns all expectations as JSON for the emulator.
    async fn document(&self) -> Result<Value, String> {
        let mut document = match &self.file {
            None => json!({}),
            Some(file) => {
                let failed = |error: &dyn Display| format!("{}: {error}", file.display());
                let text = read(file, MOST_SENT).await?;
                // Parsing here as well makes the error name the file.
                Expectations::from_json(&text).map_err(|error| failed(&error))?;
                serde_json::from_str(&text).map_err(|error| failed(&error))?
            }
        };
        let listed = document["expect"].as_array().cloned().unwrap_or_default();
        let given = self.expect.iter().map(|text| Value::from(text.as_str()));
        document["expect"] = listed.into_iter().chain(given).collect();
        if self.in_order {
            document["in_order"] = true.into();
        }
        if self.lint {
            document["lint"] = true.into();
        }
        Ok(document)
    }
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
        Command::Lints { server } => {
            let client = Client::new(server, emulator)?;
            let all = client.json(Method::GET, "/lints", None).await?;
            print(emulator.output, &all, |all| {
                table(&all["lints"], &["kind", "message", "advice", "requests"])
            })
        }
        Command::Metrics { server } => {
            let client = Client::new(server, emulator)?;
            let asked = client.send(Method::GET, "/metrics", Body::empty());
            write(&asked.await?)
        }
        Command::Openapi { server } => {
            let client = Client::new(server, emulator)?;
            let asked = client.send(Method::GET, "/openapi.json", Body::empty());
            write(&asked.await?)
        }
        Command::Verify { expected, server } => {
            let client = Client::new(server, emulator)?;
            verify(&client, expected, emulator).await
        }
    }
}

async fn verify(
    client: &Client,
    expected: &Expected,
    emulator: &EmulatorArguments,
) -> Result<(), String> {
    let document = expected.document().await?;
    let verdict = client.json(Method::POST, "/verify", Some(document)).await?;
    let text = verdict["text"].as_str().unwrap_or_default().to_owned();
    if verdict["verified"] == true {
        return print(emulator.output, &verdict, |_| text);
    }
    if emulator.output == Output::Json {
        print(emulator.output, &verdict, |_| String::new())?;
    }
    Err(text)
}

//! `mock-atlas audit` lists who changed what, and who tried.

use axum::http::Method;
use clap::Args;
use form_urlencoded::Serializer;

use super::EmulatorArguments;
use super::client::{Client, Server};
use super::print::print_list;
use super::time::Time;

#[derive(Debug, Args)]
pub(super) struct Arguments {
    /// Only entries from this time on: a duration before now, such as 7d, or a time such as
    /// 2027-01-31T12:00:00Z
    #[arg(long, value_name = "TIME", value_parser = Time::parse)]
    since: Option<Time>,
    /// Only entries before this time
    #[arg(long, value_name = "TIME", value_parser = Time::parse)]
    until: Option<Time>,
    /// Only entries of this user
    #[arg(long, value_name = "USERNAME")]
    user: Option<String>,
    /// Print each entry as one line of JSON
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    server: Server,
}

/// The columns of the table.
const COLUMNS: [&str; 8] = [
    "time", "username", "address", "method", "path", "status", "version", "token",
];

/// Prints all entries, page by page.
pub(super) async fn run(arguments: &Arguments, emulator: &EmulatorArguments) -> Result<(), String> {
    let client = Client::new(&arguments.server, emulator)?;
    let mut after = 0;
    loop {
        let path = format!("/audit?{}", arguments.query(after));
        let mut page = client.json(Method::GET, &path, None).await?;
        let entries = page["entries"].take();
        let last = entries.as_array().and_then(|entries| entries.last());
        let Some(last) = last.and_then(|entry| entry["number"].as_u64()) else {
            return Ok(());
        };
        print_list(&entries, &COLUMNS, arguments.json, emulator.output)?;
        after = last;
    }
}

impl Arguments {
    fn query(&self, after: u64) -> String {
        let pairs = [
            ("since", self.since.map(Time::in_past)),
            ("until", self.until.map(Time::in_past)),
            ("user", self.user.clone()),
            ("after", Some(after.to_string())),
        ];
        let given = pairs
            .into_iter()
            .filter_map(|(name, value)| Some((name, value?)));
        Serializer::new(String::new()).extend_pairs(given).finish()
    }
}

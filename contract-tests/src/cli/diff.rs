//! Runs `atlas-contract diff`.

use std::path::PathBuf;

use atlas_contract_tests::{
    exit_code::ExitCode,
    report::{
        Report,
        diff::{Change, changes},
        json,
    },
};
use clap::ValueEnum;
use serde_json::json;

use super::print::{complain, say};

#[derive(clap::Args)]
pub(super) struct Args {
    /// The report of a run, as `run --json` wrote it.
    first: PathBuf,
    /// The report of another run.
    second: PathBuf,
    /// The format of the output.
    #[arg(long, value_enum, default_value_t = Format::Text)]
    format: Format,
}

#[derive(Clone, Copy, ValueEnum)]
enum Format {
    /// Text for a person.
    Text,
    /// JSON: {"first", "second", "changes": [{"id", "first", "second"}]}.
    Json,
}

/// Prints the differences between two reports.
pub(super) fn diff(args: &Args) -> ExitCode {
    let (first, second) = match (json::read(&args.first), json::read(&args.second)) {
        (Ok(first), Ok(second)) => (first, second),
        (Err(error), _) | (_, Err(error)) => return complain(&error, ExitCode::BadConfiguration),
    };
    let changes = changes(&first, &second);
    say(&match args.format {
        Format::Text => text(&first, &second, &changes),
        Format::Json => format!(
            "{:#}",
            json!({"first": run(&first), "second": run(&second), "changes": changes})
        ),
    });
    if changes.is_empty() {
        ExitCode::Holds
    } else {
        ExitCode::Failed
    }
}

fn text(first: &Report, second: &Report, changes: &[Change]) -> String {
    let run = |sign: char, report: &Report| {
        let strict = if report.strict { ", strict" } else { "" };
        format!("{sign} {} on {}{strict}", report.server, report.started)
    };
    let total = match changes.len() {
        0 => "no clause differs".to_owned(),
        1 => "1 clause differs".to_owned(),
        more => format!("{more} clauses differ"),
    };
    let mut parts = vec![format!("{}\n{}", run('-', first), run('+', second))];
    parts.extend(changes.iter().map(ToString::to_string));
    parts.push(total);
    parts.join("\n\n")
}

/// Returns the fields of a report that describe its run.
fn run(report: &Report) -> serde_json::Value {
    json!({
        "suite": report.suite, "server": report.server, "namespace": report.namespace,
        "run_prefix": report.run_prefix, "started": report.started, "strict": report.strict
    })
}

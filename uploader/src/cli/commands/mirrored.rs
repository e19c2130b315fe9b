//! Prints what a mirror has done, or would do: that of boxes, and that of artifacts.

use atlas_uploader::Error;
use atlas_uploader::base::exit_code::ExitCode;
use atlas_uploader::boxes::{Outcome, Plan, Report};
use indicatif::HumanBytes;
use serde_json::{Value, json};

use crate::cli::args::OutputFormat;
use crate::cli::output::console::Console;
use crate::cli::output::table::table;

/// A printer of reports and plans.
pub(super) struct Printer<'a> {
    pub(super) console: &'a Console,
    pub(super) output: OutputFormat,
    /// The name of what is mirrored, in the plural: the key of its number in JSON.
    pub(super) kind: &'static str,
    /// The function that says what to do about an error.
    pub(super) hints: &'a dyn Fn(&Error) -> Vec<String>,
}

impl Printer<'_> {
    /// Prints a plan. `cost` is a sentence about the time that it takes, if there is something to say.
    pub(super) fn plan(&self, plan: &Plan, cost: Option<&str>) -> Result<ExitCode, Error> {
        let rows: Vec<_> = plan
            .fetches
            .iter()
            .map(|(name, size)| {
                let size = size.map_or_else(|| "?".to_owned(), |size| HumanBytes(size).to_string());
                [size, name.clone()]
            })
            .collect();
        let known: u64 = plan.fetches.iter().filter_map(|(_, size)| *size).sum();
        let count = plan.fetches.len() as u64;
        let mut text = table(["SIZE", "FILE"], &rows);
        text += &format!(
            "\n{count} files would be fetched ({} in known sizes), {} are present, {} stay links",
            HumanBytes(known),
            plan.present,
            plan.links.len()
        );
        text.extend(cost.map(|cost| format!("\n{cost}")));
        self.notes(&plan.notes);
        for (name, error) in &plan.failures {
            let text = format!("{name}: {error}");
            self.console.error(&text, &(self.hints)(error));
        }
        let files = plan
            .fetches
            .iter()
            .map(|(name, size)| json!({"name": name, "bytes": size}))
            .collect::<Vec<_>>();
        self.answer(&text, || {
            let remaining = plan.remaining.map(|remaining| remaining.left);
            json!({
                "fetches": files, "bytes": known, "present": plan.present, "links": plan.links,
                "downloads_remaining": remaining, "failed": failures(&plan.failures),
            })
        })?;
        let first = plan.failures.first();
        Ok(first.map_or(ExitCode::Success, |(_, error)| ExitCode::from(error)))
    }

    /// Prints a report.
    pub(super) fn report(&self, report: &Report) -> Result<ExitCode, Error> {
        self.notes(&report.notes);
        for (name, outcome) in &report.files {
            match outcome {
                Outcome::Failed(error) => {
                    self.console.error(&error.to_string(), &(self.hints)(error));
                }
                Outcome::Differs(reason) => {
                    let text = format!("{name} was not replaced: {reason}");
                    self.console.warn(&text);
                }
                _ => {}
            }
        }
        for (name, error) in &report.failures {
            let text = format!("{name} is left out: {error}");
            self.console.error(&text, &(self.hints)(error));
        }
        let totals = report.totals();
        let kind = self.kind.to_uppercase();
        let text = table(
            [
                &*kind,
                "VERSIONS",
                "FILES",
                "BYTES",
                "NEW",
                "LINKS",
                "DIFFERENT",
                "FAILED",
            ],
            &[[
                totals.found.to_string(),
                totals.versions.to_string(),
                totals.files.to_string(),
                HumanBytes(totals.bytes).to_string(),
                totals.fetched.to_string(),
                totals.links.to_string(),
                totals.differing.to_string(),
                totals.failed.to_string(),
            ]],
        );
        self.answer(&text, || self.value(report))?;
        Ok(match report.first_failure() {
            Some(error) => ExitCode::from(error),
            // The tree holds a file that differs from the source's.
            None if totals.differing > 0 => ExitCode::DigestMismatch,
            None => ExitCode::Success,
        })
    }

    fn notes(&self, notes: &[String]) {
        for note in notes {
            self.console.say(note);
        }
    }

    fn answer(&self, text: &str, value: impl FnOnce() -> Value) -> Result<(), Error> {
        match self.output {
            OutputFormat::Text => self.console.out(text),
            OutputFormat::Json | OutputFormat::Tfvars => self.console.out(&value().to_string()),
        }
    }

    fn value(&self, report: &Report) -> Value {
        let files = report.files.iter().map(|(name, outcome)| {
            let (state, bytes, reason) = match outcome {
                Outcome::Fetched { bytes } => ("fetched", Some(*bytes), None),
                Outcome::Present { bytes } => ("present", Some(*bytes), None),
                Outcome::Linked => ("link", None, None),
                Outcome::Differs(reason) => ("different", None, Some(reason.clone())),
                Outcome::Failed(error) => ("failed", None, Some(error.to_string())),
            };
            json!({"name": name, "state": state, "bytes": bytes, "reason": reason})
        });
        let totals = report.totals();
        json!({
            "totals": {
                self.kind: totals.found, "versions": totals.versions, "files": totals.files,
                "bytes": totals.bytes, "fetched": totals.fetched, "links": totals.links,
                "differing": totals.differing, "failed": totals.failed,
            },
            "files": files.collect::<Vec<_>>(),
            "failed": failures(&report.failures), "notes": report.notes,
        })
    }
}

fn failures(failures: &[(String, Error)]) -> Vec<Value> {
    let one = |(name, error): &(String, Error)| json!({"name": name, "reason": error.to_string()});
    failures.iter().map(one).collect()
}

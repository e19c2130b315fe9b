//! `mock-atlas retention` removes old versions of a running emulator by rules.
//!
//! - `rules`: the rules of a file; `choose`: decides which versions they keep

mod choose;
mod rules;

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::time::{Duration, SystemTime};

use atlas_common::gem_version::GemVersion;
use clap::Args;
use serde::Serialize;
use serde_json::{Value, json};

use super::client::{Client, Server};
use super::print::{print, table};
use super::time::{parse_duration, parse_timestamp};
use super::tree::contents::{self, Line, Listed};
use super::tree::{BOX_TYPE, elements};
use super::{EmulatorArguments, MOST_SENT, complain, read};
use choose::{Facts, removals};
use rules::Rules;

#[derive(Debug, Args)]
pub(super) struct Arguments {
    /// The rules, in TOML: see docs/operate.md
    rules: PathBuf,
    /// Remove the versions; without this, they are only listed
    #[arg(long)]
    apply: bool,
    /// Go on, and apply the rules again and again after this time, such as 1d
    #[arg(long, value_name = "DURATION", requires = "apply", value_parser = interval)]
    every: Option<Duration>,
    #[command(flatten)]
    server: Server,
}

fn interval(text: &str) -> Result<Duration, String> {
    let interval = parse_duration(text).filter(|interval| !interval.is_zero());
    interval.ok_or_else(|| "expected a duration with its unit, such as 12h or 1d".to_owned())
}

/// Lists or removes what no rule keeps, once or again and again. A failure ends a single run; one of many is
/// reported, and the next one follows.
pub(super) async fn run(arguments: &Arguments, emulator: &EmulatorArguments) -> Result<(), String> {
    let Some(interval) = arguments.every else {
        return run_once(arguments, emulator).await;
    };
    loop {
        if let Err(error) = run_once(arguments, emulator).await {
            complain(&error);
        }
        tokio::time::sleep(interval).await;
    }
}

async fn run_once(arguments: &Arguments, emulator: &EmulatorArguments) -> Result<(), String> {
    let text = read(&arguments.rules, MOST_SENT).await?;
    let rules = Rules::parse(&text);
    let rules = rules.map_err(|error| format!("{}: {error}", arguments.rules.display()))?;
    let client = Client::new(&arguments.server, emulator)?;
    let mut found = find(&client, &rules).await?;
    let failures = match arguments.apply {
        true => found.apply(&client).await,
        false => Vec::new(),
    };
    report(&found, arguments.apply, emulator)?;
    match failures.is_empty() {
        true => Ok(()),
        false => Err(format!(
            "these versions were not removed:\n{}",
            failures.join("\n")
        )),
    }
}

fn report(found: &Found, applied: bool, emulator: &EmulatorArguments) -> Result<(), String> {
    let (count, versions) = (found.removals.len(), found.versions);
    let bytes: u64 = found.removals.iter().map(|removal| removal.bytes).sum();
    let report = json!({
        "removed": found.removals, "applied": applied, "versions": versions, "bytes": bytes,
        "of_channels": found.of_channels,
    });
    print(emulator.output, &report, |report| {
        let list = table(&report["removed"], &["version", "created_at", "bytes"]);
        let end = match applied {
            true => format!("removed {count} of {versions} versions, with {bytes} bytes"),
            false => format!(
                "{count} of {versions} versions, with {bytes} bytes, would be removed: --apply removes them"
            ),
        };
        let end = match found.of_channels.len() {
            0 => end,
            1 => format!("{end}; 1 stays, since a channel points at it"),
            more => format!("{end}; {more} stay, since channels point at them"),
        };
        match list.is_empty() {
            true => end,
            false => format!("{list}\n{end}"),
        }
    })
}

/// The versions that no rule keeps.
#[derive(Default)]
struct Found {
    removals: Vec<Removal>,
    /// The number of all versions.
    versions: usize,
    /// The slugs of those versions that no rule keeps, and that stay since a channel points at them.
    of_channels: Vec<String>,
}

/// A version that is to be removed.
#[derive(Debug, Serialize)]
struct Removal {
    /// The slug of the version, or `USERNAME/NAME` and the version of a box.
    version: String,
    created_at: String,
    /// The size of its files.
    bytes: u64,
    #[serde(skip)]
    path: String,
}

impl Found {
    /// Removes the versions, keeps those that were removed, and returns why others were not.
    async fn apply(&mut self, client: &Client) -> Vec<String> {
        let (mut removed, mut failures) = (Vec::new(), Vec::new());
        for removal in self.removals.drain(..) {
            match client.delete_in_api(&removal.path).await {
                Ok(()) => removed.push(removal),
                Err(error) => failures.push(format!("{}: {error}", removal.version)),
            }
        }
        self.removals = removed;
        failures
    }
}

/// A version, with what is needed to remove it.
struct Candidate {
    facts: Facts,
    removal: Removal,
    /// Whether a channel points at the version, which stays then.
    has_channel: bool,
}

/// A type, with its versions as they come.
struct OfType {
    name: String,
    /// The numbers of the versions that channels point at.
    pointed_at: BTreeSet<u64>,
    /// The versions by their numbers.
    versions: Vec<(u64, Candidate)>,
}

/// Reads the contents, and applies the rules to each type and to each box.
async fn find(client: &Client, rules: &Rules) -> Result<Found, String> {
    let mut finder = Finder {
        rules,
        now: SystemTime::now(),
        artifact: String::new(),
        of_type: None,
        found: Found::default(),
    };
    contents::read(client, |line| finder.take(line)).await?;
    finder.end_type();
    Ok(finder.found)
}

struct Finder<'a> {
    rules: &'a Rules,
    now: SystemTime,
    /// The name of the artifact whose lines come.
    artifact: String,
    /// The type whose versions come.
    of_type: Option<OfType>,
    found: Found,
}

impl Finder<'_> {
    fn take(&mut self, line: Line) -> Result<(), String> {
        match line {
            Line::Artifact(artifact) => {
                self.end_type();
                self.artifact = format!("{}/{}", artifact.owner, artifact.name);
            }
            Line::Type(of_type) => {
                self.end_type();
                self.of_type = Some(OfType {
                    name: of_type.name,
                    pointed_at: of_type.channels.into_values().collect(),
                    versions: Vec::new(),
                });
            }
            Line::Version(listed) => {
                let unexpected = || "the emulator sent its contents in another order".to_owned();
                let of_type = self.of_type.as_mut().ok_or_else(unexpected)?;
                let number = listed.version.number;
                let mut version = candidate(&self.artifact, &of_type.name, *listed);
                version.has_channel = of_type.pointed_at.contains(&number);
                of_type.versions.push((number, version));
            }
            Line::Box(record) => {
                self.end_type();
                let rules = self.rules.of_box(&self.artifact);
                self.choose(&rules, box_candidates(&self.artifact, &record));
            }
        }
        Ok(())
    }

    /// Applies the rules to the versions of a type. The files of boxes go with their boxes.
    fn end_type(&mut self) {
        let Some(mut of_type) = self.of_type.take() else {
            return;
        };
        if of_type.name != BOX_TYPE {
            of_type.versions.sort_by_key(|(number, _)| *number);
            let versions = of_type.versions.into_iter();
            let versions = versions.map(|(_, version)| version).collect();
            let rules = self.rules.of_type(&self.artifact, &of_type.name);
            self.choose(&rules, versions);
        }
    }

    /// Chooses among versions in the order of their numbers.
    fn choose(&mut self, rules: &[rules::Keep], candidates: Vec<Candidate>) {
        self.found.versions += candidates.len();
        let facts: Vec<Facts> = candidates.iter().map(|one| one.facts.clone()).collect();
        let removed = removals(rules, &facts, self.now);
        let chosen = candidates.into_iter().zip(removed);
        for (candidate, _) in chosen.filter(|(_, is_removed)| *is_removed) {
            match candidate.has_channel {
                true => self.found.of_channels.push(candidate.removal.version),
                false => self.found.removals.push(candidate.removal),
            }
        }
    }
}

fn candidate(artifact: &str, of_type: &str, listed: Listed) -> Candidate {
    let version = listed.version;
    let slug = format!("{artifact}/{of_type}/{}", version.number);
    Candidate {
        facts: Facts {
            created: parse_timestamp(&version.created_at).map(SystemTime::from),
            metadata: version.metadata,
            build: version.build,
        },
        removal: Removal {
            path: format!("/_mock/artifacts/{slug}"),
            version: slug,
            created_at: version.created_at,
            bytes: listed.file.map_or(0, |file| file.size),
        },
        has_channel: false,
    }
}

/// Returns the active versions of a box in the order of RubyGems. The others are not for users, or not yet: they
/// must not push out what users have.
fn box_candidates(name: &str, record: &Value) -> Vec<Candidate> {
    let versions = elements(&record["versions"]);
    let mut versions: Vec<&Value> = versions
        .filter(|version| version["state"] == "active")
        .filter(|version| elements(&version["providers"]).all(has_bytes))
        .collect();
    let text = |version: &Value, key: &str| version[key].as_str().unwrap_or_default().to_owned();
    versions.sort_by_cached_key(|version| GemVersion::of(&text(version, "version")));
    let candidate = |version: &Value| {
        let (number, created_at) = (text(version, "version"), text(version, "created_at"));
        let sizes = elements(&version["providers"]).filter_map(|one| one["size"].as_u64());
        Candidate {
            facts: Facts {
                created: parse_timestamp(&created_at).map(SystemTime::from),
                ..Facts::default()
            },
            removal: Removal {
                version: format!("{name} {number}"),
                created_at,
                bytes: sizes.sum(),
                path: format!("/api/v2/box/{name}/version/{number}"),
            },
            has_channel: false,
        }
    };
    versions.into_iter().map(candidate).collect()
}

/// Returns whether the file of a provider has come, or is elsewhere.
fn has_bytes(provider: &Value) -> bool {
    provider["hosted"] == false || !provider["number"].is_null()
}

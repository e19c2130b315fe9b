//! Runs `atlas-contract client -- COMMAND`.

use std::time::Duration;

use atlas_contract_tests::{
    client::{
        ClientError,
        judge::{self, Options},
        observation::Observation,
        rule::Profile,
        rules,
        scenario::Scenario,
        uploader::Uploader,
    },
    exit_code::ExitCode,
    report::{About, Start, Status},
    run::filter,
};
use clap::{
    ValueEnum,
    builder::{PossibleValue, PossibleValuesParser, TypedValueParser},
};

use super::{
    output::{self, Output},
    print::{complain, pass_on, say},
};

pub(super) const EXIT_CODES: &str = "Exit codes:
  0  the command sent something, and all required rules hold
  1  a rule failed
  2  bad arguments, or the command cannot be started
  3  a filter matches no rule, the command sent nothing, or no rule had an occasion
  4  the command did not end in time, or sent or wrote more than can be kept, or the recording server failed
  5  a report could not be written
  130 and 143  stopped by SIGINT (Ctrl-C) or SIGTERM";

#[derive(clap::Args)]
pub(super) struct Args {
    /// The artifact that the command pushes to.
    #[arg(long, value_name = "USER/NAME", default_value = "acme/web")]
    artifact: String,
    /// The behaviour of the server; may be given several times, and the command is run once for each, with a new
    /// server.
    #[arg(long, value_name = "SCENARIO", default_value = "fresh", value_parser = scenarios())]
    scenario: Vec<Vec<Scenario>>,
    /// The profile that the command claims.
    #[arg(long, default_value = "any")]
    profile: Profile,
    /// The time limit for the command, in each scenario.
    #[arg(long, value_name = "SECONDS", default_value_t = 120)]
    timeout: u64,
    /// Checks only rules whose id contains this; may be given several times, and each must match a rule.
    #[arg(long, value_name = "PART")]
    filter: Vec<String>,
    #[command(flatten)]
    output: Output,
    /// Treats every difference as a failure.
    #[arg(long)]
    strict: bool,
    /// A command that pushes to the artifact. {url}, {token} and {artifact} in it are replaced; ATLAS_ADDRESS,
    /// ATLAS_TOKEN and ATLAS_CONTRACT_ARTIFACT have the same values. Its output goes to stderr.
    #[arg(last = true, required = true, value_name = "COMMAND")]
    command: Vec<String>,
}

/// Parses the name of a scenario, or `all`.
fn scenarios() -> impl TypedValueParser<Value = Vec<Scenario>> {
    let each = Scenario::value_variants();
    let names = each.iter().filter_map(ValueEnum::to_possible_value);
    let all = PossibleValue::new("all").help("Each of them, one after the other");
    PossibleValuesParser::new(names.chain([all])).map(|name| {
        let one = Scenario::from_str(&name, false).map(|scenario| vec![scenario]);
        one.unwrap_or_else(|_| Scenario::value_variants().to_vec())
    })
}

/// Runs a command in each scenario, checks its requests against the rules, and prints the verdicts.
pub(super) async fn client(mut args: Args) -> ExitCode {
    let ids = rules::all().map(|rule| rule.id);
    if let Err(error) = filter::each_matches(&args.filter, "rule", ids) {
        return complain(&error, ExitCode::NothingRan);
    }
    let drafts = match std::mem::take(&mut args.output).open() {
        Ok(drafts) => drafts,
        Err(error) => return complain(&error, ExitCode::ReportLost),
    };
    let start = Start::now();
    let observed = match observe(&args).await {
        Ok(observed) => observed,
        Err(error) => return complain(&error, error.exit_code()),
    };
    let options = Options {
        profile: args.profile,
        filters: args.filter,
        strict: args.strict,
    };
    let reports = judge::judge(&observed, &options);
    for report in reports.iter().filter(|it| it.status != Status::Skip) {
        say(&report.to_string());
    }
    // A report is about a server and a namespace; the recording server and the artifact take their places.
    let about = About {
        server: "a recording server",
        namespace: &args.artifact,
        run_prefix: "",
        strict: args.strict,
    };
    let report = start.report(about, reports);
    say(&format!("\n{}", report.conclusion()));
    match output::write(drafts, &report) {
        Ok(()) => report.summary.exit_code(),
        Err(error) => complain(&error, ExitCode::ReportLost),
    }
}

async fn observe(args: &Args) -> Result<Vec<Observation>, ClientError> {
    let mut words = args.command.iter().cloned();
    let uploader = Uploader {
        // Never empty: clap requires a command.
        program: words.next().unwrap_or_default(),
        arguments: words.collect(),
        artifact: args.artifact.clone(),
        limit: Duration::from_secs(args.timeout),
    };
    let mut observed = Vec::new();
    for scenario in args.scenario.iter().flatten() {
        pass_on(format!("scenario {scenario}\n").as_bytes());
        observed.push(uploader.observed(*scenario, pass_on).await?);
    }
    Ok(observed)
}

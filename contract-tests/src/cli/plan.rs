//! Runs `atlas-contract run --plan`.

use atlas_contract_tests::{
    exit_code::ExitCode,
    report::{ClauseReport, Status, Summary},
    run::{Options, plan::Plan, target::Target},
};

use super::print::{complain, say};

/// Prints every request that a run would send, clause by clause.
pub(super) async fn plan(target: &Target, options: Options) -> ExitCode {
    let plan = match Plan::of(target, options).await {
        Ok(plan) => plan,
        Err(error) => return complain(&error, error.exit_code()),
    };
    requests("before the first clause", &plan.first);
    for (report, sent) in &plan.clauses {
        clause(report, sent);
    }
    let reports: Vec<_> = plan
        .clauses
        .iter()
        .map(|(report, _)| report.clone())
        .collect();
    if Summary::of(&reports).ran() == 0 {
        say("no request would be sent");
        return ExitCode::NothingRan;
    }
    say(&format!(
        "{} requests to {}, of which none was sent. Values that depend on replies are those of an emulator; the names of \
         a run begin with other digits than {}.",
        plan.len(),
        target.root(),
        plan.prefix.as_str()
    ));
    if !target.is_read_only() {
        say(&format!(
            "Files would go to the addresses that the server names, if they are on {}, and to no other origin \
             (--allow-upload-origin).",
            target.server().upload_origins().join(" or ")
        ));
    }
    ExitCode::Holds
}

fn clause(report: &ClauseReport, sent: &[String]) {
    match report.status {
        Status::Skip => {}
        Status::Disabled => say(&format!("{}: not checked: {}\n", report.id, report.detail)),
        Status::Pass => requests(&report.id, sent),
        Status::Fail | Status::Difference | Status::Error => {
            let title = format!("{}, incomplete: an emulator violates it here", report.id);
            requests(&title, sent);
        }
    }
}

fn requests(title: &str, sent: &[String]) {
    say(title);
    for line in sent {
        say(&format!("    {line}"));
    }
    say("");
}

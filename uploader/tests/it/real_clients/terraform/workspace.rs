//! Runs Terraform in a folder of its own, with this program as its provider and without a network.

use std::path::{Path, PathBuf};
use std::process::Stdio;

use serde_json::Value;
use tokio::process::Command;

use crate::support::program::{Program, Run};

/// The address of the provider for a configuration that gives none.
pub(crate) const SOURCE: &str = "registry.terraform.io/hashicorp/atlas";

/// Returns a command of Terraform in the program's folder, with the program's variables.
pub(crate) fn terraform(program: &Program) -> Command {
    let mut command = program.command_of(Path::new("terraform"));
    command
        .env("PATH", std::env::var_os("PATH").unwrap_or_default())
        .env("TF_CLI_CONFIG_FILE", program.path("terraformrc"))
        .env("TF_IN_AUTOMATION", "1")
        .env("CHECKPOINT_DISABLE", "1")
        .env("TMPDIR", program.folder());
    command
}

pub(crate) async fn run(program: &Program, line: &str) -> Run {
    let output = terraform(program).args(line.split(' ')).output().await;
    let output = output.expect("terraform is needed");
    Run {
        code: output.status.code().unwrap(),
        stdout: String::from_utf8_lossy(&output.stdout).into_owned(),
        stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
    }
}

/// Runs Terraform, which must succeed.
pub(crate) async fn done(program: &Program, line: &str) -> Run {
    let run = run(program, line).await;
    assert_eq!(run.code, 0, "terraform {line}: {run}");
    run
}

/// Returns the text of a run without the frames and line breaks of Terraform's diagnostics.
pub(crate) fn words(run: &Run) -> String {
    let all = format!("{}\n{}", run.stdout, run.stderr);
    let words = all.split(|c: char| c.is_whitespace() || "│╷╵".contains(c));
    let words: Vec<_> = words.filter(|word| !word.is_empty()).collect();
    words.join(" ")
}

/// Lets Terraform take the provider from the folder of `dev_overrides`, which needs no `init`.
pub(crate) async fn overridden(program: &Program) {
    let folder = program.path("bin");
    let install = ["terraform", "install", "--dir", folder.to_str().unwrap()];
    let installed = program.run(&install).await;
    assert_eq!(installed.code, 0, "{installed}");
    program.write("terraformrc", settings(&installed));
}

/// Returns the settings that an installation prints, without a way to the network.
pub(crate) fn settings(installed: &Run) -> String {
    let begin = installed.stderr.find("provider_installation {").unwrap();
    let end = begin + installed.stderr[begin..].find("\n}\n").unwrap();
    let printed = format!("{}\n}}\n", &installed.stderr[begin..end]);
    let direct = printed.find("  direct {").unwrap();
    format!("{}}}\n", &printed[..direct])
}

/// Returns the outputs of the state.
pub(crate) async fn outputs(program: &Program) -> Value {
    let run = done(program, "output -json").await;
    serde_json::from_str(&run.stdout).unwrap()
}

/// Returns a program whose Terraform has a configuration, and the override.
pub(crate) async fn with_configuration(url: &str, token: &str, configuration: &str) -> Program {
    let program = Program::at(url, token);
    overridden(&program).await;
    program.write("main.tf", configuration);
    program
}

/// Returns the processes that run a program in this folder.
pub(crate) fn processes_in(folder: &Path) -> Vec<i32> {
    let entries = std::fs::read_dir("/proc").unwrap();
    let ids = entries.filter_map(|entry| entry.ok()?.file_name().to_str()?.parse::<i32>().ok());
    ids.filter(|id| {
        let program = PathBuf::from(format!("/proc/{id}/exe"));
        std::fs::read_link(program).is_ok_and(|program| program.starts_with(folder))
    })
    .collect()
}

/// Starts Terraform in a process group of its own, and returns at once.
pub(crate) fn start(program: &Program, line: &str) -> tokio::process::Child {
    let mut command = terraform(program);
    command.args(line.split(' ')).process_group(0);
    command.stdout(Stdio::piped()).stderr(Stdio::piped());
    command.spawn().expect("terraform is needed")
}

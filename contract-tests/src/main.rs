//! `atlas-contract` judges a running Atlas by its contract.

mod cli;

fn main() -> std::process::ExitCode {
    cli::main().into()
}

//! `atlas-contract`: judges a running Atlas by its contract.

mod cli;

#[tokio::main]
async fn main() -> std::process::ExitCode {
    cli::main().await.into()
}

//! Runs `atlas-contract ledger`.

use atlas_contract_tests::{
    exit_code::ExitCode,
    ledger::{Ledger, behaviour, checks, markdown::markdown, places::Places, text::text},
};
use clap::ValueEnum;

use super::print::{complain, say};

#[derive(clap::Args)]
pub(super) struct Args {
    /// The format of the output.
    #[arg(long, value_enum, default_value_t = Format::Text)]
    format: Format,
}

#[derive(Clone, Copy, ValueEnum)]
enum Format {
    Text,
    Markdown,
    Json,
}

/// Prints every behaviour of the contract with its evidence.
pub(super) fn ledger(args: &Args) -> ExitCode {
    let own = Ledger::own().and_then(|ledger| Ok((ledger, Places::own()?)));
    let (ledger, places) = match own {
        Ok(own) => own,
        Err(error) => return complain(&error, ExitCode::SuiteBroke),
    };
    let behaviours = behaviour::all(&ledger, &places, &checks::all());
    let written = match args.format {
        Format::Text => Ok(text(&behaviours)),
        Format::Markdown => Ok(markdown(&behaviours)),
        Format::Json => behaviour::json(&behaviours),
    };
    match written {
        Ok(written) => say(written.trim_end()),
        Err(error) => return complain(&error, ExitCode::SuiteBroke),
    }
    ExitCode::Holds
}

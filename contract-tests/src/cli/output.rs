//! Where the reports of a run go.

use std::path::PathBuf;

use atlas_contract_tests::report::{
    Form, Report,
    draft::{Draft, DraftError},
};

#[derive(Default, clap::Args)]
pub(super) struct Output {
    /// Writes the report to this file too, as JSON.
    #[arg(long, value_name = "FILE")]
    json: Option<PathBuf>,
    /// Writes the report to this file too, as JUnit XML.
    #[arg(long, value_name = "FILE")]
    junit: Option<PathBuf>,
    /// Writes the report to this file too, as a page for a browser.
    #[arg(long, value_name = "FILE")]
    html: Option<PathBuf>,
}

impl Output {
    /// Makes sure that all reports can be written, before there is anything to report.
    pub(super) fn open(self) -> Result<Vec<Draft>, DraftError> {
        let places = [
            (Form::Json, self.json),
            (Form::Junit, self.junit),
            (Form::Html, self.html),
        ];
        let asked = |(form, file)| Some((form, file?));
        Draft::open_all(places.into_iter().filter_map(asked))
    }
}

/// Writes each report, also if another cannot be written; the first error is the one to tell.
pub(super) fn write(drafts: Vec<Draft>, report: &Report) -> Result<(), DraftError> {
    let written = drafts.into_iter().map(|draft| draft.write(report));
    written.fold(Ok(()), Result::and)
}

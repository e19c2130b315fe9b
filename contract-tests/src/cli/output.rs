//! These options name the files of a run's report.

use std::path::PathBuf;

use atlas_contract_tests::report::{
    Form, Report,
    draft::{Draft, DraftError},
};

#[derive(Default, clap::Args)]
pub(super) struct Output {
    /// Also writes the report to this file, as JSON.
    #[arg(long, value_name = "FILE")]
    json: Option<PathBuf>,
    /// Also writes the report to this file, as JUnit XML.
    #[arg(long, value_name = "FILE")]
    junit: Option<PathBuf>,
    /// Also writes the report to this file, as a page for a browser.
    #[arg(long, value_name = "FILE")]
    html: Option<PathBuf>,
}

impl Output {
    /// Checks before the run that all reports can be written.
    pub(super) fn open(self) -> Result<Vec<(Form, Draft)>, DraftError> {
        let places = [
            (Form::Json, self.json),
            (Form::Junit, self.junit),
            (Form::Html, self.html),
        ];
        let named = |(form, file)| Some((form, file?));
        Draft::open_all(places.into_iter().filter_map(named))
    }
}

/// Writes every report, even if another one cannot be written, and returns the first error.
pub(super) fn write(drafts: Vec<(Form, Draft)>, report: &Report) -> Result<(), DraftError> {
    let drafts = drafts.into_iter();
    let written = drafts.map(|(form, draft)| draft.write(form.write(report)));
    written.fold(Ok(()), Result::and)
}

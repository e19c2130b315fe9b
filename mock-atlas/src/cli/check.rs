//! `mock-atlas check` compares all that is kept with itself, and `mock-atlas rebuild` makes a lost database anew.

use std::cell::Cell;
use std::io::{self, IsTerminal, Write};
use std::process::ExitCode;
use std::time::{Duration, Instant};

use mock_atlas::{CheckProgress, CheckReport, MockAtlas};
use serde_json::{Value, json};

use super::print::print;
use super::{EmulatorArguments, Output, complain};

/// The exit code of a check that could not be made.
const NOT_CHECKED: u8 = 2;

/// The time between two lines of progress.
const SHOWN_EVERY: Duration = Duration::from_millis(200);

/// Runs `check`: exits with 0 where all is well, with 1 where something is damaged, and with 2 where it cannot
/// be found out.
pub(super) async fn run(arguments: &EmulatorArguments) -> ExitCode {
    let builder = arguments.data.set(MockAtlas::builder());
    let progress = Progress::new();
    let checked = builder.check(|now| progress.show(now)).await;
    progress.clear();
    let printed = match checked {
        Ok(report) => {
            print_report(arguments.output, &report, "checked", json!({})).map(|()| report)
        }
        Err(error) => Err(error.to_string()),
    };
    match printed {
        Ok(report) if report.is_whole() => ExitCode::SUCCESS,
        Ok(_) => ExitCode::FAILURE,
        Err(message) => {
            complain(&message);
            ExitCode::from(NOT_CHECKED)
        }
    }
}

/// Runs `rebuild`: exits with 0 where everything that is described is back, and with 1 where not.
pub(super) async fn rebuild(arguments: &EmulatorArguments) -> Result<ExitCode, String> {
    let builder = arguments.data.set(MockAtlas::builder());
    let builder = super::given(builder, arguments.token.clone(), mock_atlas::Builder::token);
    let rebuilt = builder.rebuild().await.map_err(|error| error.to_string())?;
    let (report, token) = (rebuilt.report, rebuilt.token);
    print_report(
        arguments.output,
        &report,
        "rebuilt",
        json!({"token": token}),
    )?;
    if arguments.output == Output::Text {
        let text = format!("The root token of the new database: {token}\n");
        super::print::write(text.as_bytes())?;
    }
    Ok(match report.is_whole() {
        true => ExitCode::SUCCESS,
        false => ExitCode::FAILURE,
    })
}

fn print_report(
    output: Output,
    report: &CheckReport,
    done: &str,
    mut more: Value,
) -> Result<(), String> {
    let damages = report.damages.iter();
    let damages = damages.map(|damage| json!({"what": damage.what, "how": damage.how}));
    let mut json = json!({
        "versions": report.versions,
        "boxes": report.boxes,
        "files": report.files,
        "bytes": report.bytes,
        "damaged": report.damaged,
        "damages": damages.collect::<Vec<_>>(),
    });
    if let (Some(to), Some(from)) = (json.as_object_mut(), more.as_object_mut()) {
        to.append(from);
    }
    print(output, &json, |_| text(report, done))
}

fn text(report: &CheckReport, done: &str) -> String {
    let CheckReport {
        versions,
        boxes,
        files,
        bytes,
        damaged,
        ..
    } = report;
    let mut lines: Vec<String> = report
        .damages
        .iter()
        .map(|damage| format!("{}: {}", damage.what, damage.how).replace(char::is_control, "?"))
        .collect();
    let unnamed = damaged - report.damages.len() as u64;
    if unnamed > 0 {
        lines.push(format!("and {unnamed} more"));
    }
    let outcome = match damaged {
        0 => "all is well".to_owned(),
        1 => "1 is damaged".to_owned(),
        many => format!("{many} are damaged"),
    };
    lines.push(format!(
        "{done} {versions} versions, {boxes} boxes and {files} files of {bytes} bytes: {outcome}"
    ));
    lines.join("\n")
}

/// The progress on a terminal. Elsewhere nothing is shown.
pub(super) struct Progress {
    is_shown: bool,
    last: Cell<Option<Instant>>,
}

impl Progress {
    pub(super) fn new() -> Self {
        Self {
            is_shown: io::stderr().is_terminal(),
            last: Cell::new(None),
        }
    }

    pub(super) fn show(&self, now: CheckProgress) {
        let is_early = self
            .last
            .get()
            .is_some_and(|last| last.elapsed() < SHOWN_EVERY);
        if !self.is_shown || is_early {
            return;
        }
        self.last.set(Some(Instant::now()));
        let mib = |bytes: u64| bytes / 1024 / 1024;
        let (files, of_files) = (now.files, now.of_files);
        let (bytes, of_bytes) = (mib(now.bytes), mib(now.of_bytes));
        // Progress that cannot be shown is no reason to stop.
        let _ = write!(
            io::stderr(),
            "\r{files} of {of_files} files, {bytes} of {of_bytes} MiB"
        );
    }

    pub(super) fn clear(&self) {
        if self.is_shown && self.last.get().is_some() {
            let _ = write!(io::stderr(), "\r\x1b[K");
        }
    }
}

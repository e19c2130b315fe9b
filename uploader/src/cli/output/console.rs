//! The only way out: both streams pass the redactor, and neither can panic when nobody reads.

use std::io::{self, IsTerminal as _, Stderr, Stdout, Write};
use std::path::Path;
use std::sync::{Mutex, PoisonError};
use std::time::Instant;

use atlas_uploader::base::exit_code::ExitCode;
use atlas_uploader::base::reporter::{Event, Reporter, unencrypted};
use atlas_uploader::base::secret::{RedactingWriter, Redactor};
use atlas_uploader::{Cause, Error, Phase};
use serde_json::json;

use super::progress::{Progress, Step, Style};
use crate::cli::args::{GlobalArgs, ProgressStyle};

pub(crate) struct Console {
    redactor: Redactor,
    out: Mutex<RedactingWriter<Stdout>>,
    err: Mutex<RedactingWriter<Stderr>>,
    progress: Progress,
    quiet: bool,
}

impl Console {
    /// Shows words and no progress.
    pub(crate) fn new(redactor: Redactor) -> Self {
        Self {
            out: Mutex::new(RedactingWriter::new(io::stdout(), redactor.clone())),
            err: Mutex::new(RedactingWriter::new(io::stderr(), redactor.clone())),
            progress: Progress::new(Style::Nothing),
            quiet: false,
            redactor,
        }
    }

    /// Shows what the arguments ask for.
    #[must_use]
    pub(crate) fn showing(self, args: &GlobalArgs) -> Self {
        Self {
            progress: Progress::new(style(args, &self.redactor)),
            quiet: args.quiet,
            ..self
        }
    }

    pub(crate) fn redactor(&self) -> &Redactor {
        &self.redactor
    }

    /// A result. That nobody reads on is no failure: `atlas-upload search … | head -1`.
    pub(crate) fn out(&self, text: &str) -> Result<(), Error> {
        self.out_bytes(text.as_bytes())
    }

    /// Prints a path as a result, as the system spells it.
    pub(crate) fn out_path(&self, path: &Path) -> Result<(), Error> {
        self.out_bytes(path.as_os_str().as_encoded_bytes())
    }

    fn out_bytes(&self, line: &[u8]) -> Result<(), Error> {
        self.progress.clear();
        let mut out = self.out.lock().unwrap_or_else(PoisonError::into_inner);
        let line = [line, b"\n"].concat();
        match out.write_all(&line).and_then(|()| out.flush()) {
            Err(error) if error.kind() != io::ErrorKind::BrokenPipe => Err(Error::new(
                Phase::Save,
                Cause::file(Path::new("(standard output)"), error),
            )),
            _ => Ok(()),
        }
    }

    /// A word about what happens. It is lost when standard error is.
    pub(crate) fn say(&self, text: &str) {
        if !self.quiet {
            self.tell(text, || json!({"event": "message", "text": text}));
        }
    }

    /// A word that must be seen.
    pub(crate) fn warn(&self, text: &str) {
        let line = format!("WARNING: {text}");
        self.tell(&line, || json!({"event": "warning", "text": text}));
    }

    pub(crate) fn error(&self, text: &str, hints: &[String]) {
        let mut lines = format!("error: {text}");
        for hint in hints {
            lines += &format!("\nhint: {hint}");
        }
        let event = || json!({"event": "error", "text": text, "hints": hints});
        self.tell(&lines, event);
    }

    /// A line on standard error as it is, whatever was asked for.
    pub(crate) fn line(&self, text: &str) {
        self.progress.clear();
        let mut err = self.err.lock().unwrap_or_else(PoisonError::into_inner);
        let _ = writeln!(err, "{text}").and_then(|()| err.flush());
    }

    /// Takes the bar away before the program ends, however it ends.
    pub(crate) fn end(&self) {
        self.progress.clear();
    }

    /// What clap has to say: help and version are results, anything else is a complaint.
    pub(crate) fn usage(&self, message: &clap::Error) -> ExitCode {
        let text = message.to_string();
        let text = text.trim_end();
        if message.use_stderr() {
            self.line(text);
            return ExitCode::Usage;
        }
        match self.out(text) {
            Ok(()) => ExitCode::Success,
            Err(error) => ExitCode::from(&error),
        }
    }

    fn tell(&self, text: &str, event: impl FnOnce() -> serde_json::Value) {
        if self.progress.is_json() {
            self.line(&event().to_string());
        } else {
            self.line(text);
        }
    }
}

impl Reporter for Console {
    fn report(&self, event: Event<'_>) {
        if self.quiet && !is_warning(&event) {
            return;
        }
        if let Some(step) = Step::of(&event) {
            if let Some(line) = self.progress.advance(step, Instant::now()) {
                self.line(&line);
            }
        } else if let Some((text, object)) = words(&event) {
            self.tell(&text, || object);
        }
    }
}

/// Returns whether an event is told even to those who want neither progress nor words.
fn is_warning(event: &Event<'_>) -> bool {
    matches!(
        event,
        Event::ReceiptNotKept { .. } | Event::TokenWithheld { .. } | Event::Unencrypted { .. }
    )
}

/// What people and programs are told of an event that is no progress of bytes.
fn words(event: &Event<'_>) -> Option<(String, serde_json::Value)> {
    Some(match *event {
        Event::CreatingArtifact(name) => (
            format!("Creating artifact: {name}"),
            json!({"event": "creating_artifact", "artifact": name.to_string()}),
        ),
        Event::Uploading { bytes } => (
            format!("Uploading artifact ({bytes} bytes)"),
            json!({"event": "uploading", "bytes": bytes}),
        ),
        Event::AlreadyThere { slug } => (
            format!("{slug} is there, and whole"),
            json!({"event": "already_there", "slug": slug}),
        ),
        Event::Unchanged { slug } => (
            format!("Nothing new: {slug} is the same"),
            json!({"event": "unchanged", "slug": slug}),
        ),
        Event::ReceiptNotKept { error } => (
            format!("warning: {error}"),
            json!({"event": "receipt_not_kept", "error": error.to_string()}),
        ),
        Event::Unencrypted { to } => (
            format!("WARNING: {}", unencrypted(to)),
            json!({"event": "unencrypted", "to": to}),
        ),
        Event::Downloading { slug } => (
            format!("Downloading artifact: {slug}"),
            json!({"event": "downloading", "slug": slug}),
        ),
        Event::Retrying {
            attempt,
            delay,
            cause,
        } => {
            let (delay, cause) = (delay.as_millis(), cause.to_string());
            (
                format!("Attempt {attempt} failed, trying again in {delay} ms: {cause}"),
                json!({"event": "retrying", "attempt": attempt, "delay_ms": delay, "cause": cause}),
            )
        }
        Event::Resuming { received, cause } => (
            format!(
                "The download broke off after {received} bytes and goes on from there: {cause}"
            ),
            json!({"event": "resuming", "bytes": received, "cause": cause.to_string()}),
        ),
        Event::Waiting { until } => {
            let until = httpdate::fmt_http_date(until);
            (
                format!("The registry gives nothing more for a while; waiting until {until}"),
                json!({"event": "waiting", "until": until}),
            )
        }
        Event::TokenWithheld { source } => {
            let text = format!(
                "{source} is not shown your token: HCP_CLIENT_ID's goes to HashiCorp's hosts, unless HCP_AUTH_URL names others; VAGRANT_CLOUD_TOKEN to theirs and to that of VAGRANT_SERVER_URL; neither over plain http"
            );
            let event = json!({"event": "token_withheld", "source": source});
            (text, event)
        }
        Event::BoxFile { name, bytes } => (
            format!("{name} is here, and verified ({bytes} bytes)"),
            json!({"event": "box_file", "name": name, "bytes": bytes}),
        ),
        Event::BoxFileFailed { name, error } => {
            let cause = error.cause().to_string();
            (
                format!("{name} failed: {cause}"),
                json!({"event": "box_file_failed", "name": name, "cause": cause}),
            )
        }
        _ => return None,
    })
}

fn style(args: &GlobalArgs, redactor: &Redactor) -> Style {
    if args.quiet {
        return Style::Nothing;
    }
    match args.progress {
        ProgressStyle::Auto if can_redraw(args.verbose) => Style::bar(redactor),
        ProgressStyle::Auto | ProgressStyle::Plain => Style::Plain,
        ProgressStyle::Bar => Style::bar(redactor),
        ProgressStyle::Json => Style::Json,
        ProgressStyle::None => Style::Nothing,
    }
}

/// A log would be written across the bar.
fn can_redraw(verbose: u8) -> bool {
    let dumb = std::env::var_os("TERM").is_some_and(|kind| kind == "dumb");
    verbose == 0 && !dumb && io::stderr().is_terminal()
}

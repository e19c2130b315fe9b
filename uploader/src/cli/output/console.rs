//! Writes to stdout and stderr. Both streams pass the redactor, and neither panics when nobody reads.

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
    /// Creates a console that shows messages but no progress.
    pub(crate) fn new(redactor: Redactor) -> Self {
        Self {
            out: Mutex::new(RedactingWriter::new(io::stdout(), redactor.clone())),
            err: Mutex::new(RedactingWriter::new(io::stderr(), redactor.clone())),
            progress: Progress::new(Style::Nothing),
            quiet: false,
            redactor,
        }
    }

    /// Returns the console with the progress style and quietness of the arguments.
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

    /// Prints a result on stdout. A reader that has gone is no failure: `atlas-upload search … | head
    /// -1`.
    pub(crate) fn out(&self, text: &str) -> Result<(), Error> {
        self.out_bytes(text.as_bytes())
    }

    /// Prints a path as a result, in the bytes of the system.
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

    /// Prints a message on stderr unless `--quiet` is given; errors of the stream are ignored.
    pub(crate) fn say(&self, text: &str) {
        if !self.quiet {
            self.tell(text, || json!({"event": "message", "text": text}));
        }
    }

    /// Prints a warning on stderr, even with `--quiet`.
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

    /// Prints a line on stderr, whatever style was selected.
    pub(crate) fn line(&self, text: &str) {
        self.progress.clear();
        let mut err = self.err.lock().unwrap_or_else(PoisonError::into_inner);
        let _ = writeln!(err, "{text}").and_then(|()| err.flush());
    }

    /// Removes the progress bar before the program ends.
    pub(crate) fn end(&self) {
        self.progress.clear();
    }

    /// Prints a message of clap: help and version are results, anything else is an error.
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

/// Returns whether an event is reported even with `--quiet`.
fn is_warning(event: &Event<'_>) -> bool {
    matches!(
        event,
        Event::ReceiptNotKept { .. } | Event::TokenWithheld { .. } | Event::Unencrypted { .. }
    )
}

/// Returns the text for people and the object for programs, for an event that is no progress of bytes.
fn words(event: &Event<'_>) -> Option<(String, serde_json::Value)> {
    Some(match *event {
        Event::CreatingArtifact(name) => (
            format!("Creating artifact: {name}"),
            json!({"event": "creating_artifact", "artifact": name.to_string()}),
        ),
        Event::CreatingBox(name) => (
            format!("Creating box: {name}"),
            json!({"event": "creating_box", "box": name.to_string()}),
        ),
        Event::Uploading { bytes } => (
            format!("Uploading artifact ({bytes} bytes)"),
            json!({"event": "uploading", "bytes": bytes}),
        ),
        Event::AlreadyThere { slug } => (
            format!("{slug} is already complete"),
            json!({"event": "already_there", "slug": slug}),
        ),
        Event::Unchanged { slug } => (
            format!("Nothing was pushed: {slug} is identical"),
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
                "The download broke off after {received} bytes and continues from there: {cause}"
            ),
            json!({"event": "resuming", "bytes": received, "cause": cause.to_string()}),
        ),
        Event::Waiting { until } => {
            let until = httpdate::fmt_http_date(until);
            (
                format!("The registry's rate limit is reached; waiting until {until}"),
                json!({"event": "waiting", "until": until}),
            )
        }
        Event::TokenWithheld { source } => {
            let text = format!(
                "your token is not sent to {source}: a token of HCP_CLIENT_ID goes to HashiCorp's hosts, unless HCP_AUTH_URL names others; VAGRANT_CLOUD_TOKEN goes to HashiCorp's hosts and to that of VAGRANT_SERVER_URL; neither goes over plain http"
            );
            let event = json!({"event": "token_withheld", "source": source});
            (text, event)
        }
        Event::MirroredFile { name, bytes } => (
            format!("{name} was fetched and verified ({bytes} bytes)"),
            json!({"event": "box_file", "name": name, "bytes": bytes}),
        ),
        Event::MirrorFailed { name, error } => {
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

/// Returns whether the terminal can show a bar. Lines of a log would be written across it.
fn can_redraw(verbose: u8) -> bool {
    let dumb = std::env::var_os("TERM").is_some_and(|kind| kind == "dumb");
    verbose == 0 && !dumb && io::stderr().is_terminal()
}

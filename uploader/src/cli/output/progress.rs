//! Shows the progress of a transfer: a bar on a terminal, lines in a log, JSON for programs. Each
//! transfer (packing, sending or receiving) has its own rate, and starts anew with each attempt.

use std::io;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use atlas_uploader::base::reporter::Event;
use atlas_uploader::base::secret::Redactor;
use indicatif::{
    HumanBytes, HumanDuration, ProgressBar, ProgressDrawTarget, ProgressStyle, TermLike,
};
use serde_json::json;

/// The shortest time between two lines of a log, which is read later.
const BETWEEN_LINES: Duration = Duration::from_secs(5);
/// The shortest time between two JSON events, since a program may redraw at each.
const BETWEEN_EVENTS: Duration = Duration::from_millis(250);
/// The bar's template has no colours, so that none need to be disabled.
const BAR: &str = "{prefix} {wide_bar} {bytes} of {total_bytes}, {bytes_per_sec}, {eta} left";
const SPINNER: &str = "{prefix} {bytes}, {bytes_per_sec}";

/// The style of the progress display.
pub(crate) enum Style {
    Nothing,
    Plain,
    Json,
    /// A bar; the function creates its draw target.
    Bar(Box<dyn Fn() -> ProgressDrawTarget + Send + Sync>),
}

impl Style {
    /// Returns the style of a bar on stderr.
    pub(crate) fn bar(redactor: &Redactor) -> Self {
        let redactor = redactor.clone();
        Self::Bar(Box::new(move || {
            let terminal = console::Term::stderr();
            on(RedactedTerm::new(terminal, redactor.clone()))
        }))
    }
}

fn on(terminal: impl TermLike + 'static) -> ProgressDrawTarget {
    ProgressDrawTarget::term_like(Box::new(terminal))
}

/// The current transfer, if any, and its style.
pub(crate) struct Progress {
    style: Style,
    transfer: Mutex<Option<Transfer>>,
}

impl Progress {
    pub(crate) fn new(style: Style) -> Self {
        Self {
            style,
            transfer: Mutex::new(None),
        }
    }

    pub(crate) fn is_json(&self) -> bool {
        matches!(self.style, Style::Json)
    }

    /// Draws the bar, or returns the next line if one is due.
    pub(crate) fn advance(&self, step: Step, now: Instant) -> Option<String> {
        let between = match self.style {
            Style::Nothing => return None,
            Style::Plain => Some(BETWEEN_LINES),
            Style::Json => Some(BETWEEN_EVENTS),
            Style::Bar(_) => None,
        };
        let mut slot = self.transfer.lock().unwrap_or_else(PoisonError::into_inner);
        let goes_on = slot.as_ref().is_some_and(|old| old.goes_on(step));
        if !goes_on && let Some(old) = slot.take() {
            old.end();
        }
        let transfer = slot.get_or_insert_with(|| Transfer::begin(step, now, &self.style));
        transfer.last = step.done;
        let Some(between) = between else {
            transfer.draw(step);
            return None;
        };
        let is_json = self.is_json();
        let due = transfer.is_due(step, now, between, is_json);
        due.then(|| {
            transfer.told = Some(now);
            let pace = transfer.pace(step, now);
            if is_json { pace.event() } else { pace.line() }
        })
    }

    /// Removes the bar, so that a line can be printed in its place.
    pub(crate) fn clear(&self) {
        let mut slot = self.transfer.lock().unwrap_or_else(PoisonError::into_inner);
        if let Style::Bar(_) = self.style
            && let Some(transfer) = slot.take()
        {
            transfer.end();
        }
    }
}

/// The kind of a transfer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Packing,
    Sending,
    Receiving,
}

/// The position of a transfer.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Step {
    kind: Kind,
    done: u64,
    total: Option<u64>,
}

impl Step {
    /// Returns the step of an event, or `None` for an event that is no progress of bytes.
    pub(crate) fn of(event: &Event<'_>) -> Option<Self> {
        let (kind, done, total) = match *event {
            Event::Packing { packed, total } => (Kind::Packing, packed, total),
            Event::Sent { sent, total } => (Kind::Sending, sent, Some(total)),
            Event::Received { received, total } => (Kind::Receiving, received, total),
            _ => return None,
        };
        Some(Self { kind, done, total })
    }
}

struct Transfer {
    kind: Kind,
    began: Instant,
    /// The bytes that existed at the start, which do not count towards the rate.
    first: u64,
    last: u64,
    told: Option<Instant>,
    bar: Option<ProgressBar>,
}

impl Transfer {
    fn begin(step: Step, now: Instant, style: &Style) -> Self {
        let bar = match style {
            Style::Bar(target) => Some(bar(step, target())),
            _ => None,
        };
        Self {
            kind: step.kind,
            began: now,
            first: step.done,
            last: step.done,
            told: None,
            bar,
        }
    }

    fn goes_on(&self, step: Step) -> bool {
        self.kind == step.kind && self.last <= step.done
    }

    /// Returns whether a line is due. A program also gets the first and the last step; a log shows only
    /// transfers that take long.
    fn is_due(&self, step: Step, now: Instant, between: Duration, is_json: bool) -> bool {
        let complete = step.total == Some(step.done);
        let since = self.told.unwrap_or(self.began);
        now.duration_since(since) >= between
            || (is_json && self.told.is_none())
            || (complete && self.told.is_some_and(|told| told < now))
    }

    fn pace(&self, step: Step, now: Instant) -> Pace {
        let seconds = now.duration_since(self.began).as_secs_f64();
        let moved = (step.done - self.first) as f64;
        let rate = (seconds > 0.0 && moved > 0.0).then(|| moved / seconds);
        let missing = step.total.map(|total| total.saturating_sub(step.done));
        let left = rate
            .zip(missing)
            .map(|(rate, missing)| (missing as f64 / rate).ceil());
        Pace { step, rate, left }
    }

    fn draw(&self, step: Step) {
        if let Some(bar) = &self.bar {
            bar.set_position(step.done);
        }
    }

    fn end(self) {
        if let Some(bar) = self.bar {
            bar.finish_and_clear();
        }
    }
}

fn bar(step: Step, target: ProgressDrawTarget) -> ProgressBar {
    let template = if step.total.is_some() { BAR } else { SPINNER };
    let style = ProgressStyle::with_template(template);
    let style = style.unwrap_or_else(|_| ProgressStyle::default_bar());
    // The position is set before the first drawing, and the estimate reset: the existing bytes have no
    // rate.
    let bar = ProgressBar::with_draw_target(step.total, target)
        .with_position(step.done)
        .with_style(style);
    bar.reset_eta();
    bar.set_prefix(match step.kind {
        Kind::Packing => "Packing",
        Kind::Sending => "Sending",
        Kind::Receiving => "Receiving",
    });
    bar
}

struct Pace {
    step: Step,
    /// The rate in bytes per second.
    rate: Option<f64>,
    /// The remaining time in seconds.
    left: Option<f64>,
}

impl Pace {
    fn line(&self) -> String {
        let Step { kind, done, total } = self.step;
        let verb = match kind {
            Kind::Packing => "Packed",
            Kind::Sending => "Sent",
            Kind::Receiving => "Received",
        };
        let mut line = format!("{verb} {}", HumanBytes(done));
        if let Some(total) = total {
            // `u128` holds the product of two sizes.
            let percent = u128::from(done) * 100 / u128::from(total.max(1));
            line += &format!(" of {} ({percent} %)", HumanBytes(total));
        }
        if let Some(rate) = self.rate {
            line += &format!(", {}/s", HumanBytes(rate as u64));
        }
        match self.left {
            Some(left) if left > 0.0 => {
                let left = HumanDuration(Duration::from_secs(left as u64));
                format!("{line}, {left} left")
            }
            _ => line,
        }
    }

    fn event(&self) -> String {
        let Step { kind, done, total } = self.step;
        let event = match kind {
            Kind::Packing => "packing",
            Kind::Sending => "sending",
            Kind::Receiving => "receiving",
        };
        let rate = self.rate.map(|rate| rate as u64);
        let left = self.left.map(|left| left as u64);
        json!({"event": event, "bytes": done, "total": total, "bytes_per_second": rate, "seconds_left": left})
            .to_string()
    }
}

/// A terminal whose output passes the redactor. The bar's texts hold no secret today; this guards
/// against a change.
#[derive(Debug)]
struct RedactedTerm<T> {
    terminal: T,
    redactor: Redactor,
}

impl<T: TermLike> RedactedTerm<T> {
    fn new(terminal: T, redactor: Redactor) -> Self {
        Self { terminal, redactor }
    }
}

impl<T: TermLike> TermLike for RedactedTerm<T> {
    fn width(&self) -> u16 {
        self.terminal.width()
    }

    fn height(&self) -> u16 {
        self.terminal.height()
    }

    fn move_cursor_up(&self, n: usize) -> io::Result<()> {
        self.terminal.move_cursor_up(n)
    }

    fn move_cursor_down(&self, n: usize) -> io::Result<()> {
        self.terminal.move_cursor_down(n)
    }

    fn move_cursor_right(&self, n: usize) -> io::Result<()> {
        self.terminal.move_cursor_right(n)
    }

    fn move_cursor_left(&self, n: usize) -> io::Result<()> {
        self.terminal.move_cursor_left(n)
    }

    fn write_line(&self, text: &str) -> io::Result<()> {
        self.terminal.write_line(&self.redactor.redact(text))
    }

    fn write_str(&self, text: &str) -> io::Result<()> {
        self.terminal.write_str(&self.redactor.redact(text))
    }

    fn clear_line(&self) -> io::Result<()> {
        self.terminal.clear_line()
    }

    fn flush(&self) -> io::Result<()> {
        self.terminal.flush()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use indicatif::InMemoryTerm;
    use serde_json::Value;

    const MIB: u64 = 1024 * 1024;

    fn sent(sent: u64, total: u64) -> Step {
        Step::of(&Event::Sent { sent, total }).unwrap()
    }

    /// Returns the lines that are printed for these pairs of a second and the megabytes sent, of 100.
    fn lines(style: Style, steps: &[(u64, u64)]) -> Vec<Option<String>> {
        let (progress, start) = (Progress::new(style), Instant::now());
        let line = |&(second, mib): &(u64, u64)| {
            let now = start + Duration::from_secs(second);
            progress.advance(sent(mib * MIB, 100 * MIB), now)
        };
        steps.iter().map(line).collect()
    }

    #[test]
    fn a_log_gets_a_line_every_few_seconds_and_one_at_the_end() {
        let lines = lines(
            Style::Plain,
            &[(0, 0), (2, 20), (5, 50), (6, 60), (10, 100), (10, 100)],
        );
        let told: Vec<_> = lines.into_iter().flatten().collect();
        assert_eq!(
            told,
            [
                "Sent 50.00 MiB of 100.00 MiB (50 %), 10.00 MiB/s, 5 seconds left",
                "Sent 100.00 MiB of 100.00 MiB (100 %), 10.00 MiB/s",
            ]
        );
    }

    #[test]
    fn what_is_soon_done_is_no_line_in_a_log() {
        assert_eq!(lines(Style::Plain, &[(0, 10), (1, 100)]), [None, None]);
    }

    #[test]
    fn a_program_hears_the_first_and_the_last_and_what_is_unknown_is_null() {
        let told = lines(Style::Json, &[(0, 0), (2, 50), (3, 100)]);
        let events: Vec<Value> = told
            .iter()
            .map(|line| serde_json::from_str(line.as_deref().unwrap()).unwrap())
            .collect();
        assert_eq!(events[0]["event"], "sending");
        assert_eq!(events[0]["bytes_per_second"], Value::Null);
        assert_eq!(events[1]["bytes_per_second"], 25 * MIB);
        assert_eq!(events[1]["seconds_left"], 2);
        assert_eq!(events[2]["bytes"], 100 * MIB);
        assert_eq!(events[2]["seconds_left"], 0);
    }

    #[test]
    fn an_attempt_that_begins_anew_has_a_rate_of_its_own() {
        let told = lines(Style::Plain, &[(0, 0), (5, 90), (6, 0), (11, 10)]);
        let last = told[3].as_deref().unwrap();
        assert!(last.contains("2.00 MiB/s, 45 seconds left"), "{last}");
    }

    #[test]
    fn a_bar_shows_rate_and_time_left_in_one_line_and_goes_away() {
        let terminal = InMemoryTerm::new(10, 100);
        let shown = terminal.clone();
        let redactor = Redactor::new();
        redactor.add("50.00 MiB of");
        let progress = Progress::new(Style::Bar(Box::new(move || {
            on(RedactedTerm::new(terminal.clone(), redactor.clone()))
        })));
        let now = Instant::now();
        assert_eq!(progress.advance(sent(50 * MIB, 100 * MIB), now), None);
        let contents = shown.contents();
        assert_eq!(contents.lines().count(), 1, "{contents}");
        for part in ["Sending ", " [REDACTED] 100.00 MiB, ", "/s, ", " left"] {
            assert!(contents.contains(part), "{part} {contents}");
        }
        progress.clear();
        assert_eq!(shown.contents(), "");
    }
}

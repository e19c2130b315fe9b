//! Handles signals: those that stop the emulator, and those that are passed on to a command.

use std::io;

use rustix::process::{Pid, getpgid, getpgrp, kill_process};
use signal_hook::consts::{SIGHUP, SIGINT, SIGQUIT, SIGTERM, SIGUSR1, SIGUSR2};
use signal_hook::iterator::SignalsInfo;
use signal_hook::iterator::exfiltrator::WithOrigin;
use signal_hook::low_level::siginfo::{Cause, Origin};
use tokio::signal::unix::{Signal as Stream, SignalKind, signal};
use tokio::sync::mpsc;

/// The signals that stop the emulator.
///
/// The handlers are installed on creation, not at the first await.
pub(super) struct Stop {
    interrupt: Stream,
    terminate: Stream,
}

impl Stop {
    pub(super) fn new() -> io::Result<Self> {
        Ok(Self {
            interrupt: signal(SignalKind::interrupt())?,
            terminate: signal(SignalKind::terminate())?,
        })
    }

    /// Completes at the next SIGINT or SIGTERM.
    pub(super) async fn requested(&mut self) {
        tokio::select! {
            _ = self.interrupt.recv() => {}
            _ = self.terminate.recv() => {}
        }
    }
}

/// The signals that are passed on to the command of `exec`.
pub(super) struct Forwarded(mpsc::UnboundedReceiver<Origin>);

impl Forwarded {
    /// Installs the handlers, and receives signals on a thread of its own, since tokio does not
    /// report the origin of a signal.
    pub(super) fn new() -> io::Result<Self> {
        let signals = [SIGHUP, SIGINT, SIGQUIT, SIGTERM, SIGUSR1, SIGUSR2];
        let mut signals = SignalsInfo::<WithOrigin>::new(signals)?;
        let (sender, receiver) = mpsc::unbounded_channel();
        std::thread::Builder::new()
            .name("signals".to_owned())
            .spawn(move || {
                // The loop ends when the receiver is dropped.
                for origin in signals.forever() {
                    if sender.send(origin).is_err() {
                        break;
                    }
                }
            })?;
        Ok(Self(receiver))
    }

    /// Awaits the next signal, and returns its number.
    pub(super) async fn next(&mut self) -> Option<i32> {
        Some(self.0.recv().await?.signal)
    }

    /// Passes signals on to a process, as long as the future is polled.
    pub(super) async fn pass_on(&mut self, process: Pid) {
        while let Some(origin) = self.0.recv().await {
            let Some(signal) = rustix::process::Signal::from_named_raw(origin.signal) else {
                continue;
            };
            if has_it_already(&origin, process) {
                continue;
            }
            tracing::debug!(?signal, "passing on");
            if let Err(error) = kill_process(process, signal) {
                tracing::warn!(?signal, %error, "cannot pass on a signal");
            }
        }
    }
}

/// Returns whether the process has received the signal already. For keys such as Ctrl-C the kernel
/// signals the whole process group, which includes the command: it would receive the signal twice,
/// and many programs take the second for impatience.
fn has_it_already(origin: &Origin, process: Pid) -> bool {
    origin.cause == Cause::Kernel && getpgid(Some(process)).is_ok_and(|group| group == getpgrp())
}

//! Handles signals: those that stop the emulator, and those that are passed on to a command.

use std::io;

use rustix::process::{Pid, getpgid, getpgrp, kill_process};
use signal_hook::consts::{SIGHUP, SIGINT, SIGQUIT, SIGTERM, SIGUSR1, SIGUSR2};
use signal_hook::iterator::SignalsInfo;
use signal_hook::iterator::exfiltrator::WithOrigin;
use signal_hook::low_level::siginfo::{Cause, Origin};
use tokio::signal::unix::{Signal as Stream, SignalKind, signal};
use tokio::sync::mpsc;

/// The signals that ask the emulator to stop.
///
/// They are taken hold of when this is made, not when it is first awaited.
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

/// The signals that a command should hear of when they are sent to the emulator around it.
pub(super) struct Forwarded(mpsc::UnboundedReceiver<Origin>);

impl Forwarded {
    /// Listens from now on, on a thread of its own: where a signal came from is not to be had from
    /// the runtime.
    pub(super) fn new() -> io::Result<Self> {
        let signals = [SIGHUP, SIGINT, SIGQUIT, SIGTERM, SIGUSR1, SIGUSR2];
        let mut signals = SignalsInfo::<WithOrigin>::new(signals)?;
        let (sender, receiver) = mpsc::unbounded_channel();
        std::thread::Builder::new()
            .name("signals".to_owned())
            .spawn(move || {
                // Ends when nobody listens any more.
                for origin in signals.forever() {
                    if sender.send(origin).is_err() {
                        break;
                    }
                }
            })?;
        Ok(Self(receiver))
    }

    /// Completes at the next signal; its number.
    pub(super) async fn next(&mut self) -> Option<i32> {
        Some(self.0.recv().await?.signal)
    }

    /// Passes signals on to a process, for as long as it is polled.
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

/// A key such as Ctrl-C makes the kernel signal a whole process group, and so a command in the same
/// group too: passed on, it would reach the command twice, which many programs take for impatience.
fn has_it_already(origin: &Origin, process: Pid) -> bool {
    origin.cause == Cause::Kernel && getpgid(Some(process)).is_ok_and(|group| group == getpgrp())
}

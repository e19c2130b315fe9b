//! Signals: those that stop the emulator, and those that are passed on to a command.

use std::io;

use rustix::process::{Pid, Signal, kill_process};
use tokio::signal::unix::{Signal as Stream, SignalKind, signal};

/// Completes at the first SIGINT or SIGTERM.
///
/// The signals are taken hold of when this is called, not when the future is first polled.
pub(super) fn stop() -> io::Result<impl Future<Output = ()>> {
    let mut interrupt = signal(SignalKind::interrupt())?;
    let mut terminate = signal(SignalKind::terminate())?;
    Ok(async move {
        tokio::select! {
            _ = interrupt.recv() => {}
            _ = terminate.recv() => {}
        }
    })
}

/// The signals that a command should hear of when they are sent to the emulator around it.
pub(super) struct Forwarded {
    hangup: Stream,
    interrupt: Stream,
    quit: Stream,
    terminate: Stream,
    user_1: Stream,
    user_2: Stream,
}

impl Forwarded {
    pub(super) fn new() -> io::Result<Self> {
        Ok(Self {
            hangup: signal(SignalKind::hangup())?,
            interrupt: signal(SignalKind::interrupt())?,
            quit: signal(SignalKind::quit())?,
            terminate: signal(SignalKind::terminate())?,
            user_1: signal(SignalKind::user_defined1())?,
            user_2: signal(SignalKind::user_defined2())?,
        })
    }

    /// Passes signals on to a process, for as long as it is polled.
    pub(super) async fn pass_on(&mut self, process: Pid) {
        loop {
            let signal = self.next().await;
            if is_from_terminal(signal) {
                continue;
            }
            if let Err(error) = kill_process(process, signal) {
                tracing::warn!(?signal, %error, "cannot pass on a signal");
            }
        }
    }

    async fn next(&mut self) -> Signal {
        tokio::select! {
            _ = self.hangup.recv() => Signal::HUP,
            _ = self.interrupt.recv() => Signal::INT,
            _ = self.quit.recv() => Signal::QUIT,
            _ = self.terminate.recv() => Signal::TERM,
            _ = self.user_1.recv() => Signal::USR1,
            _ = self.user_2.recv() => Signal::USR2,
        }
    }
}

/// A key such as Ctrl-C signals the whole foreground process group of a terminal, and so the
/// command too: passed on, it would reach the command twice, which many programs take for
/// impatience.
fn is_from_terminal(signal: Signal) -> bool {
    matches!(signal, Signal::INT | Signal::QUIT)
        && std::fs::File::open("/dev/tty")
            .and_then(|terminal| Ok(rustix::termios::tcgetpgrp(terminal)?))
            .is_ok_and(|foreground| foreground == rustix::process::getpgrp())
}

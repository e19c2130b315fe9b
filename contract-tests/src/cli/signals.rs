//! This module listens for the signals that stop the program.

use atlas_contract_tests::exit_code::ExitCode;

/// The handlers of SIGINT and SIGTERM, or `None` if they could not be installed.
#[cfg(unix)]
pub(super) struct Signals(Option<[tokio::signal::unix::Signal; 2]>);

#[cfg(unix)]
impl Signals {
    /// Starts to listen. It must be called within a runtime.
    pub(super) fn listen() -> Self {
        use tokio::signal::unix::{SignalKind, signal};
        let interrupt = signal(SignalKind::interrupt());
        let terminate = signal(SignalKind::terminate());
        Self(interrupt.and_then(|it| Ok([it, terminate?])).ok())
    }

    /// Waits for the next signal, and returns the exit code for it.
    pub(super) async fn next(&mut self) -> ExitCode {
        match &mut self.0 {
            Some([interrupt, terminate]) => tokio::select! {
                _ = interrupt.recv() => ExitCode::Interrupted,
                _ = terminate.recv() => ExitCode::Terminated,
            },
            // Without a handler, the operating system ends the program.
            None => std::future::pending().await,
        }
    }
}

/// The handler of Ctrl-C.
#[cfg(not(unix))]
pub(super) struct Signals;

#[cfg(not(unix))]
impl Signals {
    pub(super) fn listen() -> Self {
        Self
    }

    /// Waits for Ctrl-C, and returns the exit code for it.
    pub(super) async fn next(&mut self) -> ExitCode {
        if tokio::signal::ctrl_c().await.is_err() {
            std::future::pending::<()>().await;
        }
        ExitCode::Interrupted
    }
}

/// Installs handlers that end the program at once, even while a thread blocks.
#[cfg(unix)]
pub(super) fn end_at_once() -> std::io::Result<()> {
    use std::sync::{Arc, atomic::AtomicBool};

    use signal_hook::{
        consts::{SIGINT, SIGTERM},
        flag::register_conditional_shutdown,
    };

    let at_once = Arc::new(AtomicBool::new(true));
    for (signal, code) in [
        (SIGINT, ExitCode::Interrupted),
        (SIGTERM, ExitCode::Terminated),
    ] {
        register_conditional_shutdown(signal, code as i32, Arc::clone(&at_once))?;
    }
    Ok(())
}

#[cfg(not(unix))]
pub(super) fn end_at_once() -> std::io::Result<()> {
    Ok(())
}

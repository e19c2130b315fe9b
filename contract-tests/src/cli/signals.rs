//! Signals: the first is listened for, a second one ends the program at once.

use std::future::Future;

use atlas_contract_tests::exit_code::ExitCode;

/// Listens from now on, within a runtime; the future ends with the first signal, and gives the exit code for it.
#[cfg(unix)]
pub(super) fn listen() -> impl Future<Output = ExitCode> {
    use tokio::signal::unix::{SignalKind, signal};
    let (interrupt, terminate) = (
        signal(SignalKind::interrupt()),
        signal(SignalKind::terminate()),
    );
    async {
        match (interrupt, terminate) {
            (Ok(mut interrupt), Ok(mut terminate)) => tokio::select! {
                _ = interrupt.recv() => ExitCode::Interrupted,
                _ = terminate.recv() => ExitCode::Terminated,
            },
            // Without a handler the signal ends the program by itself.
            _ => std::future::pending().await,
        }
    }
}

/// Listens once it is waited for.
#[cfg(not(unix))]
pub(super) async fn listen() -> ExitCode {
    if tokio::signal::ctrl_c().await.is_err() {
        std::future::pending::<()>().await;
    }
    ExitCode::Interrupted
}

/// Arranges for the second signal to end the program, even while something blocks.
#[cfg(unix)]
pub(super) fn stop_at_the_second() -> std::io::Result<()> {
    use signal_hook::{
        consts::{SIGINT, SIGTERM},
        flag,
    };

    let stopping = std::sync::Arc::default();
    for (signal, code) in [
        (SIGINT, ExitCode::Interrupted),
        (SIGTERM, ExitCode::Terminated),
    ] {
        // In this order: the first signal finds the flag not yet set.
        flag::register_conditional_shutdown(signal, code as i32, std::sync::Arc::clone(&stopping))?;
        flag::register(signal, std::sync::Arc::clone(&stopping))?;
    }
    Ok(())
}

#[cfg(not(unix))]
pub(super) fn stop_at_the_second() -> std::io::Result<()> {
    Ok(())
}

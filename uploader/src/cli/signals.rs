//! Handles signals: the first one cancels the work, and a second one ends the program at once.

use std::future::Future;

/// Installs handlers at once, within a runtime, and returns a future that ends with the first signal.
#[cfg(unix)]
pub(super) fn listen() -> impl Future<Output = ()> {
    use tokio::signal::unix::{SignalKind, signal};
    let (interrupt, terminate) = (
        signal(SignalKind::interrupt()),
        signal(SignalKind::terminate()),
    );
    async {
        match (interrupt, terminate) {
            (Ok(mut interrupt), Ok(mut terminate)) => {
                tokio::select! { _ = interrupt.recv() => {}, _ = terminate.recv() => {} }
            }
            // Without a handler, the signal ends the process by default.
            _ => std::future::pending().await,
        }
    }
}

/// Waits for Ctrl-C; the handler is installed at the first poll.
#[cfg(not(unix))]
pub(super) async fn listen() {
    if tokio::signal::ctrl_c().await.is_err() {
        std::future::pending().await
    }
}

/// Makes the second signal end the program, even while something blocks and the first one has not been
/// processed.
#[cfg(unix)]
pub(super) fn stop_at_the_second() -> std::io::Result<()> {
    use atlas_uploader::base::exit_code::ExitCode;
    use signal_hook::consts::{SIGINT, SIGTERM};
    use signal_hook::flag;

    let stopping = std::sync::Arc::default();
    for signal in [SIGINT, SIGTERM] {
        // The order matters: the first signal must find the flag unset.
        let code = ExitCode::Interrupted as i32;
        flag::register_conditional_shutdown(signal, code, std::sync::Arc::clone(&stopping))?;
        flag::register(signal, std::sync::Arc::clone(&stopping))?;
    }
    Ok(())
}

#[cfg(not(unix))]
pub(super) fn stop_at_the_second() -> std::io::Result<()> {
    Ok(())
}

/// Ignores SIGINT and SIGTERM in a plugin: Ctrl-C reaches the whole process group, and the program that started the
/// plugin then tells it what to do.
pub(super) fn leave_to_parent() -> std::io::Result<()> {
    #[cfg(unix)]
    for signal in [signal_hook::consts::SIGINT, signal_hook::consts::SIGTERM] {
        signal_hook::flag::register(signal, std::sync::Arc::default())?;
    }
    Ok(())
}

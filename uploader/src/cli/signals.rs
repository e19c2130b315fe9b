//! The first signal ends the work where it stands; a second one ends the program at once.

use std::future::Future;

/// Listens from now on, within a runtime; the future ends with the first signal.
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
            // Without a handler the signal ends the program by itself.
            _ => std::future::pending().await,
        }
    }
}

/// Listens once it is waited for.
#[cfg(not(unix))]
pub(super) async fn listen() {
    if tokio::signal::ctrl_c().await.is_err() {
        std::future::pending().await
    }
}

/// Works even while something blocks, so that the first signal has not been heard yet.
#[cfg(unix)]
pub(super) fn stop_at_the_second() -> std::io::Result<()> {
    use atlas_uploader::base::exit_code::ExitCode;
    use signal_hook::consts::{SIGINT, SIGTERM};
    use signal_hook::flag;

    let stopping = std::sync::Arc::default();
    for signal in [SIGINT, SIGTERM] {
        // In this order: the first signal finds the flag not yet set.
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

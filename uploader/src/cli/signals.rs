//! The first signal ends the work where it stands; a second one ends the program at once.

use std::future::Future;

/// `None` when a signal came first.
pub(super) async fn until_stopped<T>(work: impl Future<Output = T>) -> Option<T> {
    tokio::select! {
        // The signals first: they must be listened for before the work begins.
        biased;
        () = stop_signal() => None,
        done = work => Some(done),
    }
}

#[cfg(unix)]
async fn stop_signal() {
    use tokio::signal::unix::{SignalKind, signal};
    let (interrupt, terminate) = (
        signal(SignalKind::interrupt()),
        signal(SignalKind::terminate()),
    );
    match (interrupt, terminate) {
        (Ok(mut interrupt), Ok(mut terminate)) => {
            tokio::select! { _ = interrupt.recv() => {}, _ = terminate.recv() => {} }
        }
        // Without a handler the signal ends the program by itself.
        _ => std::future::pending().await,
    }
}

#[cfg(not(unix))]
async fn stop_signal() {
    if tokio::signal::ctrl_c().await.is_err() {
        std::future::pending().await
    }
}

/// Works even while something blocks, so that the first signal has not been heard yet.
#[cfg(unix)]
pub(super) fn stop_at_the_second() -> std::io::Result<()> {
    use atlas_uploader::exit_code::ExitCode;
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

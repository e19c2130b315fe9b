//! This module does work that takes its time, and ends it early when a signal comes.

use std::{future::Future, io, time::Duration};

use atlas_contract_tests::exit_code::ExitCode;
use tokio::{
    runtime::{Handle, Runtime},
    sync::oneshot,
    time::timeout,
};

use super::{
    print::{complain, note},
    signals,
};

/// The work may take so long to stop; nobody who wants it to end waits for more.
const GRACE: Duration = Duration::from_secs(1);
/// The stack of the work is as large as that of a program's first thread usually is, in bytes.
const STACK: usize = 8 * 1024 * 1024;

/// Does the work. When a signal comes, it is given up where it stands, so that nothing more is sent, and what it leaves
/// behind is told.
pub(super) fn until_stopped<W: Future<Output = ExitCode>>(
    work: impl FnOnce() -> W + Send + 'static,
    left_behind: impl FnOnce() -> String,
) -> ExitCode {
    let runtime = match signals::stop_at_the_second().and_then(|()| Runtime::new()) {
        Ok(runtime) => runtime,
        Err(error) => return complain(&error, ExitCode::SuiteBroke),
    };
    let ended = runtime.block_on(ended_or_stopped(work));
    runtime.shutdown_timeout(GRACE);
    match ended {
        Ok(Ok(code)) => code,
        Ok(Err(code)) => {
            complain(&"stopped by a signal", code);
            note(&left_behind());
            code
        }
        Err(error) => complain(&error, ExitCode::SuiteBroke),
    }
}

/// Returns the exit code of the work, or, as the error within, that of the signal which stopped it.
async fn ended_or_stopped<W: Future<Output = ExitCode>>(
    work: impl FnOnce() -> W + Send + 'static,
) -> io::Result<Result<ExitCode, ExitCode>> {
    // Signals are heard before the work begins.
    let signal = signals::listen();
    let (stop, stopping) = oneshot::channel::<()>();
    let (done, mut ended) = oneshot::channel();
    let handle = Handle::current();
    // The work has a thread of its own, so that a signal is heard even while it blocks.
    let worker = std::thread::Builder::new().stack_size(STACK);
    worker.spawn(move || {
        let code = handle.block_on(async {
            tokio::select! {
                code = work() => Some(code),
                _ = stopping => None,
            }
        });
        // Nobody listens any more once a signal came.
        let _ = done.send(code);
    })?;
    tokio::select! {
        // Without a code it has panicked, and said so.
        code = &mut ended => Ok(Ok(code.ok().flatten().unwrap_or(ExitCode::SuiteBroke))),
        code = signal => {
            let _ = stop.send(());
            let _ = timeout(GRACE, ended).await;
            Ok(Err(code))
        }
    }
}

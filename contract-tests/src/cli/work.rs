//! This module runs long work, and stops it when a signal comes.

use std::{future::Future, io, sync::mpsc::channel, thread, time::Duration};

use atlas_contract_tests::exit_code::ExitCode;
use tokio::{
    runtime::{Handle, Runtime},
    sync::oneshot,
    time::timeout,
};

use super::{
    print::{complain, note},
    signals::{self, Signals},
};

/// The time that the work gets to stop after a signal.
const GRACE: Duration = Duration::from_secs(1);
/// The stack size of the work's thread, in bytes: the usual size of a main thread.
const STACK: usize = 8 * 1024 * 1024;

/// The way in which the work ended.
enum Ended {
    Done(ExitCode),
    /// A signal stopped the work, and perhaps a second signal came before the work had ended.
    Stopped(ExitCode, Option<ExitCode>),
}

/// Runs the work. A signal cancels it at its next await, so that nothing more is sent, and the message of `left_behind`
/// is printed. After that, a second signal ends the program at once.
pub(super) fn until_stopped<W: Future<Output = ExitCode>>(
    work: impl FnOnce() -> W + Send + 'static,
    left_behind: impl FnOnce() -> String + Send + 'static,
) -> ExitCode {
    let runtime = match Runtime::new() {
        Ok(runtime) => runtime,
        Err(error) => return complain(&error, ExitCode::SuiteBroke),
    };
    let (code, grace) = match runtime.block_on(ended_or_stopped(work)) {
        Ok(Ended::Done(code)) => (code, GRACE),
        Ok(Ended::Stopped(code, second)) => {
            tell(code, left_behind);
            let waits = signals::end_at_once().is_ok() && second.is_none();
            let grace = if waits { GRACE } else { Duration::ZERO };
            (second.unwrap_or(code), grace)
        }
        Err(error) => (complain(&error, ExitCode::SuiteBroke), GRACE),
    };
    runtime.shutdown_timeout(grace);
    code
}

/// Prints what is left behind. It waits at most [`GRACE`], since nobody may read the other end of stderr.
fn tell(code: ExitCode, left_behind: impl FnOnce() -> String + Send + 'static) {
    let (printed, printing) = channel::<()>();
    let say = move || {
        complain(&"stopped by a signal", code);
        note(&left_behind());
        drop(printed);
    };
    if thread::Builder::new().spawn(say).is_ok() {
        // The sender is dropped when everything is printed, which ends the wait.
        let _ = printing.recv_timeout(GRACE);
    }
}

/// Runs the work until it ends or a signal stops it, and returns the exit code of either.
async fn ended_or_stopped<W: Future<Output = ExitCode>>(
    work: impl FnOnce() -> W + Send + 'static,
) -> io::Result<Ended> {
    // The handlers must be installed before the work begins, or an early signal would end the program.
    let mut signals = Signals::listen();
    let (stop, stopping) = oneshot::channel::<()>();
    let (done, mut ended) = oneshot::channel();
    let handle = Handle::current();
    // The work has its own thread, so that a signal is handled even while the work blocks.
    let worker = thread::Builder::new().stack_size(STACK);
    worker.spawn(move || {
        let code = handle.block_on(async {
            tokio::select! {
                code = work() => Some(code),
                _ = stopping => None,
            }
        });
        // The receiver may be gone after a signal.
        let _ = done.send(code);
    })?;
    tokio::select! {
        // Without a code the work has panicked, and the panic was printed.
        code = &mut ended => Ok(Ended::Done(code.ok().flatten().unwrap_or(ExitCode::SuiteBroke))),
        code = signals.next() => {
            let _ = stop.send(());
            let second = tokio::select! {
                _ = timeout(GRACE, ended) => None,
                code = signals.next() => Some(code),
            };
            Ok(Ended::Stopped(code, second))
        }
    }
}

//! This module does work that takes its time, and ends it early when a signal comes.

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

/// The work may take so long to stop; nobody who wants it to end waits for more.
const GRACE: Duration = Duration::from_secs(1);
/// The stack of the work is as large as that of a program's first thread usually is, in bytes.
const STACK: usize = 8 * 1024 * 1024;

/// The way in which the work ended.
enum Ended {
    Done(ExitCode),
    /// A signal stopped it, and perhaps a second one came, of somebody who waits for nothing.
    Stopped(ExitCode, Option<ExitCode>),
}

/// Does the work. When a signal comes, it is given up where it stands, so that nothing more is sent, and what it leaves
/// behind is told. A second one ends the program at once, once that is told.
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

/// Tells what is left behind, and waits for nobody who does not read it.
fn tell(code: ExitCode, left_behind: impl FnOnce() -> String + Send + 'static) {
    let (told, telling) = channel::<()>();
    let say = move || {
        complain(&"stopped by a signal", code);
        note(&left_behind());
        drop(told);
    };
    if thread::Builder::new().spawn(say).is_ok() {
        // It ends when all is said, at the latest.
        let _ = telling.recv_timeout(GRACE);
    }
}

/// Returns the exit code of the work, or that of the signal which stopped it.
async fn ended_or_stopped<W: Future<Output = ExitCode>>(
    work: impl FnOnce() -> W + Send + 'static,
) -> io::Result<Ended> {
    // Signals are heard before the work begins.
    let mut signals = Signals::listen();
    let (stop, stopping) = oneshot::channel::<()>();
    let (done, mut ended) = oneshot::channel();
    let handle = Handle::current();
    // The work has a thread of its own, so that a signal is heard even while it blocks.
    let worker = thread::Builder::new().stack_size(STACK);
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

//! Removes files that are no longer needed, now or in the background.

use std::sync::{Arc, Weak};
use std::time::Duration;

use tokio::runtime::Handle;
use tokio::time::{Instant, sleep};
use tokio_util::task::AbortOnDropHandle;

use super::DurableCatalog;
use super::descriptions::describe_forever;
use super::files::{Files, Swept};
use crate::storage::BackendError;

/// The time between two sweeps. Each is up to a half longer or shorter, so that several processes take turns.
const INTERVAL: Duration = Duration::from_secs(60);

/// The time between two sweeps that look at all objects of the store.
const LONG_INTERVAL: Duration = Duration::from_secs(24 * 60 * 60);

/// The time from the start to the first sweep that looks at all objects of the store.
const FIRST_LONG: Duration = Duration::from_secs(30 * 60);

/// The tasks that sweep and describe files as long as this lives.
#[derive(Debug)]
pub(super) struct Sweeper {
    _files: Arc<Files>,
    _tasks: [AbortOnDropHandle<()>; 2],
}

/// Methods that remove files. [`Catalog`](crate::storage::Catalog) documents them.
impl DurableCatalog {
    pub(crate) async fn sweep(&self, grace: Duration) -> Result<Swept, BackendError> {
        let swept = self.files.sweep(grace).await?;
        let unknown = self.files.sweep_unknown().await?;
        Ok(Swept {
            files: swept.files,
            unknown: unknown.unknown,
            bytes: swept.bytes + unknown.bytes,
        })
    }

    pub(crate) fn start_sweeping(&self, grace: Duration) {
        let Ok(runtime) = Handle::try_current() else {
            return;
        };
        self.sweeper.get_or_init(|| {
            let files = Arc::new(self.files.clone());
            // A task ends some time after it is aborted, and the database must be closed at once.
            let sweep = runtime.spawn(sweep_forever(Arc::downgrade(&files), grace));
            let describe = runtime.spawn(describe_forever(Arc::downgrade(&files)));
            Sweeper {
                _files: files,
                _tasks: [sweep, describe].map(AbortOnDropHandle::new),
            }
        });
    }
}

async fn sweep_forever(files: Weak<Files>, grace: Duration) {
    let mut next_long = Instant::now() + vary(FIRST_LONG);
    loop {
        sleep(vary(INTERVAL)).await;
        let Some(files) = files.upgrade() else {
            return;
        };
        log(files.sweep(grace).await);
        if Instant::now() >= next_long {
            log(files.sweep_unknown().await);
            next_long = Instant::now() + vary(LONG_INTERVAL);
        }
    }
}

fn vary(time: Duration) -> Duration {
    time.mul_f64(0.5 + fastrand::f64())
}

fn log(swept: Result<Swept, BackendError>) {
    match swept {
        Ok(swept) if swept == Swept::default() => {}
        Ok(Swept {
            files,
            unknown,
            bytes,
        }) => tracing::info!(
            files,
            unknown,
            bytes,
            "removed files that were no longer needed"
        ),
        // The next sweep tries again.
        Err(error) => {
            tracing::warn!(%error, "some files that are no longer needed could not be removed")
        }
    }
}

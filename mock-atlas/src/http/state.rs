//! The state that all handlers share: the present dataset, faults, observations and settings.

use std::fmt;
use std::net::SocketAddr;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use super::json::Replies;
use crate::domain::Limits;
use crate::faults::Faults;
use crate::net::BODY_TIMEOUT;
use crate::observe::Observer;
use crate::service::Datasets;
use crate::service::uploads::Uploads;

/// One emulated Atlas.
#[derive(Clone)]
pub(crate) struct AppState(Arc<Inner>);

struct Inner {
    datasets: Datasets,
    uploads: Uploads,
    faults: Faults,
    observer: Observer,
    replies: Replies,
    settings: Settings,
    listeners: OnceLock<ListenerInfo>,
}

/// How clients reach an emulator, as far as requests do not say so themselves.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct ListenerInfo {
    /// Whether over TLS.
    pub(crate) tls: bool,
    /// Where uploads are taken, if not where all else is.
    pub(crate) binstore: Option<SocketAddr>,
}

/// What of HTTP can be set from outside.
#[derive(Clone, Debug, Default)]
pub(crate) struct Settings {
    /// What `upload_path` starts with, without a slash at its end.
    pub(crate) public_url: Option<String>,
    /// How large a version may be.
    pub(crate) limits: Limits,
    /// How long to wait for the next part of a body, or until something of a reply is read.
    pub(crate) body_timeout: Option<Duration>,
}

/// Without what it holds, which may be large, and secret.
impl fmt::Debug for AppState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AppState").finish_non_exhaustive()
    }
}

impl AppState {
    pub(crate) fn new(
        datasets: Datasets,
        uploads: Uploads,
        faults: Faults,
        observer: Observer,
        settings: Settings,
    ) -> Self {
        Self(Arc::new(Inner {
            datasets,
            uploads,
            faults,
            observer,
            replies: Replies::default(),
            settings,
            listeners: OnceLock::new(),
        }))
    }

    pub(crate) fn datasets(&self) -> &Datasets {
        &self.0.datasets
    }

    pub(crate) fn uploads(&self) -> &Uploads {
        &self.0.uploads
    }

    pub(crate) fn faults(&self) -> &Faults {
        &self.0.faults
    }

    /// What sees every request. It is no part of the dataset: a reset leaves what it has seen.
    pub(crate) fn observer(&self) -> &Observer {
        &self.0.observer
    }

    /// Replies that were made before.
    pub(crate) fn replies(&self) -> &Replies {
        &self.0.replies
    }

    /// Tells how it is reached, which is known once its listeners are bound.
    pub(crate) fn set_listener_info(&self, how: ListenerInfo) {
        // It is started once.
        let _ = self.0.listeners.set(how);
    }

    pub(crate) fn listener_info(&self) -> ListenerInfo {
        self.0.listeners.get().copied().unwrap_or_default()
    }

    pub(crate) fn public_url(&self) -> Option<&str> {
        self.0.settings.public_url.as_deref()
    }

    pub(crate) fn limits(&self) -> Limits {
        self.0.settings.limits
    }

    pub(crate) fn body_timeout(&self) -> Duration {
        self.0.settings.body_timeout.unwrap_or(BODY_TIMEOUT)
    }
}

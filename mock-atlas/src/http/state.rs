//! Defines `AppState`, the state that all handlers share: the current dataset, faults, the observer and
//! settings.

use std::fmt;
use std::net::SocketAddr;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use super::hosts::Hosts;
use super::json::Replies;
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;

use crate::domain::{Clock, Limits};
use crate::faults::Faults;
use crate::net::BODY_TIMEOUT;
use crate::observe::Observer;
use crate::service::Datasets;
use crate::service::uploads::Uploads;

/// The greatest number of those who watch requests as they come in.
const MOST_WATCHERS: usize = 32;

/// A cheap handle on the state of one emulated Atlas.
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
    stop: CancellationToken,
    watchers: Arc<Semaphore>,
}

/// The facts about an emulator's listeners that requests do not tell.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct ListenerInfo {
    /// Whether the listeners use TLS.
    pub(crate) tls: bool,
    /// The address of the listener for uploads, if they have one of their own.
    pub(crate) binstore: Option<SocketAddr>,
}

/// The settings of HTTP.
#[derive(Clone, Debug, Default)]
pub(crate) struct Settings {
    /// The beginning of each `upload_path`, without a slash at its end.
    pub(crate) public_url: Option<String>,
    /// The limits on a version.
    pub(crate) limits: Limits,
    /// The time to wait for the next part of a body, or until the client reads more of a reply.
    pub(crate) body_timeout: Option<Duration>,
    /// Whether downloads are redirected to the bucket with the bytes.
    pub(crate) redirects_downloads: bool,
    /// The names by which the emulator is known, besides those that need not be told.
    pub(crate) hosts: Hosts,
    /// Whether there are no pages for people.
    pub(crate) no_pages: bool,
}

/// Omits the contents, which may be large and secret.
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
            stop: CancellationToken::new(),
            watchers: Arc::new(Semaphore::new(MOST_WATCHERS)),
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

    /// Returns the clock that dates the entries of the audit.
    pub(crate) fn clock(&self) -> &Clock {
        self.0.observer.clock()
    }

    /// Returns the observer of all requests. It is no part of the dataset: a reset keeps its journal and
    /// metrics.
    pub(crate) fn observer(&self) -> &Observer {
        &self.0.observer
    }

    /// Returns the cache of replies.
    pub(crate) fn replies(&self) -> &Replies {
        &self.0.replies
    }

    /// Sets the facts about the listeners, which are known once they are bound.
    pub(crate) fn set_listener_info(&self, info: ListenerInfo) {
        // An emulator is started once, so this never fails.
        let _ = self.0.listeners.set(info);
    }

    pub(crate) fn listener_info(&self) -> ListenerInfo {
        self.0.listeners.get().copied().unwrap_or_default()
    }

    pub(crate) fn public_url(&self) -> Option<&str> {
        self.0.settings.public_url.as_deref()
    }

    /// Returns the token that is cancelled when the emulator stops: replies without an end must end then.
    pub(crate) fn stop(&self) -> &CancellationToken {
        &self.0.stop
    }

    /// Returns the permits of those who watch requests as they come in.
    pub(crate) fn watchers(&self) -> Arc<Semaphore> {
        Arc::clone(&self.0.watchers)
    }

    pub(crate) fn hosts(&self) -> &Hosts {
        &self.0.settings.hosts
    }

    pub(crate) fn has_pages(&self) -> bool {
        !self.0.settings.no_pages
    }

    pub(crate) fn redirects_downloads(&self) -> bool {
        self.0.settings.redirects_downloads
    }

    pub(crate) fn limits(&self) -> Limits {
        self.0.settings.limits
    }

    pub(crate) fn body_timeout(&self) -> Duration {
        self.0.settings.body_timeout.unwrap_or(BODY_TIMEOUT)
    }
}

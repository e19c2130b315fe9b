//! A scenario is what an uploader meets at the recording server.

use std::{
    fmt,
    sync::atomic::{AtomicBool, Ordering},
};

use axum::http::Method;
use clap::ValueEnum;

use super::observation::is_api;
use crate::self_test::proxy::{Interceptor, Reply, Request};

/// What an uploader meets. Each run of it meets one, at a server of its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Scenario {
    /// All goes well, and the artifact is not there yet.
    Fresh,
    /// All goes well, and the artifact is there.
    Existing,
    /// The server does not know the token.
    TokenRefused,
    /// Every upload is refused with 422.
    UploadRefused,
    /// The first upload is answered with 503, and its bytes are not kept.
    UploadUnavailable,
    /// The first upload arrives, and its reply is lost.
    UploadLost,
    /// The first version is made, and the reply is lost.
    VersionLost,
}

impl Scenario {
    /// Whether nothing goes wrong, so that every uploader must succeed.
    pub fn is_calm(self) -> bool {
        matches!(self, Self::Fresh | Self::Existing)
    }
}

impl fmt::Display for Scenario {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let value = self.to_possible_value();
        out.write_str(value.as_ref().map_or("", |value| value.get_name()))
    }
}

/// A server on which the scenario is played.
pub(super) struct ScenarioInterceptor {
    scenario: Scenario,
    has_happened: AtomicBool,
}

impl ScenarioInterceptor {
    pub(super) fn new(scenario: Scenario) -> Self {
        Self {
            scenario,
            has_happened: AtomicBool::new(false),
        }
    }

    /// Whether it did not happen yet; from now on it has.
    fn happens_once(&self) -> bool {
        !self.has_happened.swap(true, Ordering::Relaxed)
    }
}

impl Interceptor for ScenarioInterceptor {
    fn request(&self, request: &mut Request) {
        let is_kept_away = is_upload(request)
            && match self.scenario {
                Scenario::UploadRefused => true,
                Scenario::UploadUnavailable => self.happens_once(),
                _ => false,
            };
        if is_kept_away {
            // The emulator sees no request that is not whole.
            request.whole = false;
        }
    }

    fn reply(&self, request: &Request, reply: &mut Reply) {
        let status = match self.scenario {
            Scenario::UploadRefused => 422,
            Scenario::UploadUnavailable => 503,
            _ => return,
        };
        if is_upload(request) && !request.whole {
            reply.status = status;
            reply.body =
                br#"{"errors":["the witness takes no upload now"],"success":false}"#.into();
        }
    }

    fn drops_reply(&self, request: &Request, reply: &Reply) -> bool {
        let is_meant = match self.scenario {
            Scenario::UploadLost => is_upload(request),
            Scenario::VersionLost => {
                request.method == Method::POST && reply.upload_path().is_some()
            }
            _ => false,
        };
        is_meant && reply.succeeded() && self.happens_once()
    }
}

fn is_upload(request: &Request) -> bool {
    request.method == Method::PUT && !is_api(request.path())
}

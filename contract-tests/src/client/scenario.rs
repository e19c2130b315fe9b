//! A scenario is the behaviour of the recording server during one run of an uploader.

use std::{
    fmt,
    sync::atomic::{AtomicBool, Ordering},
};

use axum::http::Method;
use clap::ValueEnum;

use super::observation::is_api;
use crate::self_test::proxy::{Interceptor, Reply, Request};

/// The behaviour of the recording server. Each run of an uploader has one scenario and its own server.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Scenario {
    /// Every request works, and the artifact does not exist yet.
    Fresh,
    /// Every request works, and the artifact exists.
    Existing,
    /// The server refuses the token.
    TokenRefused,
    /// Every upload is refused with 422.
    UploadRefused,
    /// The first upload gets 503, and its bytes are not kept.
    UploadUnavailable,
    /// The first upload arrives, and its reply is lost.
    UploadLost,
    /// The first version is made, and the reply is lost.
    VersionLost,
}

impl Scenario {
    /// Tells whether every request works, so that an uploader must succeed.
    pub fn is_faultless(self) -> bool {
        matches!(self, Self::Fresh | Self::Existing)
    }
}

impl fmt::Display for Scenario {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let value = self.to_possible_value();
        out.write_str(value.as_ref().map_or("", |value| value.get_name()))
    }
}

/// An interceptor that makes the emulator behave as a scenario says.
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

    /// Returns true at the first call, and false from then on.
    fn happens_once(&self) -> bool {
        !self.has_happened.swap(true, Ordering::Relaxed)
    }
}

impl Interceptor for ScenarioInterceptor {
    fn request(&self, request: &mut Request) {
        let is_withheld = is_upload(request)
            && match self.scenario {
                Scenario::UploadRefused => true,
                Scenario::UploadUnavailable => self.happens_once(),
                _ => false,
            };
        if is_withheld {
            // The proxy does not forward an incomplete request to the emulator.
            request.is_complete = false;
        }
    }

    fn reply(&self, request: &Request, reply: &mut Reply) {
        let status = match self.scenario {
            Scenario::UploadRefused => 422,
            Scenario::UploadUnavailable => 503,
            _ => return,
        };
        if is_upload(request) && !request.is_complete {
            reply.status = status;
            reply.body =
                br#"{"errors":["the recording server accepts no upload now"],"success":false}"#
                    .into();
        }
    }

    fn drops_reply(&self, request: &Request, reply: &Reply) -> bool {
        let is_target = match self.scenario {
            Scenario::UploadLost => is_upload(request),
            Scenario::VersionLost => {
                request.method == Method::POST && reply.upload_path().is_some()
            }
            _ => false,
        };
        is_target && reply.succeeded() && self.happens_once()
    }
}

fn is_upload(request: &Request) -> bool {
    request.method == Method::PUT && !is_api(request.path())
}

//! A fault: its effect, and the requests that it applies to.

use std::num::NonZeroU64;
use std::time::Duration;

use serde::Deserialize;

use super::RequestInfo;
use crate::endpoint::{Api, Body, Reply};

/// A fault that the emulator injects into some requests. Flags, seeds and this type share its text
/// form, which `docs/emulator.md` describes.
///
/// ```
/// use mock_atlas::Fault;
///
/// let fault: Fault = "upload:cut-after=1048576,times=1".parse()?;
/// assert_eq!(fault.to_string(), "upload:cut-after=1048576,times=1");
/// let error = "upload:cut".parse::<Fault>().unwrap_err();
/// assert!(error.to_string().contains("unknown effect \"cut\""));
/// # Ok::<_, mock_atlas::FaultError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(try_from = "String")]
pub struct Fault {
    /// The name of the endpoints that the fault applies to; `None` applies to all.
    pub(super) endpoint: Option<EndpointName>,
    pub(super) method: Option<String>,
    pub(super) effect: Effect,
    pub(super) schedule: Schedule,
}

impl Fault {
    /// Returns whether the fault has a probability, so that chance decides as well.
    pub(super) fn is_random(&self) -> bool {
        self.schedule.probability < 1.0
    }

    pub(super) fn applies_to(&self, request: &RequestInfo<'_>) -> bool {
        self.endpoint
            .is_none_or(|name| name.covers(request.endpoint))
            && self
                .method
                .as_ref()
                .is_none_or(|method| method == request.method)
            && self.effect.applies_to(request)
    }
}

/// The name of one or several endpoints in faults, the `ROUTE` of the text form.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct EndpointName(pub(super) &'static str);

impl EndpointName {
    pub(super) fn covers(self, endpoint: Api) -> bool {
        self.0 == endpoint.name()
    }
}

/// The effect of a fault on a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Effect {
    /// Delays the handling of the request.
    Latency(Duration),
    /// Answers with an error instead of handling the request.
    Status(ErrorReply),
    /// Handles the request, and answers with half of its JSON.
    Malformed,
    /// Resets the connection instead of handling the request.
    Reset,
    /// Handles the request, and closes the connection without a reply.
    NoReply,
    /// Handles the request, and delays the reply.
    DelayReply(Duration),
    /// Resets the connection after so many bytes of an upload, or at its end if that comes first; closes
    /// it after so many bytes of a downloaded file.
    CutAfter(u64),
    /// Receives all bytes of an upload, stores none of them, and answers with an error.
    Discard(ErrorReply),
    /// Removes the upload path, if it is at least this old.
    Expire(Duration),
}

/// The error reply of a fault.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct ErrorReply {
    pub(crate) status: u16,
    /// The value of the header `Retry-After`, in seconds.
    pub(crate) retry_after: Option<u64>,
}

impl Effect {
    /// Returns whether the effect is possible at this endpoint.
    pub(super) fn is_possible_at(self, endpoint: Api) -> bool {
        match self {
            Self::CutAfter(_) => endpoint.body() == Body::File || endpoint.reply() == Reply::File,
            Self::Discard(_) | Self::Expire(_) => endpoint.body() == Body::File,
            Self::Malformed => endpoint.reply() == Reply::Json,
            Self::Latency(_)
            | Self::Status(_)
            | Self::Reset
            | Self::NoReply
            | Self::DelayReply(_) => true,
        }
    }

    fn applies_to(self, request: &RequestInfo<'_>) -> bool {
        self.is_possible_at(request.endpoint)
            && match self {
                Self::Expire(after) => request.upload_age.is_some_and(|age| age >= after),
                // A HEAD reply has no body that could be malformed or cut.
                Self::Malformed | Self::CutAfter(_) => request.method != "HEAD",
                _ => true,
            }
    }
}

/// The choice among the requests that a fault applies to.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Schedule {
    /// The number of requests that pass before the fault begins.
    pub(super) after: u64,
    /// The interval: of the following requests, every n-th is chosen.
    pub(super) every: NonZeroU64,
    /// The largest number of requests that meet the fault; `None` for no limit.
    pub(super) times: Option<NonZeroU64>,
    /// The probability with which a chosen request meets the fault.
    pub(super) probability: f64,
}

impl Schedule {
    /// Returns whether the schedule chooses the request of this number, counted from 1. Ignores the
    /// probability.
    pub(super) fn includes(&self, number: u64, fired: u64) -> bool {
        number
            .checked_sub(self.after)
            .is_some_and(|number| number > 0 && number % self.every == 0)
            && self.times.is_none_or(|times| fired < times.get())
    }
}

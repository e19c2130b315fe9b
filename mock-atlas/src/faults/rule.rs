//! One fault: its effect, and the requests that it applies to.

use std::num::NonZeroU64;
use std::time::Duration;

use serde::Deserialize;

use super::RequestInfo;
use crate::endpoint::Api;

/// Something that an emulator is to do wrong, and when. It is written as text, the same
/// everywhere: as flag, in a seed, and here. `docs/emulator.md` has all of it.
///
/// ```
/// use mock_atlas::Fault;
///
/// let fault: Fault = "upload:cut-after=1048576,times=1".parse()?;
/// assert_eq!(fault.to_string(), "upload:cut-after=1048576,times=1");
/// let error = "upload:cut".parse::<Fault>().unwrap_err();
/// assert!(error.to_string().contains("there is no effect \"cut\""));
/// # Ok::<_, mock_atlas::FaultError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(try_from = "String")]
pub struct Fault {
    /// None is any.
    pub(super) route: Option<RouteName>,
    pub(super) method: Option<String>,
    pub(super) effect: Effect,
    pub(super) schedule: Schedule,
}

impl Fault {
    /// Whether chance decides, too, which requests meet it.
    pub(super) fn is_random(&self) -> bool {
        self.schedule.probability < 1.0
    }

    pub(super) fn applies_to(&self, request: &RequestInfo<'_>) -> bool {
        self.route
            .is_none_or(|route| route.covers(request.endpoint))
            && self
                .method
                .as_ref()
                .is_none_or(|method| method == request.method)
            && self.effect.applies_to(request)
    }
}

/// A `RouteName` is the name of one endpoint, or of some.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct RouteName(pub(super) &'static str);

impl RouteName {
    pub(super) fn covers(self, endpoint: Api) -> bool {
        self.0 == endpoint.name()
    }
}

/// What goes wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Effect {
    /// The request is handled after a while.
    Latency(Duration),
    /// The request is not handled, and answered with this.
    Status(ErrorReply),
    /// The request is handled, and half of its JSON is answered.
    Malformed,
    /// The request is not handled, and the connection reset.
    Reset,
    /// The request is handled, and the connection closed.
    NoReply,
    /// The request is handled, and answered after a while.
    DelayReply(Duration),
    /// The connection is reset after so many bytes of an upload, at its end at the latest.
    CutAfter(u64),
    /// All bytes of an upload are taken, none is stored, and this is answered.
    Discard(ErrorReply),
    /// An upload path of this age is unknown from now on.
    Expire(Duration),
}

/// An error that is answered because a fault wants it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct ErrorReply {
    pub(crate) status: u16,
    /// In seconds.
    pub(crate) retry_after: Option<u64>,
}

impl Effect {
    /// Whether it can happen at this endpoint at all.
    pub(super) fn is_possible_at(self, endpoint: Api) -> bool {
        let (takes_file, answers_json) = match endpoint {
            Api::Upload => (true, true),
            Api::Download => (false, false),
            Api::ShowCaller
            | Api::LogIn
            | Api::ShowTokenOwner
            | Api::CreateArtifact
            | Api::ShowArtifact
            | Api::CreateVersion
            | Api::Search => (false, true),
        };
        match self {
            Self::CutAfter(_) | Self::Discard(_) | Self::Expire(_) => takes_file,
            Self::Malformed => answers_json,
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
                // There is no body that could be malformed.
                Self::Malformed => request.method != "HEAD",
                _ => true,
            }
    }
}

/// Which of the requests that a fault is for meet it.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Schedule {
    /// How many pass before it begins.
    pub(super) after: u64,
    /// Of those that follow, each that is a multiple of this.
    pub(super) every: NonZeroU64,
    /// How many meet it in all.
    pub(super) times: Option<NonZeroU64>,
    /// How probable it is for each of those.
    pub(super) probability: f64,
}

impl Schedule {
    /// Whether the request of this number, counted from 1, is one of them; chance aside.
    pub(super) fn includes(&self, number: u64, fired: u64) -> bool {
        number
            .checked_sub(self.after)
            .is_some_and(|number| number > 0 && number % self.every == 0)
            && self.times.is_none_or(|times| fired < times.get())
    }
}

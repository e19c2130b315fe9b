//! Plans the faults of the proxy. A fault is drawn from the seed, the number of the push, the kind of the
//! request and its number within that kind, so that neither the other pushes nor the order of events change
//! it.

use std::collections::HashMap;
use std::fmt;
use std::time::Duration;

use fastrand::Rng;

/// The largest number of faults per kind of request in each phase, so that every push ends.
const AT_MOST: usize = 4;

/// A kind of request.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Route {
    Authenticate,
    Artifact,
    NewArtifact,
    Version,
    Upload,
    Search,
    File,
    /// The rest of a file, from a position in its middle.
    Rest,
}

impl Route {
    pub(crate) const ALL: [Self; 8] = [
        Self::Authenticate,
        Self::Artifact,
        Self::NewArtifact,
        Self::Version,
        Self::Upload,
        Self::Search,
        Self::File,
        Self::Rest,
    ];

    pub(crate) fn of(method: &str, target: &str, ranged: bool) -> Self {
        let path = target.split('?').next().unwrap_or(target);
        match method {
            "PUT" => Self::Upload,
            "POST" if path.ends_with("/artifacts") => Self::NewArtifact,
            "POST" => Self::Version,
            _ if path.ends_with("/authenticate") => Self::Authenticate,
            _ if path.ends_with("/search") => Self::Search,
            _ if path.ends_with("/file") && ranged => Self::Rest,
            _ if path.ends_with("/file") => Self::File,
            _ => Self::Artifact,
        }
    }

    fn writes(self) -> bool {
        matches!(self, Self::NewArtifact | Self::Version | Self::Upload)
    }

    fn reads_a_file(self) -> bool {
        matches!(self, Self::File | Self::Rest)
    }
}

/// The point that a request with a fault reaches.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Moment {
    /// Its head is read, its body is not, and the Atlas does not receive it.
    Early,
    /// It is read, and the Atlas does not receive it.
    Instead,
    /// The Atlas receives the first half of its body.
    Half,
    /// The Atlas carries it out.
    After,
    /// The Atlas carries it out after the client has received its answer, or has given up.
    Late,
}

impl Moment {
    const ALL: [Self; 5] = [
        Self::Early,
        Self::Instead,
        Self::Half,
        Self::After,
        Self::Late,
    ];

    pub(crate) fn is_carried_out(self) -> bool {
        matches!(self, Self::After | Self::Late)
    }
}

/// The answer that the client gets.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Answer {
    /// The connection is reset.
    Reset,
    /// The connection is closed.
    Close,
    /// This status, and this number of seconds as `Retry-After`.
    Status(u16, Option<u8>),
    /// An HTML page with a status of success, as of a captive portal.
    Portal,
    /// A success like that of an Atlas.
    Success,
    /// A redirect without a target.
    Redirect,
    /// A 500 that announces 100 bytes, of which three come.
    Stub,
    /// The proxy sends no reply, and keeps the connection open.
    Silence,
    /// Half of the head of the Atlas' reply.
    CutHead,
    /// The head of the Atlas' reply, and half of its body.
    CutBody,
    /// The same as `CutBody`, while the connection stays open.
    StalledBody,
    /// The whole reply, with a delay of this number of milliseconds in both directions.
    Delayed(u64),
    /// The reply with this number of quarters of its body, and a matching `Content-Length`.
    Shortened(u8),
}

impl Answer {
    fn drawn(rng: &mut Rng) -> [Self; 13] {
        let (statuses, waits) = (Self::STATUSES, [None, None, Some(0), Some(1)]);
        let status = statuses[rng.usize(..statuses.len())];
        [
            Self::Reset,
            Self::Close,
            Self::Status(status, waits[rng.usize(..waits.len())]),
            Self::Portal,
            Self::Success,
            Self::Redirect,
            Self::Stub,
            Self::Silence,
            Self::CutHead,
            Self::CutBody,
            Self::StalledBody,
            Self::Delayed(rng.u64(10..60)),
            Self::Shortened(rng.u8(..4)),
        ]
    }

    pub(crate) const STATUSES: [u16; 7] = [408, 425, 429, 500, 502, 503, 504];

    /// Returns the kind of the answer, whatever its status, wait or length.
    pub(crate) fn kind(self) -> &'static str {
        match self {
            Self::Reset => "reset",
            Self::Close => "close",
            Self::Status(..) => "status",
            Self::Portal => "portal",
            Self::Success => "success",
            Self::Redirect => "redirect",
            Self::Stub => "stub",
            Self::Silence => "silence",
            Self::CutHead => "cut head",
            Self::CutBody => "cut body",
            Self::StalledBody => "stalled body",
            Self::Delayed(_) => "delayed",
            Self::Shortened(_) => "shortened",
        }
    }

    /// Returns whether the connection stays open until the client gives up.
    pub(crate) fn leaves_open(self) -> bool {
        matches!(self, Self::Stub | Self::Silence | Self::StalledBody)
    }

    /// Returns the delay before the request goes to the Atlas, and again before the client is answered.
    pub(crate) fn delay(self) -> Duration {
        match self {
            Self::Delayed(milliseconds) => Duration::from_millis(milliseconds),
            _ => Duration::ZERO,
        }
    }
}

/// The fault of one request.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct Fault {
    pub(crate) moment: Moment,
    pub(crate) answer: Answer,
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}: {:?}", self.moment, self.answer)
    }
}

/// The properties of a push on which the plan depends.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Subject {
    pub(crate) number: u64,
    /// Whether its file is longer than the socket buffers between a client and a server that does not read.
    pub(crate) is_large: bool,
    /// Whether the push leaves a digest, and downloads have one as their `ETag`.
    pub(crate) has_digest: bool,
}

/// Draws the fault of a request of this kind: any moment, and an answer that fits it.
fn draw_fault(route: Route, subject: Subject, rng: &mut Rng) -> Fault {
    let moments: Vec<_> = moments(route).collect();
    let moment = moments[rng.usize(..moments.len())];
    let fitting = fitting(moment, route, subject, Answer::drawn(rng));
    let weighed = fitting.flat_map(|fault| std::iter::repeat_n(fault, weight(fault, route)));
    let faults: Vec<_> = weighed.collect();
    faults[rng.usize(..faults.len())]
}

/// Returns the moments that make a difference: a request that only reads changes nothing on the Atlas.
fn moments(route: Route) -> impl Iterator<Item = Moment> {
    let matters =
        move |moment: &Moment| route.writes() || !matches!(moment, Moment::Half | Moment::Late);
    Moment::ALL.into_iter().filter(matters)
}

fn fitting(
    moment: Moment,
    route: Route,
    subject: Subject,
    answers: [Answer; 13],
) -> impl Iterator<Item = Fault> {
    let faults = answers.map(|answer| Fault { moment, answer });
    faults
        .into_iter()
        .filter(move |fault| fits(*fault, route, subject))
}

fn fits(Fault { moment, answer }: Fault, route: Route, subject: Subject) -> bool {
    use Answer::{Close, CutBody, CutHead, Delayed, Portal, Redirect, Reset};
    use Answer::{Shortened, Silence, StalledBody, Status, Stub, Success};
    let possible = match answer {
        Reset | Close | Status(..) => true,
        Portal => !matches!(moment, Moment::Half | Moment::Late),
        Redirect | Stub => matches!(moment, Moment::Instead | Moment::After),
        Silence => !matches!(moment, Moment::Early | Moment::Half),
        CutHead | CutBody | StalledBody | Delayed(_) => moment == Moment::After,
        Shortened(_) => moment == Moment::After && route == Route::Rest,
        // Later, or with fewer bytes, all bytes may be under way, and the client cannot know that the reply
        // is made up.
        Success => moment == Moment::Early && route == Route::Upload && subject.is_large,
    };
    // Without a digest the client cannot tell a page from the file.
    let is_lie = answer == Portal && route.reads_a_file() && !subject.has_digest;
    possible && !is_lie
}

/// Returns the probability of a fault for a request of this kind.
fn probability(route: Route) -> f64 {
    match route {
        // These requests are few, and the rest of a file is only requested after a faulty download.
        Route::File | Route::Rest => 0.6,
        _ => 0.33,
    }
}

/// Returns the weight of a fault among those of its moment.
fn weight(Fault { moment, answer }: Fault, route: Route) -> usize {
    match (route, answer) {
        (Route::File, Answer::CutBody) | (Route::Rest, Answer::Shortened(_)) => 160,
        // This fault leaves a version in doubt.
        (Route::Version, Answer::Silence) => 8,
        _ if moment == Moment::Late => 6,
        // Each of these faults takes the client a second.
        _ if answer.leaves_open() => 2,
        (_, Answer::Status(..)) => 12,
        _ => 5,
    }
}

/// The number of requests, and of the occurrences of each fault.
#[derive(Debug, Default, Clone)]
pub(crate) struct Tally {
    pub(crate) requests: usize,
    pub(crate) faults: HashMap<Fault, usize>,
}

impl Tally {
    pub(crate) fn add(&mut self, other: &Self) {
        self.requests += other.requests;
        for (fault, times) in &other.faults {
            *self.faults.entry(*fault).or_default() += times;
        }
    }

    pub(crate) fn spoilt(&self) -> usize {
        self.faults.values().sum()
    }

    pub(crate) fn has(&self, is_it: impl Fn(&Fault) -> bool) -> bool {
        self.faults.keys().any(is_it)
    }
}

/// The plan for the requests of one push.
pub(crate) struct Plan {
    seed: u64,
    subject: Subject,
    phase: u64,
    is_calm: bool,
    asked: HashMap<Route, u64>,
    spoilt: HashMap<Route, usize>,
    tally: Tally,
}

impl Plan {
    pub(crate) fn new(seed: u64, subject: Subject) -> Self {
        Self {
            seed,
            subject,
            phase: 0,
            is_calm: false,
            asked: HashMap::new(),
            spoilt: HashMap::new(),
            tally: Tally::default(),
        }
    }

    /// Ends the faults of this phase.
    pub(crate) fn calm(&mut self) {
        self.is_calm = true;
    }

    /// Begins another phase, with other faults.
    pub(crate) fn next_phase(&mut self) {
        self.phase += 1;
        self.is_calm = false;
        self.asked.clear();
        self.spoilt.clear();
    }

    /// Returns the fault of the next request of this kind.
    pub(crate) fn draw(&mut self, route: Route) -> Option<Fault> {
        self.tally.requests += 1;
        let asked = self.asked.entry(route).or_default();
        *asked += 1;
        let spoilt = self.spoilt.entry(route).or_default();
        if self.is_calm || *spoilt == AT_MOST {
            return None;
        }
        let parts = [self.subject.number, self.phase, route as u64, *asked];
        let mut rng = Rng::with_seed(mixed(self.seed, parts));
        // A file that is large enough for an early reply is rare, so each gets one.
        let is_early = self.subject.is_large && route == Route::Upload && *asked == 1;
        let fault = if is_early {
            Fault {
                moment: Moment::Early,
                answer: Answer::Success,
            }
        } else if rng.f64() < probability(route) {
            draw_fault(route, self.subject, &mut rng)
        } else {
            return None;
        };
        *spoilt += 1;
        *self.tally.faults.entry(fault).or_default() += 1;
        Some(fault)
    }

    pub(crate) fn tally(&self) -> &Tally {
        &self.tally
    }
}

/// Returns all kinds of faults that a plan may contain.
pub(crate) fn kinds() -> impl Iterator<Item = (Moment, &'static str)> {
    let subject = Subject {
        number: 0,
        is_large: true,
        has_digest: true,
    };
    Route::ALL.into_iter().flat_map(move |route| {
        moments(route).flat_map(move |moment| {
            let answers = Answer::drawn(&mut Rng::with_seed(0));
            let fitting = fitting(moment, route, subject, answers);
            fitting.map(move |fault| (moment, fault.answer.kind()))
        })
    })
}

/// Mixes several numbers into one, so that similar numbers lead to very different draws.
pub(crate) fn mixed<const N: usize>(seed: u64, parts: [u64; N]) -> u64 {
    // The state is randomised before each part is added: otherwise another seed would only permute the
    // pushes.
    let mix = |state, part| Rng::with_seed(state).u64(..) ^ part;
    parts.into_iter().fold(seed, mix)
}

//! The plan says what the proxy does to which request. It is drawn from the seed, the number of the
//! push, the kind of the request and its number within that kind, so that neither the other pushes nor
//! the order of events change it.

use std::collections::HashMap;
use std::fmt;
use std::time::Duration;

use fastrand::Rng;

/// So many requests of a kind are spoilt at most in each phase, so that every push comes to an end.
const AT_MOST: usize = 4;

/// What a client asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Route {
    Authenticate,
    Artifact,
    NewArtifact,
    Version,
    Upload,
    Search,
    File,
    /// A file from somewhere in its middle.
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

/// How far a request comes that is spoilt.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Moment {
    /// Its head is read, its body is not, and the Atlas never hears of it.
    Early,
    /// It is read, and the Atlas never hears of it.
    Instead,
    /// The Atlas gets the first half of its body.
    Half,
    /// The Atlas carries it out.
    After,
    /// The Atlas carries it out once the client has had its answer, or has given up.
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

/// What the client gets.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Answer {
    /// The connection is reset.
    Reset,
    /// The connection is closed.
    Close,
    /// This status, and so many seconds as `Retry-After`.
    Status(u16, Option<u8>),
    /// A page of success in HTML, as a captive portal has it.
    Portal,
    /// A success as the Atlas gives it.
    Success,
    /// A redirect that does not say where to.
    Redirect,
    /// A 500 that announces 100 bytes; three come, and then nothing more.
    Stub,
    /// Nothing at all, and the connection stays.
    Silence,
    /// Half of the head of the Atlas' reply.
    CutHead,
    /// Its head, and half of its body.
    CutBody,
    /// The same, and the connection stays.
    StalledBody,
    /// The whole reply, so many milliseconds late on both ways.
    Delayed(u64),
    /// The reply with so many quarters of its body, and a `Content-Length` that agrees.
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

    /// The same for each status, each wait and each length.
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

    /// Whether the connection stays until the client gives up.
    pub(crate) fn leaves_open(self) -> bool {
        matches!(self, Self::Stub | Self::Silence | Self::StalledBody)
    }

    /// How long the Atlas is not asked, and then the client not answered.
    pub(crate) fn delay(self) -> Duration {
        match self {
            Self::Delayed(milliseconds) => Duration::from_millis(milliseconds),
            _ => Duration::ZERO,
        }
    }
}

/// What happens to one request.
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

/// What is pushed, as far as the plan depends on it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Subject {
    pub(crate) number: u64,
    /// Whether its file is longer than all that sockets hold between a client and a server that does
    /// not read.
    pub(crate) is_large: bool,
    /// Whether the push leaves a digest, and downloads have one as their `ETag`.
    pub(crate) has_digest: bool,
}

/// Draws what happens to a request of this kind that is spoilt: any moment, and an answer that fits it.
fn drawn(route: Route, subject: Subject, rng: &mut Rng) -> Fault {
    let moments: Vec<_> = moments(route).collect();
    let moment = moments[rng.usize(..moments.len())];
    let fitting = fitting(moment, route, subject, Answer::drawn(rng));
    let weighed = fitting.flat_map(|fault| std::iter::repeat_n(fault, weight(fault, route)));
    let faults: Vec<_> = weighed.collect();
    faults[rng.usize(..faults.len())]
}

/// The moments that make a difference: what reads leaves nothing on the Atlas.
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
        // Later, or with fewer bytes, all of them may be on their way, and nobody can tell that it is
        // made up.
        Success => moment == Moment::Early && route == Route::Upload && subject.is_large,
    };
    // Without a digest a page cannot be told from the file.
    let is_lie = answer == Portal && route.reads_a_file() && !subject.has_digest;
    possible && !is_lie
}

/// How likely a request of this kind is spoilt.
fn share(route: Route) -> f64 {
    match route {
        // There are few of them, and the rest of a file is only asked for after a spoilt download.
        Route::File | Route::Rest => 0.6,
        _ => 0.33,
    }
}

/// How likely a fault is among those of its moment.
fn weight(Fault { moment, answer }: Fault, route: Route) -> usize {
    match (route, answer) {
        (Route::File, Answer::CutBody) | (Route::Rest, Answer::Shortened(_)) => 160,
        // This leaves a version in doubt.
        (Route::Version, Answer::Silence) => 8,
        _ if moment == Moment::Late => 6,
        // Each of these takes the client a second.
        _ if answer.leaves_open() => 2,
        (_, Answer::Status(..)) => 12,
        _ => 5,
    }
}

/// How many requests there were, and how many of them met which fault.
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

/// What happens to the requests of one push.
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

    /// From here on nothing is spoilt.
    pub(crate) fn calm(&mut self) {
        self.is_calm = true;
    }

    /// Begins anew, with other faults.
    pub(crate) fn next_phase(&mut self) {
        self.phase += 1;
        self.is_calm = false;
        self.asked.clear();
        self.spoilt.clear();
    }

    /// What happens to the next request of this kind.
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
        // A file that makes a reply early for certain is rare, so each gets one.
        let is_early = self.subject.is_large && route == Route::Upload && *asked == 1;
        let fault = if is_early {
            Fault {
                moment: Moment::Early,
                answer: Answer::Success,
            }
        } else if rng.f64() < share(route) {
            drawn(route, self.subject, &mut rng)
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

/// Every kind of fault that a plan may hold.
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

/// One number of several, so that those that differ little lead to draws that differ much.
pub(crate) fn mixed<const N: usize>(seed: u64, parts: [u64; N]) -> u64 {
    // The seed is drawn from before a part is added: otherwise another seed would only exchange the
    // pushes among themselves.
    let mix = |state, part| Rng::with_seed(state).u64(..) ^ part;
    parts.into_iter().fold(seed, mix)
}

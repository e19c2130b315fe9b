//! Chaos: faults that are drawn from a seed, for any request.

use std::time::Duration;

use fastrand::Rng;

use super::{Effect, ErrorReply, RequestInfo};
use crate::endpoint::Api;

/// How many requests meet a fault, and what that is drawn from.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Chaos {
    /// From 0, which is none, to 1.
    pub(crate) probability: f64,
    pub(crate) seed: u64,
}

impl Chaos {
    pub(super) fn is_on(self) -> bool {
        self.probability > 0.0
    }
}

/// What is drawn, request by request.
#[derive(Debug)]
pub(super) struct ChaosState {
    chaos: Chaos,
    rng: Rng,
    pub(super) fired: u64,
}

impl ChaosState {
    pub(super) fn new(chaos: Chaos) -> Self {
        Self {
            chaos,
            rng: Rng::with_seed(chaos.seed),
            fired: 0,
        }
    }

    /// What the next request meets, if anything.
    pub(super) fn draw(&mut self, request: &RequestInfo<'_>) -> Option<Effect> {
        if !self.chaos.is_on() {
            return None;
        }
        // One step for each request, however much is drawn for it.
        let mut rng = self.rng.fork();
        (rng.f64() < self.chaos.probability).then(|| effect(&mut rng, request))
    }
}

/// Nothing that changes what is stored, or hides that it has changed: a client that tries the same
/// again must come to the same end.
fn effect(rng: &mut Rng, request: &RequestInfo<'_>) -> Effect {
    let statuses = [429, 500, 502, 503];
    let reply = ErrorReply {
        status: statuses[rng.usize(..statuses.len())],
        retry_after: rng.bool().then_some(1),
    };
    let mut effects = vec![
        Effect::Latency(Duration::from_millis(rng.u64(10..250))),
        Effect::Status(reply),
        Effect::Reset,
    ];
    match request.endpoint {
        Api::Upload => effects.extend([
            Effect::CutAfter(rng.u64(..64 * 1024)),
            Effect::Discard(reply),
        ]),
        Api::ShowCaller | Api::ShowTokenOwner | Api::ShowArtifact | Api::Search => {
            // A HEAD has no body that could be malformed.
            if request.method == "GET" {
                effects.push(Effect::Malformed);
            }
        }
        Api::LogIn | Api::CreateArtifact | Api::CreateVersion | Api::Download => {}
    }
    effects.swap_remove(rng.usize(..effects.len()))
}

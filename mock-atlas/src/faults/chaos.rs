//! Chaos: random faults, drawn from a seed, for any request.

use std::time::Duration;

use fastrand::Rng;

use super::{Effect, ErrorReply, RequestInfo};
use crate::endpoint::{Body, Reply};

/// The probability of a random fault, and the seed that faults are drawn from.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Chaos {
    /// A probability from 0, which switches chaos off, to 1.
    pub(crate) probability: f64,
    pub(crate) seed: u64,
}

impl Chaos {
    pub(super) fn is_on(self) -> bool {
        self.probability > 0.0
    }
}

/// The state of the random generator, and the number of injected faults.
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

    /// Draws the effect for the next request; `None` if it meets no fault.
    pub(super) fn draw(&mut self, request: &RequestInfo<'_>) -> Option<Effect> {
        if !self.chaos.is_on() {
            return None;
        }
        // Each request takes one step of the generator, however many numbers its effect needs.
        let mut rng = self.rng.fork();
        (rng.f64() < self.chaos.probability).then(|| effect(&mut rng, request))
    }
}

/// Draws an effect. It is never one that changes what is stored or hides a change: a client that
/// tries again must reach the same result.
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
    match (request.endpoint.body(), request.endpoint.reply()) {
        (Body::File, _) => effects.extend([
            Effect::CutAfter(rng.u64(..64 * 1024)),
            Effect::Discard(reply),
        ]),
        // A HEAD reply has no body that could be malformed.
        (_, Reply::Json) if request.method == "GET" => effects.push(Effect::Malformed),
        (_, Reply::Json | Reply::File | Reply::Nothing) => {}
    }
    effects.swap_remove(rng.usize(..effects.len()))
}

//! Decides which fault of an emulator is due for a request. `http::middleware::fault_injection`
//! applies the fault to the request.
//!
//! - `fault`: a fault, with its effect and the requests that it applies to
//! - `grammar`: the text form of faults
//! - `chaos`: random faults, drawn from a seed
//!
//! One mutex covers counting a request and choosing its fault, so that the n-th request is well
//! defined among concurrent requests. Random choices depend only on the seed and on the number of
//! the request.

mod chaos;
mod fault;
mod grammar;
#[cfg(test)]
mod tests;

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use fastrand::Rng;

pub(crate) use chaos::Chaos;
pub use fault::Fault;
pub(crate) use fault::{Effect, ErrorReply};
pub use grammar::FaultError;

use crate::endpoint::Api;

/// The properties of a request that faults depend on.
pub(crate) struct RequestInfo<'a> {
    pub(crate) endpoint: Api,
    pub(crate) method: &'a str,
    /// The age of the requested upload path, if the path is known and [`Faults::need_upload_age`]
    /// asked for it.
    pub(crate) upload_age: Option<Duration>,
}

/// The effect that a request meets, and the text of the fault.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct InjectedFault {
    pub(crate) effect: Effect,
    pub(crate) fault: String,
}

/// A fault of an emulator, with its counts so far.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct FaultReport {
    /// The identifier of the fault in this emulator.
    pub id: u64,
    /// The fault itself.
    pub fault: Fault,
    /// The number of requests that the fault applies to.
    pub seen: u64,
    /// The number of those requests that met the fault.
    pub fired: u64,
}

/// All faults of one emulator.
#[derive(Debug)]
pub(crate) struct Faults {
    /// The faults of the start, which a reset restores.
    initial: Vec<Fault>,
    chaos: Chaos,
    active: Mutex<ActiveFaults>,
}

/// The faults at present, with their counts, and the state of chaos.
#[derive(Debug)]
struct ActiveFaults {
    faults: Vec<ActiveFault>,
    last_id: u64,
    chaos: chaos::ChaosState,
}

/// A fault with its counts and its random generator.
#[derive(Debug)]
struct ActiveFault {
    report: FaultReport,
    chance: Rng,
}

impl Faults {
    pub(crate) fn new(initial: Vec<Fault>, chaos: Chaos) -> Self {
        Self {
            active: Mutex::new(ActiveFaults::new(&initial, chaos)),
            initial,
            chaos,
        }
    }

    /// Returns the fault for this request: the first due fault in their order, or else the one that
    /// chaos draws.
    pub(crate) fn next_fault(&self, request: &RequestInfo<'_>) -> Option<InjectedFault> {
        let mut active = self.active();
        // Chaos draws for every request, so that the draw depends only on the request's number.
        let drawn = active.chaos.draw(request);
        let mut met = None;
        for fault in &mut active.faults {
            // Every fault counts all requests that it applies to, even those that met another.
            if fault.is_due(request) && met.is_none() {
                fault.report.fired += 1;
                met = Some(InjectedFault {
                    effect: fault.report.fault.effect,
                    fault: fault.report.fault.to_string(),
                });
            }
        }
        met.or_else(|| {
            let effect = drawn?;
            active.chaos.fired += 1;
            Some(InjectedFault {
                effect,
                fault: format!("chaos:{effect}"),
            })
        })
    }

    /// Returns whether a fault depends on the age of the upload path.
    pub(crate) fn need_upload_age(&self) -> bool {
        let active = self.active();
        let needs_age =
            |fault: &ActiveFault| matches!(fault.report.fault.effect, Effect::Expire(_));
        active.faults.iter().any(needs_age)
    }

    /// Adds a fault after the existing faults.
    pub(crate) fn add(&self, fault: Fault) -> FaultReport {
        self.active().add(fault, self.chaos.seed)
    }

    /// Removes a fault. Returns whether it existed.
    pub(crate) fn remove(&self, id: u64) -> bool {
        let mut active = self.active();
        let before = active.faults.len();
        active.faults.retain(|fault| fault.report.id != id);
        active.faults.len() < before
    }

    /// Removes all faults. Chaos stays.
    pub(crate) fn clear(&self) {
        self.active().faults.clear();
    }

    /// Restores the faults of the start with counts of zero, and restarts chaos.
    pub(crate) fn reset(&self) {
        *self.active() = ActiveFaults::new(&self.initial, self.chaos);
    }

    pub(crate) fn reports(&self) -> Vec<FaultReport> {
        let active = self.active();
        active
            .faults
            .iter()
            .map(|fault| fault.report.clone())
            .collect()
    }

    /// Returns the configured chaos, and the number of requests that met it so far; `None` if it is
    /// off.
    pub(crate) fn chaos(&self) -> Option<(Chaos, u64)> {
        self.chaos
            .is_on()
            .then(|| (self.chaos, self.active().chaos.fired))
    }

    /// Returns the seed of random choices; `None` if neither chaos nor a fault's probability needs
    /// it.
    pub(crate) fn chaos_seed(&self) -> Option<u64> {
        let is_drawn = |fault: &ActiveFault| fault.report.fault.is_random();
        let is_needed = self.chaos.is_on() || self.active().faults.iter().any(is_drawn);
        is_needed.then_some(self.chaos.seed)
    }

    fn active(&self) -> MutexGuard<'_, ActiveFaults> {
        self.active.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl ActiveFaults {
    fn new(first: &[Fault], chaos: Chaos) -> Self {
        let mut active = Self {
            faults: Vec::new(),
            last_id: 0,
            chaos: chaos::ChaosState::new(chaos),
        };
        for fault in first {
            active.add(fault.clone(), chaos.seed);
        }
        active
    }

    fn add(&mut self, fault: Fault, seed: u64) -> FaultReport {
        self.last_id += 1;
        let report = FaultReport {
            id: self.last_id,
            fault,
            seen: 0,
            fired: 0,
        };
        self.faults.push(ActiveFault {
            report: report.clone(),
            // Each fault has a random generator of its own, so that faults do not influence each
            // other's choices.
            chance: Rng::with_seed(seed.wrapping_add(self.last_id)),
        });
        report
    }
}

impl ActiveFault {
    /// Counts a request that the fault applies to. Returns whether the request is due to meet it.
    fn is_due(&mut self, request: &RequestInfo<'_>) -> bool {
        let FaultReport {
            fault, seen, fired, ..
        } = &mut self.report;
        if !fault.applies_to(request) {
            return false;
        }
        *seen += 1;
        fault.schedule.includes(*seen, *fired) && self.chance.f64() < fault.schedule.probability
    }
}

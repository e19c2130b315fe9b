//! Faults: what an emulator is to do wrong, and when.
//!
//! - `rule`: one fault, what it does and which requests it meets
//! - `grammar`: how a fault is written
//! - `chaos`: faults that nobody wrote, drawn from a seed
//!
//! Who asks is counted and answered under one lock, so that the n-th request is the n-th however
//! many come at a time. What is drawn by chance depends on the seed and on the number of the
//! request, and on nothing else.

mod chaos;
mod grammar;
mod rule;
#[cfg(test)]
mod tests;

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use fastrand::Rng;

pub(crate) use chaos::Chaos;
pub use grammar::FaultError;
pub use rule::Fault;
pub(crate) use rule::{Effect, ErrorReply};

use crate::endpoint::Api;

/// A request, as far as it matters here.
pub(crate) struct RequestInfo<'a> {
    pub(crate) endpoint: Api,
    pub(crate) method: &'a str,
    /// How old the upload path is that is asked for, if it is one that is known and
    /// [`Faults::need_upload_age`].
    pub(crate) upload_age: Option<Duration>,
}

/// What a request meets, and the fault as it is written.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct InjectedFault {
    pub(crate) effect: Effect,
    pub(crate) fault: String,
}

/// A fault of an emulator, and what came of it so far.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct FaultReport {
    /// What it is known by in this emulator.
    pub id: u64,
    /// The fault itself.
    pub fault: Fault,
    /// How many requests came of those that it is for.
    pub seen: u64,
    /// How many of them met it.
    pub fired: u64,
}

/// All faults of one emulator.
#[derive(Debug)]
pub(crate) struct Faults {
    /// What a reset goes back to.
    initial: Vec<Fault>,
    chaos: Chaos,
    active: Mutex<ActiveFaults>,
}

#[derive(Debug)]
struct ActiveFaults {
    rules: Vec<Rule>,
    last_id: u64,
    chaos: chaos::ChaosState,
}

#[derive(Debug)]
struct Rule {
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

    /// What this request meets: the first fault in their order that is due, else what chaos draws.
    pub(crate) fn next_fault(&self, request: &RequestInfo<'_>) -> Option<InjectedFault> {
        let mut active = self.active();
        // Drawn for each request, so that its number alone decides.
        let drawn = active.chaos.draw(request);
        let mut met = None;
        for rule in &mut active.rules {
            // Each counts all requests that it is for, also those that another took.
            if rule.is_due(request) && met.is_none() {
                rule.report.fired += 1;
                met = Some(InjectedFault {
                    effect: rule.report.fault.effect,
                    fault: rule.report.fault.to_string(),
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

    /// Returns whether a fault depends on how old an upload path is.
    pub(crate) fn need_upload_age(&self) -> bool {
        let active = self.active();
        let needs_age = |rule: &Rule| matches!(rule.report.fault.effect, Effect::Expire(_));
        active.rules.iter().any(needs_age)
    }

    /// Adds a fault after those that are there.
    pub(crate) fn add(&self, fault: Fault) -> FaultReport {
        self.active().add(fault, self.chaos.seed)
    }

    /// Takes a fault away; whether it was there.
    pub(crate) fn remove(&self, id: u64) -> bool {
        let mut active = self.active();
        let before = active.rules.len();
        active.rules.retain(|rule| rule.report.id != id);
        active.rules.len() < before
    }

    /// Takes all faults away. Chaos stays.
    pub(crate) fn clear(&self) {
        self.active().rules.clear();
    }

    /// Goes back to the faults of the start, which count from zero; chaos begins anew.
    pub(crate) fn reset(&self) {
        *self.active() = ActiveFaults::new(&self.initial, self.chaos);
    }

    pub(crate) fn reports(&self) -> Vec<FaultReport> {
        let active = self.active();
        active
            .rules
            .iter()
            .map(|rule| rule.report.clone())
            .collect()
    }

    /// The chaos that was asked for, and how many requests met it so far.
    pub(crate) fn chaos(&self) -> Option<(Chaos, u64)> {
        self.chaos
            .is_on()
            .then(|| (self.chaos, self.active().chaos.fired))
    }

    /// What is drawn from, if anything is: by chaos, or for a fault with a probability.
    pub(crate) fn chaos_seed(&self) -> Option<u64> {
        let is_drawn = |rule: &Rule| rule.report.fault.is_random();
        let is_needed = self.chaos.is_on() || self.active().rules.iter().any(is_drawn);
        is_needed.then_some(self.chaos.seed)
    }

    fn active(&self) -> MutexGuard<'_, ActiveFaults> {
        self.active.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl ActiveFaults {
    fn new(first: &[Fault], chaos: Chaos) -> Self {
        let mut active = Self {
            rules: Vec::new(),
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
        self.rules.push(Rule {
            report: report.clone(),
            // A chance of its own, which no other fault disturbs.
            chance: Rng::with_seed(seed.wrapping_add(self.last_id)),
        });
        report
    }
}

impl Rule {
    /// Counts a request that the fault is for; whether it is to meet it.
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

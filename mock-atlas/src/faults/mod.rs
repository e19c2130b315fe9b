//! Faults: what an emulator is to do wrong, and when. Knows nothing of HTTP: `inject` makes them.
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
pub(crate) use rule::{Effect, Refusal, Route};

/// A request, as far as it matters here.
pub(crate) struct Asked<'a> {
    pub(crate) route: Route,
    pub(crate) method: &'a str,
    /// How old the upload path is that is asked for, if it is one that is known. Only a fault that
    /// wants to know asks.
    pub(crate) upload_age: &'a dyn Fn() -> Option<Duration>,
}

/// What a request meets, and the fault as it is written.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Met {
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
    first: Vec<Fault>,
    chaos: Chaos,
    now: Mutex<Now>,
}

#[derive(Debug)]
struct Now {
    rules: Vec<Rule>,
    last_id: u64,
    chaos: chaos::Draws,
}

#[derive(Debug)]
struct Rule {
    report: FaultReport,
    chance: Rng,
}

impl Faults {
    pub(crate) fn new(first: Vec<Fault>, chaos: Chaos) -> Self {
        Self {
            now: Mutex::new(Now::new(&first, chaos)),
            first,
            chaos,
        }
    }

    /// What this request meets: the first fault in their order that is due, else what chaos draws.
    pub(crate) fn meet(&self, asked: &Asked<'_>) -> Option<Met> {
        let mut now = self.now();
        // Drawn for each request, so that its number alone decides.
        let drawn = now.chaos.draw(asked);
        let mut met = None;
        for rule in &mut now.rules {
            // Each counts all requests that it is for, also those that another took.
            if rule.is_due(asked) && met.is_none() {
                rule.report.fired += 1;
                met = Some(Met {
                    effect: rule.report.fault.effect,
                    fault: rule.report.fault.to_string(),
                });
            }
        }
        met.or_else(|| {
            let effect = drawn?;
            now.chaos.fired += 1;
            Some(Met {
                effect,
                fault: format!("chaos:{effect}"),
            })
        })
    }

    /// Adds a fault after those that are there.
    pub(crate) fn add(&self, fault: Fault) -> FaultReport {
        self.now().add(fault, self.chaos.seed)
    }

    /// Takes a fault away; whether it was there.
    pub(crate) fn remove(&self, id: u64) -> bool {
        let mut now = self.now();
        let before = now.rules.len();
        now.rules.retain(|rule| rule.report.id != id);
        now.rules.len() < before
    }

    /// Takes all faults away. Chaos stays.
    pub(crate) fn clear(&self) {
        self.now().rules.clear();
    }

    /// Goes back to the faults of the start, which count from zero; chaos begins anew.
    pub(crate) fn reset(&self) {
        *self.now() = Now::new(&self.first, self.chaos);
    }

    pub(crate) fn reports(&self) -> Vec<FaultReport> {
        let now = self.now();
        now.rules.iter().map(|rule| rule.report.clone()).collect()
    }

    /// The chaos that was asked for, and how many requests met it so far.
    pub(crate) fn chaos(&self) -> Option<(Chaos, u64)> {
        self.chaos
            .is_on()
            .then(|| (self.chaos, self.now().chaos.fired))
    }

    /// What is drawn from, if anything is: by chaos, or for a fault with a probability.
    pub(crate) fn chaos_seed(&self) -> Option<u64> {
        let is_drawn = |rule: &Rule| rule.report.fault.has_chance();
        let is_needed = self.chaos.is_on() || self.now().rules.iter().any(is_drawn);
        is_needed.then_some(self.chaos.seed)
    }

    fn now(&self) -> MutexGuard<'_, Now> {
        self.now.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Now {
    fn new(first: &[Fault], chaos: Chaos) -> Self {
        let mut now = Self {
            rules: Vec::new(),
            last_id: 0,
            chaos: chaos::Draws::new(chaos),
        };
        for fault in first {
            now.add(fault.clone(), chaos.seed);
        }
        now
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
    fn is_due(&mut self, asked: &Asked<'_>) -> bool {
        let FaultReport {
            fault, seen, fired, ..
        } = &mut self.report;
        if !fault.is_for(asked) {
            return false;
        }
        *seen += 1;
        fault.when.holds(*seen, *fired) && self.chance.f64() < fault.when.probability
    }
}

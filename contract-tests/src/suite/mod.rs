//! The suite consists of [`clause`]s: a clause is a statement of the contract about servers, with its evidence and its
//! check.
//!
//! [`clauses`] holds all of them. A check works in a [`context`], which makes [`artifact`]s only under names of the
//! run, and sends every write through one guard. A run that only reads takes a [`test_artifact`] from the [`fixtures`];
//! any other run makes one. [`snapshot`] compares bodies that are known word for word.

pub mod artifact;
pub mod clause;
pub mod clauses;
pub mod context;
mod expectations;
pub mod facts;
pub mod fixtures;
pub(crate) mod names;
pub mod precondition;
pub mod required_setting;
pub mod snapshot;
pub mod test_artifact;
pub mod verified_fixture;

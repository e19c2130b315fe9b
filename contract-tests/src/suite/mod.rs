//! The suite consists of [`clause`]s: a clause is a statement of the contract about servers, with its evidence and its
//! check.
//!
//! [`clauses`] holds all of them. A check works with a [`context`], which creates [`artifact`]s and versions only under
//! names of the run; logins and uploads are limited by the [policy](crate::safety::policy). A read-only run takes a
//! [`test_artifact`] from the [`fixtures`]; any other run creates one. [`snapshot`] compares bodies that are known word
//! for word.

pub mod artifact;
pub mod box_api;
pub mod clause;
pub mod clauses;
pub mod context;
mod expectations;
pub mod facts;
pub mod fixtures;
pub mod hcp_registry;
pub(crate) mod names;
pub mod precondition;
pub mod required_setting;
pub mod sample_box;
pub mod snapshot;
pub mod test_artifact;
pub mod vagrant_box;
pub mod verified_fixture;

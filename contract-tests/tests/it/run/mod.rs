//! The tests run clauses against servers, plan runs, and clean up after them.

mod boxes;
mod cleanup;
mod cleanup_failures;
mod concurrency;
mod flakiness;
mod plan;

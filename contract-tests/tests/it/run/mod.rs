//! The tests judge servers by whole runs, plan runs, and clean up after them.

mod cleanup;
mod cleanup_failures;
mod concurrency;
mod flakiness;
mod plan;

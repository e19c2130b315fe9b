//! These tests show what an Atlas has.

mod overview;
mod tfvars;

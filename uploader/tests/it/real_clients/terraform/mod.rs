//! Tests that Terraform, with this program as its provider `atlas`, consumes an Atlas again. Version 1.11.4 was run.

mod chain;
mod install;
mod lifecycle;
mod trouble;
mod workspace;

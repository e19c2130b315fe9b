//! Serves as Terraform's provider `atlas`, which Terraform dropped after 0.11.
//!
//! Evidence: `tfplugin5.proto`; the schema and the messages of the old provider; and runs of Terraform 1.11.4.
//!
//! [`server`] is the process that Terraform starts. It encrypts with `tls`, and reads the calls of gRPC with
//! `calls`, whose messages [`protocol`] defines. `provider` answers them: it reads each `value` into an `object` that
//! fits its `schema`, calls an Atlas, and reports each `problem`. `kinds` lists the resources and data sources, of
//! which each has a module; `plan` says what a change of a resource means.

mod atlas;
mod calls;
pub mod install;
mod kinds;
mod object;
mod plan;
mod problem;
pub mod protocol;
mod provider;
mod schema;
pub mod server;
mod tls;
mod value;

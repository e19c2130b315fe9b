//! The emulator from outside: its API over HTTP, module by module as its routes, and its program.

mod artifacts;
mod authenticate;
mod bad_input;
mod download;
mod exec;
mod hostile;
mod lifecycle;
mod program;
mod search;
mod support;
mod upload;
mod versions;

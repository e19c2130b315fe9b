//! Tests the program `mock-atlas` as its user runs it.

mod exec;
mod import_retries;
mod manual;
mod regular_files;
mod remote;
mod retention;
mod serve;
mod stalled_servers;

//! The tests run the program as its user does.

mod exec;
mod manual;
mod regular_files;
mod remote;
mod serve;
mod stalled_servers;

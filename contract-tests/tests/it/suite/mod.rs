//! The tests put the clauses to correct and wrong servers, and recordings to the emulator.

mod emulator;
mod recorded;
mod replay;
mod servers;
mod wrong_servers;

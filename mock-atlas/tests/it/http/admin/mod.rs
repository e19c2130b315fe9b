//! Tests the emulator's own API, below `/_mock`.

mod audit;
mod channels;
mod hostile_archives;
mod imports;
mod journal;
mod lints;
mod metrics;
mod orphans;
mod quotas;
mod snapshot;
mod state;
mod token_limits;
mod tokens;
mod verify;

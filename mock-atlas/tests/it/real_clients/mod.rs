//! Tests the emulator with genuine clients, which must be installed: a missing client fails its tests.

mod atlas_go;
mod terminal;

//! The tests need genuine clients on this machine; a client that is missing fails its tests.

mod atlas_go;
mod terminal;

//! Tests the emulator with genuine clients, which must be installed: a missing client fails its tests.

mod atlas_go;
mod disk;
mod full_disk;
mod packer;
mod terminal;
mod vagrant;
mod vagrant_cloud_gem;

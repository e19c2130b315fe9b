//! Tests the emulator with genuine clients and databases, which must be installed: a missing one fails its tests.

mod atlas_go;
mod disk;
mod full_disk;
mod packer;
mod postgres;
mod replicas;
mod terminal;
mod vagrant;
mod vagrant_cloud_gem;

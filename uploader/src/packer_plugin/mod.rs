//! The `atlas` post-processor as a plugin of Packer.

pub mod protocol;

//! Reads Packer's manifests and templates, and serves as its `atlas` post-processor.

pub mod manifest;
pub mod plugin;
pub mod template;

//! Works with Packer: reads its manifests and templates, and is its `atlas` post-processor.

pub mod manifest;
pub mod plugin;
pub mod template;

//! Tests what the program takes over from Packer: its manifests, its templates, and its calls of the
//! plugin.

#[cfg(unix)]
mod install;
mod manifest;
#[cfg(unix)]
mod plugin;
mod sequences;
mod template;
mod vagrant_cloud;

//! Implements, as a plugin of Packer, the `atlas` post-processor that Packer dropped in 2018.
//!
//! Evidence: the contract's section on the post-processor's steps; the recorded requests of Packer
//! 1.2.5; and runs of Packer 1.6.6, 1.7.2 and of the plugin SDK 0.6.10.
//!
//! [`server`] is the process that Packer starts; it speaks [`protocol`] and serves `post_processor`,
//! whose settings `configuration` reads and [`spec`] describes; `push` uploads the artifact. `host`
//! calls Packer for the artifact that was built and for its user interface; `ui` sends progress there,
//! and `messages` formats errors. [`install`] copies the program to the folder where Packer looks for
//! plugins.

mod configuration;
mod host;
pub mod install;
mod messages;
mod post_processor;
pub mod protocol;
mod push;
pub mod server;
pub mod spec;
mod ui;

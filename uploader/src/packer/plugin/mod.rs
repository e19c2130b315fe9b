//! The `atlas` post-processor that Packer dropped in 2018, as a plugin of Packer.
//!
//! Evidence: the contract's section on what the post-processor does, in order; the recorded requests
//! of Packer 1.2.5; and runs of Packer 1.6.6, 1.7.2 and of the plugin SDK 0.6.10.
//!
//! [`server`] is the process as Packer starts it; it speaks [`protocol`] and offers the
//! `post_processor`, whose settings `configuration` reads and [`spec`] describes; `push` is its work.
//! `host` is what the plugin asks of Packer: the artifact that was built, and, through `ui`, `messages`
//! and bars for whoever watches.
//! [`install`] puts the program where Packer looks for it.

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

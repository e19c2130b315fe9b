//! Gets an artifact into any Atlas, and out again.
//!
//! [`mod@push`] is the pipeline that Packer's `atlas` post-processor was: it verifies the token, packs
//! the files ([`pack`]), makes the version and sends the bytes; [`manifest`] feeds it from what
//! Packer wrote and [`template`] from what its templates say, and [`receipt`] keeps how far it came.
//! [`packer_plugin`] is the same pipeline as Packer calls it: the post-processor itself, as a plugin.
//! [`mod@latest`] looks at what is there, [`tfvars`] tells it to Terraform, and [`mod@pull`] and
//! [`extract`] are the way back. All speak through [`client`], which has one method an endpoint, repeats what may be repeated
//! ([`retry`]) and sends and reads the JSON of [`wire`].
//! [`boxes`] copies Vagrant boxes out of a registry that is switched off.
//! Names are checked once, in [`slug`] and [`atlas_url`]; settings and where each came from are in
//! [`config`]. What happens is told to a [`reporter`]; the library prints nothing. A failure is an
//! [`error`] that names its phase, and ends a program with an [`exit_code`]; [`advice`] says what to do about it, and [`mod@shell`]
//! how it is typed. Whatever leaves a
//! program passes the redactor of [`secret`]. [`digest`] is what all of them compare.

pub mod advice;
pub mod atlas_url;
mod beside;
pub mod boxes;
pub mod client;
pub mod config;
pub mod digest;
mod disk;
pub mod error;
pub mod exit_code;
pub mod extract;
pub mod latest;
pub mod manifest;
pub mod pack;
pub mod packer_plugin;
mod paths;
pub mod pull;
pub mod push;
pub mod receipt;
pub mod reporter;
pub mod retry;
pub mod secret;
pub mod shell;
pub mod slug;
pub mod template;
pub mod tfvars;
pub mod wire;

pub use client::{Client, ClientOptions};
pub use error::{Cause, Error, Phase};
pub use push::{Push, Receipt, push};

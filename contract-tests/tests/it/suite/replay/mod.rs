//! Replays the requests of genuine clients, header for header over a raw socket: each client must get the reply that it
//! needs.
//!
//! - `wire`: reads recorded requests and sends them; `comparison`: compares replies, and learns the server's addresses
//! - `scene`: an emulator with the boxes that the recorded runs of Vagrant's clients presuppose
//! - `artifacts`: Packer 1.2.5 and Terraform 0.9.11; `box_add`, `cloud`, `gem`, `packer`: clients of boxes

mod artifacts;
mod box_add;
mod cloud;
mod comparison;
mod gem;
mod packer;
mod scene;
mod wire;

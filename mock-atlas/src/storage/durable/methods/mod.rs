//! The methods of the durable catalog, each of which runs one operation in a transaction.
//!
//! - `boxes`: boxes; `access`: accounts, tokens and registries

mod access;
mod boxes;

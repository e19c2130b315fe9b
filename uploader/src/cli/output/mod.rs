//! Writes what people and programs read: `console` is the only way out, `progress` shows how far a transfer is,
//! `table` aligns columns, and `logging` shows what `-v` asks for.

pub(crate) mod console;
pub(crate) mod logging;
mod progress;
pub(crate) mod table;

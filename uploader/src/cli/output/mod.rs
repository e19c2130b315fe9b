//! Writes the program's output: `console` writes both streams, `progress` shows transfers, `table`
//! aligns columns, and `logging` starts the log.

pub(crate) mod console;
pub(crate) mod logging;
mod progress;
pub(crate) mod table;

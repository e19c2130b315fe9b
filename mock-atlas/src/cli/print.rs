//! Prints the replies of an emulator on stdout.

use std::io::{self, Write};

use serde_json::Value;

use super::Output;

/// Prints a reply as one line of JSON or as text.
pub(super) fn print(
    output: Output,
    reply: &Value,
    text: impl FnOnce(&Value) -> String,
) -> Result<(), String> {
    let text = match output {
        Output::Json => reply.to_string(),
        Output::Text => text(reply),
    };
    if text.is_empty() {
        return Ok(());
    }
    write(format!("{text}\n").as_bytes())
}

/// Prints a list as a table, as one line of JSON for each element, or as it is.
pub(super) fn print_list(
    all: &Value,
    columns: &[&str],
    is_json: bool,
    output: Output,
) -> Result<(), String> {
    if is_json {
        let lines = all.as_array().into_iter().flatten();
        let lines: String = lines.map(|one| format!("{one}\n")).collect();
        return write(lines.as_bytes());
    }
    print(output, all, |all| table(all, columns))
}

/// Prints bytes unchanged.
pub(super) fn write(bytes: &[u8]) -> Result<(), String> {
    let mut stdout = io::stdout();
    let written = stdout.write_all(bytes).and_then(|()| stdout.flush());
    written.map_err(|error| format!("cannot write to stdout: {error}"))
}

/// Returns a table with a line for each row and columns of the necessary width.
pub(super) fn table(rows: &Value, columns: &[&str]) -> String {
    let cell = |row: &Value, column: &str| match &row[column] {
        // Replaces control characters in texts of clients, which could move the cursor.
        Value::String(text) => text.replace(char::is_control, "?"),
        Value::Null => "-".to_owned(),
        other => other.to_string(),
    };
    let rows: Vec<Vec<String>> = rows
        .as_array()
        .into_iter()
        .flatten()
        .map(|row| columns.iter().map(|column| cell(row, column)).collect())
        .collect();
    let width = |at: usize| rows.iter().map(|row| row[at].chars().count()).max();
    let widths: Vec<usize> = (0..columns.len()).filter_map(width).collect();
    let line = |row: &Vec<String>| {
        let cells = row.iter().zip(&widths);
        let cells: Vec<String> = cells
            .map(|(cell, width)| format!("{cell:width$}"))
            .collect();
        cells.join("  ").trim_end().to_owned()
    };
    rows.iter().map(line).collect::<Vec<_>>().join("\n")
}

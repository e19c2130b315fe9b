//! Aligns columns for people.

/// Formats rows in columns that are as wide as their widest cell.
pub(crate) fn table<const N: usize>(header: [&str; N], rows: &[[String; N]]) -> String {
    let header = header.map(str::to_owned);
    let rows: Vec<[String; N]> = std::iter::once(header)
        .chain(rows.iter().cloned())
        // A server's text must not move the cursor.
        .map(|row| row.map(|cell| cell.replace(char::is_control, " ")))
        .collect();
    let mut widths = [0; N];
    for row in &rows {
        for (width, cell) in widths.iter_mut().zip(row) {
            *width = (*width).max(cell.chars().count());
        }
    }
    let line = |row: &[String; N]| {
        let cells = row.iter().zip(widths);
        let cells = cells.map(|(cell, width)| format!("{cell:<width$}"));
        cells.collect::<Vec<_>>().join("  ").trim_end().to_owned()
    };
    rows.iter().map(line).collect::<Vec<_>>().join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_are_aligned_and_what_moves_the_cursor_is_a_space() {
        let rows = [["a", "long \x1b[2J"], ["bcd", ""]].map(|row| row.map(str::to_owned));
        assert_eq!(table(["K", "V"], &rows), "K    V\na    long  [2J\nbcd");
    }
}

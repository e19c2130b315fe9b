//! Splits `docs/contract.md` into the statements that it makes.

use atlas_contract_tests::suite::clause::Evidence;

/// The beginnings of paragraphs that make no statement, but introduce what follows.
const INTRODUCTIONS: [&str; 1] = ["What `mock-atlas` does where a client could notice"];

/// A statement of the contract: a row of a table, an item of a list, or a paragraph.
#[derive(Debug)]
pub(crate) struct Statement {
    pub(crate) section: String,
    pub(crate) text: String,
    /// The marks of its row; `None` outside of tables, or in a table without marks.
    pub(crate) marks: Option<Vec<Evidence>>,
}

/// Returns all statements below headings of the second level.
pub(crate) fn statements(contract: &str) -> Vec<Statement> {
    let mut statements = Vec::new();
    for section in contract.split("\n## ").skip(1) {
        let (title, body) = section.split_once('\n').unwrap_or((section, ""));
        let blocks = body.split("\n\n").map(|it| it.trim_matches('\n'));
        blocks.for_each(|block| add(&mut statements, title, block));
    }
    statements
}

fn add(statements: &mut Vec<Statement>, section: &str, block: &str) {
    let statement = |text: &str, marks| Statement {
        section: section.to_owned(),
        text: text.to_owned(),
        marks,
    };
    if block.is_empty() || INTRODUCTIONS.iter().any(|it| block.starts_with(it)) {
        return;
    }
    if let Some(code) = block.strip_prefix("    ") {
        // A code block is the end of the sentence before it.
        let before = statements.last_mut().unwrap();
        before.text = format!("{} {code}", before.text);
    } else if block.starts_with('|') {
        let mut rows = block.lines();
        let header = rows.next().map(last_cell).unwrap_or_default();
        let rows = rows.skip(1);
        statements.extend(rows.map(|row| statement(row, marks(header, row))));
    } else if block.starts_with(|c: char| c.is_ascii_digit()) {
        statements.extend(block.lines().map(|line| statement(line, None)));
    } else {
        statements.push(statement(block, None));
    }
}

/// Returns the marks in a row's last cell; in a table with reasons instead of marks, every row is inferred.
fn marks(header: &str, row: &str) -> Option<Vec<Evidence>> {
    let words = last_cell(row).split(|c: char| !c.is_alphanumeric());
    match header {
        "mark" => Some(
            words
                .filter_map(|it| serde_json::from_value(it.into()).ok())
                .collect(),
        ),
        "why so" => Some(vec![Evidence::Inferred]),
        _ => None,
    }
}

fn last_cell(row: &str) -> &str {
    row.trim_matches(['|', ' '])
        .rsplit('|')
        .next()
        .unwrap_or_default()
        .trim()
}

#[test]
fn rows_items_and_paragraphs_are_statements_and_nothing_else_is() {
    let text = "# T\n\nIntro.\n\n| a | mark |\n| --- | --- |\n| no | docs |\n\n## One\n\n| a | mark |\n| --- | --- |\n\
        | x | client (scripts); codes inferred |\n\nA paragraph.\n\n    code\n\n## Two\n\n| a | why so |\n| --- | --- |\n\
        | y | HTTP |\n\n1. First\n2. Second\n\n| a | other |\n| --- | --- |\n\
        | z | docs |\n";
    let found = statements(text);
    let shown: Vec<_> = found
        .iter()
        .map(|it| (it.section.as_str(), it.text.as_str()))
        .collect();
    let expected = [
        ("One", "| x | client (scripts); codes inferred |"),
        ("One", "A paragraph. code"),
        ("Two", "| y | HTTP |"),
        ("Two", "1. First"),
        ("Two", "2. Second"),
        ("Two", "| z | docs |"),
    ];
    assert_eq!(shown, expected);
    let marks: Vec<_> = found.iter().map(|it| it.marks.as_deref()).collect();
    let expected = [
        Some(&[Evidence::Client, Evidence::Inferred][..]),
        None,
        Some(&[Evidence::Inferred]),
        None,
        None,
        None,
    ];
    assert_eq!(marks, expected);
}

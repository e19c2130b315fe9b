//! Checks names of users, artifacts and types.

/// Tells whether the contract allows this text as a name, apart from its length.
pub(crate) fn is_name(text: &str) -> bool {
    let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
    !text.is_empty() && !matches!(text, "." | "..") && text.chars().all(plain)
}

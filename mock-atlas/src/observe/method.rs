//! The HTTP methods that metrics, logs and the journal distinguish.

/// The distinguished methods.
pub(super) const METHODS: [&str; 7] = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"];

/// Returns the method for metrics, logs and the journal: unknown methods become `other`, since
/// clients could invent any number of them.
pub(crate) fn known_method(method: &str) -> &'static str {
    let known = METHODS.into_iter().find(|known| method == *known);
    known.unwrap_or("other")
}

//! The methods that metrics, logs and the journal tell apart.

/// The methods that are told apart.
pub(super) const METHODS: [&str; 7] = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"];

/// Returns a method as it is shown: clients could think of any number of others, which are one here.
pub(crate) fn known_method(method: &str) -> &'static str {
    let known = METHODS.into_iter().find(|known| method == *known);
    known.unwrap_or("other")
}

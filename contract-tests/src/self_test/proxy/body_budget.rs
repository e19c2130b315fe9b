//! The body budget limits how many bytes of bodies the proxy records.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use axum::body::{Body, Bytes};
use http_body_util::BodyExt;

/// The bodies of all requests together may take so many bytes of memory.
pub const MAX_BODY_BYTES: usize = 256 * 1024 * 1024;

/// A `BodyBudget` counts the bytes of bodies against a limit.
pub(super) struct BodyBudget {
    left: AtomicUsize,
    full: AtomicBool,
}

impl BodyBudget {
    pub(super) fn of(bytes: usize) -> Self {
        Self {
            left: AtomicUsize::new(bytes),
            full: AtomicBool::new(false),
        }
    }

    /// Tells whether a body went beyond the limit.
    pub(super) fn is_full(&self) -> bool {
        self.full.load(Ordering::Relaxed)
    }

    /// Returns a body as far as it comes, and whether all of it came, or `None` if it goes beyond the limit.
    pub(super) async fn received(&self, mut body: Body) -> Option<(Bytes, bool)> {
        let mut bytes = Vec::new();
        while let Some(frame) = body.frame().await {
            match frame.map(|frame| frame.into_data()) {
                Ok(Ok(data)) => {
                    self.take(data.len())?;
                    bytes.extend_from_slice(&data);
                }
                // Trailers say nothing here.
                Ok(Err(_)) => {}
                Err(_) => return Some((bytes.into(), false)),
            }
        }
        Some((bytes.into(), true))
    }

    fn take(&self, bytes: usize) -> Option<()> {
        let less = |left: usize| left.checked_sub(bytes);
        let taken = self
            .left
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, less);
        if taken.is_err() {
            self.full.store(true, Ordering::Relaxed);
        }
        taken.ok().map(drop)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn what_has_room_is_kept_and_the_first_that_has_none_is_remembered() {
        let budget = BodyBudget::of(5);
        let kept = budget.received(Body::from("abc")).await;
        assert_eq!(kept, Some((Bytes::from("abc"), true)));
        assert!(!budget.is_full());
        assert_eq!(budget.received(Body::from("def")).await, None);
        assert!(budget.is_full());
        let small = budget.received(Body::from("de")).await;
        assert_eq!(small, Some((Bytes::from("de"), true)));
    }
}

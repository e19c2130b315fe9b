//! The body budget limits the number of body bytes that the proxy records.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use axum::body::{Body, Bytes};
use http_body_util::BodyExt;

/// The limit for the bodies of all requests together, in bytes.
pub const MAX_BODY_BYTES: usize = 256 * 1024 * 1024;

/// A `BodyBudget` counts the bytes of request bodies against a limit.
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

    /// Tells whether a body exceeded the limit.
    pub(super) fn is_full(&self) -> bool {
        self.full.load(Ordering::Relaxed)
    }

    /// Returns the received bytes of a body, and whether the body is complete; `None` if it exceeds the limit.
    pub(super) async fn received(&self, mut body: Body) -> Option<(Bytes, bool)> {
        let mut bytes = Vec::new();
        while let Some(frame) = body.frame().await {
            match frame.map(|frame| frame.into_data()) {
                Ok(Ok(data)) => {
                    self.reserve(data.len())?;
                    bytes.extend_from_slice(&data);
                }
                // Trailers are not recorded.
                Ok(Err(_)) => {}
                Err(_) => return Some((bytes.into(), false)),
            }
        }
        Some((bytes.into(), true))
    }

    fn reserve(&self, bytes: usize) -> Option<()> {
        let less = |left: usize| left.checked_sub(bytes);
        let reserved = self
            .left
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, less);
        if reserved.is_err() {
            self.full.store(true, Ordering::Relaxed);
        }
        reserved.ok().map(drop)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn bodies_within_the_limit_are_kept_and_the_first_beyond_it_is_remembered() {
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

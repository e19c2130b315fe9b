//! The bounds on the log of deliveries, which are the same in every backend.

use std::time::Duration;

/// The greatest number of ended deliveries that are kept. In memory it counts for all deliveries.
pub(super) const MOST_ENDED: usize = 10_000;

/// The time for which ended deliveries are kept.
pub(super) const ENDED_KEPT: Duration = Duration::from_secs(30 * 24 * 60 * 60);

/// The longest time for which a delivery waits, however few tries there were: a webhook that hangs can have too
/// many for all tries of each.
pub(super) const LONGEST_WAIT: Duration = Duration::from_secs(24 * 60 * 60);

/// The error of a delivery that has waited for that long.
pub(super) const GIVEN_UP: &str = "it was not delivered within a day";

/// The greatest number of deliveries that wait for one webhook in a database; the oldest beyond it are given up.
pub(super) const MOST_WAITING: usize = 10_000;

/// The error of a delivery beyond that number.
pub(super) const TOO_MANY: &str = "too many deliveries waited for this webhook";

/// The age at which a delivery to a webhook that is gone is removed.
pub(super) const ABANDONED: Duration = Duration::from_secs(60);

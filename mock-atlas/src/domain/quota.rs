//! Quotas: how many bytes the files of one user or organisation may have.

/// The largest quota in bytes: sums of sizes stay far below what a database can hold.
pub(crate) const HIGHEST_QUOTA: u64 = 1 << 60;

/// A quota of an owner, with what is used of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Quota {
    /// The bytes that the owner's files may have.
    pub(crate) limit: u64,
    /// The bytes that the owner's files have: each version counts its own file, and so does a direct upload of a box
    /// that awaits its callback.
    pub(crate) used: u64,
}

/// An upload under a quota, as far as it is known before it ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Allowance {
    pub(crate) quota: Quota,
    /// The size of the file that is removed once the new one is visible; 0 if there is none.
    pub(crate) replaced: u64,
}

/// An error that says that a file does not fit into what is left of a quota.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "the file would exceed the quota of its owner: it has {}{len} bytes, and {used} of {limit} bytes are used. Delete \
     versions, or ask whoever runs this Atlas for a larger quota",
    at_least(.is_whole)
)]
pub(crate) struct OverQuota {
    pub(crate) used: u64,
    pub(crate) limit: u64,
    pub(crate) len: u64,
    /// Whether the whole length is known.
    pub(crate) is_whole: bool,
}

fn at_least(is_whole: &bool) -> &'static str {
    match is_whole {
        true => "",
        false => "at least ",
    }
}

impl Quota {
    /// Checks whether a file fits that takes the place of `replaced` bytes. What makes nothing larger always fits.
    ///
    /// # Errors
    /// [`OverQuota`].
    pub(crate) fn check(self, len: u64, replaced: u64) -> Result<(), OverQuota> {
        let Self { limit, used } = self;
        let then = used.saturating_sub(replaced).saturating_add(len);
        if len <= replaced || then <= limit {
            return Ok(());
        }
        Err(OverQuota {
            used,
            limit,
            len,
            is_whole: true,
        })
    }
}

impl Allowance {
    /// Checks whether a file of this length fits, or a file of which so many bytes have come.
    ///
    /// # Errors
    /// [`OverQuota`].
    pub(crate) fn check(self, len: u64, is_whole: bool) -> Result<(), OverQuota> {
        let checked = self.quota.check(len, self.replaced);
        checked.map_err(|over| OverQuota { is_whole, ..over })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_grows_beyond_the_limit_is_refused() {
        let quota = Quota { limit: 10, used: 7 };
        assert!(quota.check(3, 0).is_ok());
        let over = quota.check(4, 0).unwrap_err();
        assert_eq!((over.used, over.limit, over.len), (7, 10, 4));
        assert!(quota.check(4, 1).is_ok());
        assert!(quota.check(u64::MAX, 0).is_err());
        // A quota that was set below what is used.
        let small = Quota { limit: 5, ..quota };
        assert!(small.check(0, 0).is_ok());
        assert!(small.check(6, 6).is_ok());
        assert!(small.check(6, 5).is_err());
    }

    #[test]
    fn the_message_has_the_numbers() {
        let allowance = Allowance {
            quota: Quota { limit: 10, used: 7 },
            replaced: 0,
        };
        let whole = allowance.check(4, true).unwrap_err().to_string();
        assert!(
            whole.contains("it has 4 bytes, and 7 of 10 bytes"),
            "{whole}"
        );
        let part = allowance.check(4, false).unwrap_err().to_string();
        assert!(part.contains("it has at least 4 bytes"), "{part}");
    }
}

//! Caches replies to searches for one version, since a client that waits for the next version repeats its
//! search.

use std::sync::{Mutex, PoisonError};

use bytes::Bytes;
use uuid::Uuid;

use crate::domain::Version;
use crate::service::DatasetId;

/// The number of slots. Each version maps to one slot, and the last reply in a slot replaces others.
const SLOTS: usize = 64;

/// The longest reply that is kept, in bytes: all slots together take a quarter of a megabyte at most.
const LONGEST: usize = 4096;

/// A `Replies` caches the replies to searches that find a single version. A version does not change while it
/// can be found. Making a reply takes 2800 instructions.
#[derive(Debug)]
pub(crate) struct Replies([Mutex<Option<(VersionId, Bytes)>>; SLOTS]);

/// The key of a version: its dataset and its upload. A restored dataset may give the same upload to another
/// version.
type VersionId = (DatasetId, Uuid);

impl Default for Replies {
    fn default() -> Self {
        Self([const { Mutex::new(None) }; SLOTS])
    }
}

impl Replies {
    /// Returns the cached reply for a version of a dataset, or makes it.
    ///
    /// # Errors
    /// The errors of `make` are passed on.
    pub(super) fn of<E>(
        &self,
        dataset: DatasetId,
        version: &Version,
        make: impl FnOnce() -> Result<Vec<u8>, E>,
    ) -> Result<Bytes, E> {
        let id = (dataset, version.upload);
        let (high, low) = version.upload.as_u64_pair();
        let slot = (high ^ low) as usize % SLOTS;
        let mut slot = self.0[slot].lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((known, reply)) = &*slot
            && *known == id
        {
            return Ok(reply.clone());
        }
        let reply = Bytes::from(make()?);
        if reply.len() <= LONGEST {
            *slot = Some((id, reply.clone()));
        }
        Ok(reply)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;
    use std::convert::Infallible;
    use std::sync::Arc;

    use super::*;
    use crate::http::json::version::tests::version;

    /// Returns the reply for a version of a dataset, whose `make` cannot fail.
    fn of(
        replies: &Replies,
        dataset: DatasetId,
        version: &Version,
        make: impl FnOnce() -> Vec<u8>,
    ) -> Bytes {
        let Ok(reply) = replies.of(dataset, version, || Ok::<_, Infallible>(make()));
        reply
    }

    #[test]
    fn each_version_has_its_own_reply_wherever_others_were() {
        let (replies, dataset) = (Replies::default(), DatasetId::unique());
        let mut alive = HashMap::new();
        for number in 0..1000 {
            let one = version(number);
            let reply = || number.to_string().into_bytes();
            assert_eq!(of(&replies, dataset, &one, reply), number.to_string());
            // The other half is dropped, and later versions may take their addresses.
            if number % 2 == 0 {
                alive.insert(number, one);
            }
        }
        for (number, one) in alive {
            let reply = of(&replies, dataset, &one, || number.to_string().into_bytes());
            assert_eq!(reply, number.to_string());
        }
    }

    #[test]
    fn a_version_of_another_dataset_has_another_reply_though_its_upload_is_the_same() {
        let (replies, one) = (Replies::default(), version(1));
        for reply in ["first", "second"] {
            let dataset = DatasetId::unique();
            for _ in 0..2 {
                assert_eq!(of(&replies, dataset, &one, || reply.into()), reply);
            }
        }
    }

    #[test]
    fn a_reply_is_made_once_if_it_is_not_long() {
        let (replies, dataset) = (Replies::default(), DatasetId::unique());
        for (length, made) in [(LONGEST, 1), (LONGEST + 1, 2)] {
            let one = version(length as u64);
            let mut times = 0;
            for _ in 0..2 {
                let make = || {
                    times += 1;
                    vec![b'x'; length]
                };
                assert_eq!(of(&replies, dataset, &one, make).len(), length);
            }
            assert_eq!(times, made);
        }
    }

    #[test]
    fn what_is_kept_keeps_no_version() {
        let replies = Replies::default();
        let one = Arc::new(version(1));
        of(&replies, DatasetId::unique(), &one, Vec::new);
        let gone = Arc::downgrade(&one);
        drop(one);
        assert!(gone.upgrade().is_none());
    }
}

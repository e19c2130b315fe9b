//! A cache of replies: whoever waits for the next version asks for the latest again and again.

use std::sync::{Mutex, PoisonError};

use bytes::Bytes;
use uuid::Uuid;

use crate::domain::Version;
use crate::service::DatasetId;

/// So many versions have a place each; of those that share one, the last has it.
const PLACES: usize = 64;

/// Longer ones are not kept, in bytes: all together take a quarter of a megabyte at most.
const LONGEST: usize = 4096;

/// The replies to searches that found nothing but one version, which never changes while it can be
/// found. To make one takes 2800 instructions.
#[derive(Debug)]
pub(crate) struct Replies([Mutex<Option<(VersionId, Bytes)>>; PLACES]);

/// Names a version of a dataset. The dataset is part of it: one that was restored may give an upload path to
/// another version.
type VersionId = (DatasetId, Uuid);

impl Default for Replies {
    fn default() -> Self {
        Self([const { Mutex::new(None) }; PLACES])
    }
}

impl Replies {
    /// Returns the reply for a version of a dataset, which is made if it is not here.
    ///
    /// # Errors
    /// Those of making it.
    pub(super) fn of<E>(
        &self,
        dataset: DatasetId,
        version: &Version,
        make: impl FnOnce() -> Result<Vec<u8>, E>,
    ) -> Result<Bytes, E> {
        let id = (dataset, version.upload);
        let (high, low) = version.upload.as_u64_pair();
        let place = (high ^ low) as usize % PLACES;
        let mut place = self.0[place].lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((known, reply)) = &*place
            && *known == id
        {
            return Ok(reply.clone());
        }
        let reply = Bytes::from(make()?);
        if reply.len() <= LONGEST {
            *place = Some((id, reply.clone()));
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

    /// The reply for a version of a dataset, made of what makes it.
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
            // Half of them are gone, and others come to where they were.
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

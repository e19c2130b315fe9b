//! A cache of replies: whoever waits for the next version asks for the latest again and again.

use std::sync::{Arc, Mutex, PoisonError, Weak};

use bytes::Bytes;

use crate::storage::Version;

/// So many versions have a place each. Which one says where they are in memory; of those that share a
/// place, the last one has it.
const PLACES: usize = 64;

/// Longer ones are not kept, in bytes: all together take a quarter of a megabyte at most.
const LONGEST: usize = 4096;

/// The replies to searches that found nothing but one version, which never changes while it can be
/// found. To make one takes 2800 instructions.
#[derive(Debug)]
pub(crate) struct Replies([Mutex<Option<Kept>>; PLACES]);

/// As long as this is kept, no other version comes to where this one is, or was.
type Kept = (Weak<Version>, Bytes);

impl Default for Replies {
    fn default() -> Self {
        Self([const { Mutex::new(None) }; PLACES])
    }
}

impl Replies {
    /// The reply for a version, made if it is not here.
    ///
    /// # Errors
    /// Those of making it.
    pub(super) fn of<E>(
        &self,
        version: &Arc<Version>,
        make: impl FnOnce() -> Result<Vec<u8>, E>,
    ) -> Result<Bytes, E> {
        let at = Arc::as_ptr(version);
        let place = at.addr() / size_of::<Version>() % PLACES;
        let mut place = self.0[place].lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((known, reply)) = &*place
            && known.as_ptr() == at
        {
            return Ok(reply.clone());
        }
        let reply = Bytes::from(make()?);
        if reply.len() <= LONGEST {
            *place = Some((Arc::downgrade(version), reply.clone()));
        }
        Ok(reply)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;
    use std::convert::Infallible;

    use super::*;
    use crate::http::json::version::tests::version;

    /// The reply for a version, made of what makes it.
    fn of(replies: &Replies, version: &Arc<Version>, make: impl FnOnce() -> Vec<u8>) -> Bytes {
        let Ok(reply) = replies.of(version, || Ok::<_, Infallible>(make()));
        reply
    }

    #[test]
    fn each_version_has_its_own_reply_wherever_others_were() {
        let replies = Replies::default();
        let mut alive = HashMap::new();
        for number in 0..1000 {
            let one = Arc::new(version(number));
            let reply = || number.to_string().into_bytes();
            assert_eq!(of(&replies, &one, reply), number.to_string());
            // Half of them are gone, and others come to where they were.
            if number % 2 == 0 {
                alive.insert(number, one);
            }
        }
        for (number, one) in alive {
            let reply = of(&replies, &one, || number.to_string().into_bytes());
            assert_eq!(reply, number.to_string());
        }
    }

    #[test]
    fn a_reply_is_made_once_if_it_is_not_long() {
        let replies = Replies::default();
        for (length, made) in [(LONGEST, 1), (LONGEST + 1, 2)] {
            let one = Arc::new(version(1));
            let mut times = 0;
            for _ in 0..2 {
                let make = || {
                    times += 1;
                    vec![b'x'; length]
                };
                assert_eq!(of(&replies, &one, make).len(), length);
            }
            assert_eq!(times, made);
        }
    }

    #[test]
    fn what_is_kept_keeps_no_version() {
        let replies = Replies::default();
        let one = Arc::new(version(1));
        of(&replies, &one, Vec::new);
        let gone = Arc::downgrade(&one);
        drop(one);
        assert!(gone.upgrade().is_none());
    }
}

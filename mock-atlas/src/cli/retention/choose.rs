//! Decides which versions the conditions of rules keep.

use std::collections::BTreeMap;
use std::time::SystemTime;

use super::rules::Keep;

/// The facts of a version that rules ask for.
#[derive(Clone, Debug, Default)]
pub(super) struct Facts {
    /// The time of creation; `None` if it cannot be read, which makes a version young.
    pub(super) created: Option<SystemTime>,
    pub(super) metadata: BTreeMap<String, String>,
    pub(super) build: Option<u64>,
}

/// Returns for each version whether it is to be removed: a rule is about it, and no condition of any rule keeps
/// it. The versions are in the order of their numbers, the first one first.
pub(super) fn removals(rules: &[Keep], versions: &[Facts], now: SystemTime) -> Vec<bool> {
    let is_kept = |at| rules.iter().any(|keep| keeps(keep, versions, at, now));
    let all = 0..versions.len();
    all.map(|at| !rules.is_empty() && !is_kept(at)).collect()
}

/// Returns whether a condition keeps the version at this place.
fn keeps(keep: &Keep, versions: &[Facts], at: usize, now: SystemTime) -> bool {
    let (version, later) = (&versions[at], &versions[at + 1..]);
    let is_last = keep.last.is_some_and(|last| later.len() < last.get());
    let is_young = keep.younger_than.is_some_and(|limit| {
        let created = version.created.unwrap_or(now);
        // A time to come is younger than any limit.
        now.duration_since(created).map_or(true, |age| age < limit)
    });
    let has = |(key, value): (&String, &String)| version.metadata.get(key) == Some(value);
    let is_marked = !keep.metadata.is_empty() && keep.metadata.iter().all(has);
    let is_latest = keep.latest_of_build
        && version.build.is_some()
        && !later.iter().any(|other| other.build == version.build);
    is_last || is_young || is_marked || is_latest
}

#[cfg(test)]
mod tests {
    use std::num::NonZeroUsize;
    use std::time::{Duration, UNIX_EPOCH};

    use proptest::prelude::*;

    use super::*;

    const DAY: Duration = Duration::from_secs(86_400);

    fn now() -> SystemTime {
        UNIX_EPOCH + 1000 * DAY
    }

    fn facts() -> impl Strategy<Value = Facts> {
        let marks = prop::collection::btree_map("[ab]", "[xy]", 0..3);
        (
            prop::option::of(0..1010_u32),
            marks,
            prop::option::of(1..4_u64),
        )
            .prop_map(|(day, metadata, build)| Facts {
                created: day.map(|day| UNIX_EPOCH + day * DAY),
                metadata,
                build,
            })
    }

    fn rule() -> impl Strategy<Value = Keep> {
        let marks = prop::collection::btree_map("[ab]", "[xy]", 0..2);
        (
            prop::option::of(1..5_usize),
            prop::option::of(0..1000_u32),
            marks,
            any::<bool>(),
        )
            .prop_map(|(last, days, metadata, latest_of_build)| Keep {
                last: last.and_then(NonZeroUsize::new),
                younger_than: days.map(|days| days * DAY),
                metadata,
                latest_of_build,
            })
    }

    proptest! {
        #[test]
        fn what_a_rule_keeps_stays_whatever_the_others_say(
            rules in prop::collection::vec(rule(), 1..4),
            versions in prop::collection::vec(facts(), 0..12),
        ) {
            let removed = removals(&rules, &versions, now());
            for keep in &rules {
                // Each condition told in other words than above.
                let count = versions.len();
                let stays = |at: usize| !removed[at];
                if let Some(last) = keep.last {
                    prop_assert!((count.saturating_sub(last.get())..count).all(stays));
                }
                for (at, version) in versions.iter().enumerate() {
                    let since = now() - keep.younger_than.unwrap_or_default();
                    let is_young = version.created.is_none_or(|created| created > since);
                    prop_assert!(keep.younger_than.is_none_or(|limit| limit.is_zero()) || !is_young || stays(at));
                    let mut pairs = version.metadata.iter().collect::<Vec<_>>();
                    pairs.retain(|(key, value)| keep.metadata.get(*key) == Some(value));
                    let is_marked = !keep.metadata.is_empty() && pairs.len() == keep.metadata.len();
                    prop_assert!(!is_marked || stays(at));
                }
                for build in 1..4 {
                    let last = versions.iter().rposition(|version| version.build == Some(build));
                    prop_assert!(!keep.latest_of_build || last.is_none_or(stays));
                }
            }
        }

        #[test]
        fn another_rule_never_removes_more(
            rules in prop::collection::vec(rule(), 1..4),
            more in rule(),
            versions in prop::collection::vec(facts(), 0..12),
        ) {
            let before = removals(&rules, &versions, now());
            let rules: Vec<_> = rules.into_iter().chain([more]).collect();
            let after = removals(&rules, &versions, now());
            prop_assert!(before.iter().zip(after).all(|(before, after)| *before || !after));
        }
    }

    #[test]
    fn only_versions_that_a_rule_is_about_are_removed() {
        let versions = vec![Facts::default(); 3];
        assert_eq!(removals(&[], &versions, now()), [false; 3]);
        let last = Keep {
            last: NonZeroUsize::new(1),
            ..Keep::default()
        };
        assert_eq!(removals(&[last], &versions, now()), [true, true, false]);
    }
}

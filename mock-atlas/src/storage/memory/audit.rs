//! The audit in memory.

use std::collections::VecDeque;
use std::sync::{Mutex, PoisonError};

use crate::domain::{AuditEntry, AuditQuery, NumberedEntry};

/// The greatest number of entries; the oldest make room.
const MOST: usize = 10_000;

/// The newest entries of the audit.
#[derive(Debug, Default)]
pub(super) struct Audit(Mutex<Entries>);

#[derive(Debug, Default)]
struct Entries {
    entries: VecDeque<NumberedEntry>,
    last: u64,
}

impl Audit {
    pub(super) fn record(&self, entry: AuditEntry) {
        let mut entries = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if entries.entries.len() == MOST {
            entries.entries.pop_front();
        }
        entries.last += 1;
        let number = entries.last;
        entries.entries.push_back(NumberedEntry { number, entry });
    }

    pub(super) fn find(&self, query: &AuditQuery) -> Vec<NumberedEntry> {
        let entries = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let chosen = entries.entries.iter().filter(|entry| query.accepts(entry));
        chosen.take(query.limit).cloned().collect()
    }
}

//! Conformance tests of the audit.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use uuid::Uuid;

use super::*;
use crate::domain::{AuditEntry, AuditQuery};

fn at(second: u64) -> SystemTime {
    UNIX_EPOCH + Duration::from_secs(second)
}

fn entry(second: u64, username: Option<&str>) -> AuditEntry {
    AuditEntry {
        time: at(second),
        username: username.map(|name| name.parse().unwrap()),
        token: username.map(|_| Uuid::from_u128(second.into())),
        address: "2001:db8::1".parse().ok(),
        forwarded_for: username.map(|_| "192.0.2.1, 192.0.2.2".to_owned()),
        method: "POST".to_owned(),
        path: format!("/api/v1/artifacts/{second}"),
        version: None,
        status: username.map(|_| 200),
        request: format!("request {second}"),
    }
}

pub(super) async fn entries_are_found_as_they_were_recorded(catalog: &Catalog) {
    // More than are written in one transaction.
    let start = 4_000_000_000;
    let all: Vec<_> = (start..start + 1200)
        .map(|second| entry(second, (second % 3 > 0).then_some("amy")))
        .collect();
    for entry in &all {
        catalog.record(entry.clone());
    }
    let find = async |query: AuditQuery| {
        let found = catalog.audit(query).await.unwrap();
        let numbers: Vec<u64> = found.iter().map(|found| found.number).collect();
        assert!(numbers.is_sorted(), "{numbers:?}");
        (
            numbers,
            found
                .into_iter()
                .map(|found| found.entry)
                .collect::<Vec<_>>(),
        )
    };
    let (numbers, first) = find(AuditQuery::default()).await;
    assert_eq!(first, all[..1000]);
    let after = AuditQuery {
        after: numbers[999],
        ..AuditQuery::default()
    };
    assert_eq!(find(after).await.1, all[1000..]);
    let of_amy = AuditQuery {
        since: Some(at(start + 1)),
        until: Some(at(start + 9)),
        username: "amy".parse().ok(),
        limit: 3,
        ..AuditQuery::default()
    };
    let expected = all[1..9].iter().filter(|entry| entry.username.is_some());
    let expected: Vec<_> = expected.take(3).cloned().collect();
    assert_eq!(find(of_amy).await.1, expected);
    let contents = catalog.export().await.unwrap();
    let imported = catalog.import(contents, Limits::default()).await.unwrap();
    let rest = imported.audit(AuditQuery::default()).await.unwrap();
    assert_eq!(rest.len(), 1000, "an import leaves the audit");
}

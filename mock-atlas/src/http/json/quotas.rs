//! The replies about quotas.

use serde::Serialize;

use crate::domain::{Name, Quota};

/// The reply `{"quotas": [ … ]}`.
#[derive(Serialize)]
pub(crate) struct QuotasReply {
    pub(crate) quotas: Vec<QuotaElement>,
}

/// A quota, with what is used of it, in bytes.
#[derive(Serialize)]
pub(crate) struct QuotaElement {
    owner: Name,
    used: u64,
    quota: u64,
}

impl From<(Name, Quota)> for QuotaElement {
    fn from((owner, quota): (Name, Quota)) -> Self {
        Self {
            owner,
            used: quota.used,
            quota: quota.limit,
        }
    }
}

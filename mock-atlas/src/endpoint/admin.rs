//! Lists the endpoints of the emulator itself, below `/_mock`.

use super::Method;

listed! {
    /// The endpoints of the emulator itself, below `/_mock`. Faults do not apply to them, and the
    /// journal does not record them.
    Admin {
        Health,
        Metrics,
        OpenApi,
        ListRequests,
        ClearRequests,
        Verify,
        Lints,
        Reset,
        Snapshot,
        Restore,
        Seed,
        ListContents,
        ImportVersion,
        ImportBox,
        DeleteArtifact,
        DeleteVersion,
        ListOrphans,
        ListFaults,
        CreateFault,
        ClearFaults,
        RemoveFault,
        ListTokens,
        CreateToken,
        RevokeToken,
        ListChannels,
        ShowChannel,
        SetChannel,
        RollBackChannel,
        RemoveChannel,
        ListQuotas,
        SetQuota,
        RemoveQuota,
        ListAudit,
        ListWebhooks,
        AddWebhook,
        RemoveWebhook,
        TestWebhook,
        ListDeliveries,
        Redeliver,
    }
}

impl Admin {
    const fn route(self) -> (Method, &'static str) {
        use Method::{Delete, Get, Post, Put};
        match self {
            Self::Health => (Get, "/_mock/health"),
            Self::Metrics => (Get, "/_mock/metrics"),
            Self::OpenApi => (Get, "/_mock/openapi.json"),
            Self::ListRequests => (Get, "/_mock/requests"),
            Self::ClearRequests => (Delete, "/_mock/requests"),
            Self::Verify => (Post, "/_mock/verify"),
            Self::Lints => (Get, "/_mock/lints"),
            Self::Reset => (Post, "/_mock/reset"),
            Self::Snapshot => (Post, "/_mock/snapshot"),
            Self::Restore => (Post, "/_mock/restore"),
            Self::Seed => (Post, "/_mock/seed"),
            Self::ListContents => (Get, "/_mock/contents"),
            Self::ImportVersion => (Put, "/_mock/artifacts/{username}/{name}/{type}/{version}"),
            Self::ImportBox => (Put, "/_mock/boxes/{username}/{name}"),
            Self::DeleteArtifact => (Delete, "/_mock/artifacts/{username}/{name}"),
            Self::DeleteVersion => (
                Delete,
                "/_mock/artifacts/{username}/{name}/{type}/{version}",
            ),
            Self::ListOrphans => (Get, "/_mock/orphans"),
            Self::ListFaults => (Get, "/_mock/faults"),
            Self::CreateFault => (Post, "/_mock/faults"),
            Self::ClearFaults => (Delete, "/_mock/faults"),
            Self::RemoveFault => (Delete, "/_mock/faults/{id}"),
            Self::ListTokens => (Get, "/_mock/tokens"),
            Self::CreateToken => (Post, "/_mock/tokens"),
            Self::RevokeToken => (Delete, "/_mock/tokens/{id}"),
            Self::ListChannels => (Get, "/_mock/channels/{username}/{name}"),
            Self::ShowChannel => (Get, "/_mock/channels/{username}/{name}/{type}/{channel}"),
            Self::SetChannel => (Put, "/_mock/channels/{username}/{name}/{type}/{channel}"),
            Self::RollBackChannel => (
                Post,
                "/_mock/channels/{username}/{name}/{type}/{channel}/rollback",
            ),
            Self::RemoveChannel => (Delete, "/_mock/channels/{username}/{name}/{type}/{channel}"),
            Self::ListQuotas => (Get, "/_mock/quotas"),
            Self::SetQuota => (Put, "/_mock/quotas/{username}"),
            Self::RemoveQuota => (Delete, "/_mock/quotas/{username}"),
            Self::ListAudit => (Get, "/_mock/audit"),
            Self::ListWebhooks => (Get, "/_mock/webhooks"),
            Self::AddWebhook => (Post, "/_mock/webhooks"),
            Self::RemoveWebhook => (Delete, "/_mock/webhooks/{id}"),
            Self::TestWebhook => (Post, "/_mock/webhooks/{id}/test"),
            Self::ListDeliveries => (Get, "/_mock/deliveries"),
            Self::Redeliver => (Post, "/_mock/deliveries/{id}/redeliver"),
        }
    }

    pub(crate) const fn method(self) -> Method {
        self.route().0
    }

    pub(crate) const fn path(self) -> &'static str {
        self.route().1
    }

    /// Returns whether the audit has the requests: those that change something, and those that read everything.
    pub(super) const fn is_audited(self) -> bool {
        !matches!(self.method(), Method::Get) && !matches!(self, Self::Verify)
    }

    /// Returns whether the endpoint answers only to the root token. Its handler must then have the
    /// argument `RequireRoot` before all arguments that read the request's body; a test sends a
    /// request to each endpoint.
    #[cfg(test)]
    pub(crate) const fn requires_root(self) -> bool {
        match self {
            Self::Health | Self::Metrics | Self::OpenApi => false,
            // Their callers need the rights to the artifact.
            Self::ListChannels
            | Self::ShowChannel
            | Self::SetChannel
            | Self::RollBackChannel
            | Self::RemoveChannel => false,
            Self::ListRequests
            | Self::ClearRequests
            | Self::Verify
            | Self::Lints
            | Self::Reset
            | Self::Snapshot
            | Self::Restore
            | Self::Seed
            | Self::ListContents
            | Self::ImportVersion
            | Self::ImportBox
            | Self::DeleteArtifact
            | Self::DeleteVersion
            | Self::ListOrphans
            | Self::ListFaults
            | Self::CreateFault
            | Self::ClearFaults
            | Self::RemoveFault
            | Self::ListTokens
            | Self::CreateToken
            | Self::RevokeToken
            | Self::ListQuotas
            | Self::SetQuota
            | Self::RemoveQuota
            | Self::ListAudit
            | Self::ListWebhooks
            | Self::AddWebhook
            | Self::RemoveWebhook
            | Self::TestWebhook
            | Self::ListDeliveries
            | Self::Redeliver => true,
        }
    }
}

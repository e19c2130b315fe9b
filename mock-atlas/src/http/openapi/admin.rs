//! Describes the emulator's own endpoints.

use super::operation::Mark::Own;
use super::operation::{Access, Content, Operation, Replies, json};
use crate::endpoint::Admin;

const DONE: Replies = &[(204, Content::Nothing)];
const IMPORTED: Replies = json!("Imported");
const ARCHIVE: Content = Content::Bytes("application/x-tar");

fn of(summary: &'static str, replies: Replies) -> Operation {
    Operation::new(summary, &[Own], replies).of_known_hosts()
}

pub(super) fn describe(endpoint: Admin) -> Operation {
    match endpoint {
        Admin::Health => {
            of("Tells whether the emulator is ready.", json!("Health")).access(Access::Everybody)
        }
        Admin::Metrics => of(
            "Shows metrics for Prometheus.",
            &[(200, Content::Bytes("application/openmetrics-text"))],
        )
        .access(Access::Everybody),
        Admin::OpenApi => {
            of("Describes all endpoints.", json!("OpenApi")).access(Access::Everybody)
        }
        Admin::ListRequests => {
            of("Lists the requests of clients.", json!("Requests")).query(&["requests."])
        }
        Admin::ClearRequests => of("Deletes the list of requests.", DONE),
        Admin::Verify => of(
            "Compares the requests of clients with expectations.",
            json!("Verdict"),
        )
        .takes(Content::Json("Expectations")),
        Admin::Lints => of("Lists what clients should do differently.", json!("Lints")),
        Admin::Reset => of("Goes back to the state after the start.", DONE).errors(&[409, 507]),
        Admin::Snapshot => of("Sends everything as an archive.", &[(200, ARCHIVE)])
            .takes(Content::Bytes("text/plain"))
            .errors(&[422]),
        Admin::Restore => of("Replaces everything with an archive.", DONE)
            .takes(Content::Bytes("application/octet-stream"))
            .errors(&[409, 422, 507]),
        Admin::Seed => of("Adds what a seed declares.", DONE)
            .takes(Content::Json("Seed"))
            .errors(&[409, 507]),
        Admin::ListContents => of(
            "Lists all artifacts, versions and boxes, one JSON object a line.",
            &[(200, Content::Bytes("application/x-ndjson"))],
        ),
        Admin::ImportVersion => of("Imports a version as it was elsewhere.", IMPORTED)
            .takes(Content::Bytes("application/octet-stream"))
            .errors(&[409, 422, 507]),
        Admin::ImportBox => of("Imports a box with a version.", IMPORTED)
            .takes(Content::Bytes("application/octet-stream"))
            .errors(&[409, 422, 507]),
        Admin::DeleteArtifact => of("Deletes an artifact with all its versions.", DONE),
        Admin::DeleteVersion => of("Deletes a version.", DONE).errors(&[409]),
        Admin::ListOrphans => of(
            "Lists the versions that await their file.",
            json!("Orphans"),
        ),
        Admin::ListFaults => of("Lists the faults.", json!("Faults")),
        Admin::CreateFault => {
            of("Adds a fault.", json!("Fault")).takes(Content::Fields("NewFault"))
        }
        Admin::ClearFaults => of("Removes all faults.", DONE),
        Admin::RemoveFault => of("Removes a fault.", DONE),
        Admin::ListTokens => of("Lists the tokens, without their values.", json!("Tokens")),
        Admin::CreateToken => of("Makes a token.", json!("CreatedToken"))
            .takes(Content::Fields("NewToken"))
            .errors(&[507]),
        Admin::RevokeToken => of("Revokes a token.", DONE).errors(&[422]),
        Admin::ListChannels => of("Lists the channels of an artifact.", json!("Channels"))
            .access(Access::PublicOrToken),
        Admin::ShowChannel => of("Shows a channel with its history.", json!("Channel")),
        Admin::SetChannel => of("Points a channel at a version.", json!("Channel"))
            .takes(Content::Fields("NewChannel"))
            .errors(&[507]),
        Admin::RollBackChannel => {
            of("Points a channel at the version before.", json!("Channel")).errors(&[409, 507])
        }
        Admin::RemoveChannel => of("Removes a channel with its history.", DONE),
        Admin::ListQuotas => of("Lists the quotas.", json!("Quotas")),
        Admin::SetQuota => of(
            "Sets the quota of a user or an organisation.",
            json!("Quota"),
        )
        .takes(Content::Fields("NewQuota")),
        Admin::RemoveQuota => of("Removes a quota.", DONE),
        Admin::ListAudit => of("Lists who changed what.", json!("Audit")).query(&["audit."]),
        Admin::ListWebhooks => of(
            "Lists the webhooks, without their secrets.",
            json!("Webhooks"),
        ),
        Admin::AddWebhook => of("Adds a webhook.", json!("CreatedWebhook"))
            .takes(Content::Fields("NewWebhook"))
            .errors(&[507]),
        Admin::RemoveWebhook => of("Removes a webhook with its deliveries.", DONE),
        Admin::TestWebhook => of("Sends a ping to a webhook.", json!("NewDelivery")),
        Admin::ListDeliveries => {
            of("Lists deliveries to webhooks.", json!("Deliveries")).query(&["deliveries."])
        }
        Admin::Redeliver => of("Delivers again.", DONE),
    }
}

//! Describes the endpoints of HCP's registry of boxes.

use super::operation::Mark::{Client, Docs, Thread};
use super::operation::{Access, Content, Mark, Operation, Replies, json};
use crate::endpoint::HcpCall;

const KNOWN: &[Mark] = &[Client, Docs];
const NOTHING: Replies = json!("Empty");

fn of(summary: &'static str, replies: Replies) -> Operation {
    Operation::new(summary, KNOWN, replies)
}

fn reads(summary: &'static str, replies: Replies) -> Operation {
    let operation = of(summary, replies).access(Access::PublicOrToken);
    operation.query(&["hcp.expanded"])
}

fn lists(summary: &'static str, replies: Replies) -> Operation {
    let operation = Operation::new(summary, &[Client, Thread], replies);
    let operation = operation.access(Access::PublicOrToken);
    operation.query(PAGE)
}

fn writes(summary: &'static str, replies: Replies, schema: &'static str) -> Operation {
    let operation = of(summary, replies).takes(Content::Fields(schema));
    operation.errors(&[404, 409, 507])
}

const PAGE: &[&str] = &["hcp.expanded", "hcp.page_size", "hcp.next", "hcp.previous"];
const REGISTRIES: &[&str] = &[
    "hcp.expanded",
    "hcp.page_size",
    "hcp.next",
    "hcp.previous",
    "hcp.organization",
    "hcp.project",
];
const SEARCH: &[&str] = &[
    "box.q",
    "hcp.providers",
    "hcp.architectures",
    "hcp.sort",
    "hcp.page_size",
    "hcp.next",
    "hcp.previous",
];

pub(super) fn describe(call: HcpCall) -> Operation {
    match call {
        HcpCall::IssueToken => of("Issues an access token.", json!("AccessToken"))
            .access(Access::Client)
            .takes(Content::Form("HcpTokenRequest")),
        HcpCall::ListRegistries => lists("Lists registries.", json!("HcpRegistriesReply"))
            .access(Access::Token)
            .query(REGISTRIES),
        HcpCall::CreateRegistry => writes(
            "Creates a registry; for the root token.",
            json!("HcpRegistryChanged"),
            "NewHcpRegistry",
        ),
        HcpCall::ShowRegistry => reads("Shows a registry.", json!("HcpRegistryReply")),
        HcpCall::UpdateRegistry => writes(
            "Changes a registry.",
            json!("HcpRegistryReply"),
            "NewHcpRegistry",
        ),
        HcpCall::DeleteRegistry => of(
            "Deletes a registry with its boxes.",
            json!("HcpRegistryChanged"),
        )
        .errors(&[422]),
        HcpCall::Activate => of(
            "Shows the boxes of a registry again.",
            json!("HcpRegistryReply"),
        ),
        HcpCall::Deactivate => of("Hides the boxes of a registry.", json!("HcpRegistryReply")),
        HcpCall::ListBoxes => lists("Lists the boxes of a registry.", json!("HcpBoxesReply")),
        HcpCall::CreateBox => writes("Creates a box.", json!("HcpBoxChanged"), "NewHcpBox"),
        HcpCall::ShowBox => reads("Shows a box.", json!("HcpBoxReply")),
        HcpCall::UpdateBox => writes("Changes a box.", json!("HcpBoxChanged"), "NewHcpBox"),
        HcpCall::DeleteBox => of("Deletes a box.", json!("HcpBoxChanged")),
        HcpCall::Search => lists("Finds boxes.", json!("HcpFoundBoxesReply")).query(SEARCH),
        HcpCall::ListVersions => lists("Lists the versions of a box.", json!("HcpVersionsReply")),
        HcpCall::CreateVersion => writes(
            "Creates a version of a box.",
            json!("HcpVersionReply"),
            "NewHcpVersion",
        ),
        HcpCall::ShowVersion => reads("Shows a version of a box.", json!("HcpVersionReply")),
        HcpCall::UpdateVersion => writes(
            "Changes a version of a box.",
            json!("HcpVersionReply"),
            "NewHcpVersion",
        ),
        HcpCall::DeleteVersion => of("Deletes a version of a box.", NOTHING),
        HcpCall::Release => of("Makes a version active.", NOTHING).errors(&[422, 507]),
        HcpCall::Revoke => of("Makes an active version revoked.", NOTHING).errors(&[422]),
        HcpCall::ListProviders => lists(
            "Lists the providers of a version.",
            json!("HcpProvidersReply"),
        ),
        HcpCall::CreateProvider => writes(
            "Creates a provider.",
            json!("HcpProviderReply"),
            "NewHcpProvider",
        ),
        HcpCall::ShowProvider => reads("Shows a provider.", json!("HcpProviderReply")),
        HcpCall::UpdateProvider => writes(
            "Changes a provider.",
            json!("HcpProviderReply"),
            "NewHcpProvider",
        ),
        HcpCall::DeleteProvider => of("Deletes a provider.", NOTHING),
        HcpCall::ListArchitectures => lists(
            "Lists the architectures of a provider.",
            json!("HcpArchitecturesReply"),
        ),
        HcpCall::CreateArchitecture => writes(
            "Creates an architecture.",
            json!("HcpArchitectureReply"),
            "NewHcpArchitecture",
        ),
        HcpCall::ShowArchitecture => reads("Shows an architecture.", json!("HcpArchitectureReply")),
        HcpCall::UpdateArchitecture => writes(
            "Changes an architecture.",
            json!("HcpArchitectureReply"),
            "NewHcpArchitecture",
        ),
        HcpCall::DeleteArchitecture => of("Deletes an architecture.", NOTHING).errors(&[422]),
        HcpCall::BeginUpload => {
            of("Tells where a file is to be uploaded.", json!("HcpUpload")).errors(&[422, 507])
        }
        HcpCall::BeginDirectUpload => of(
            "Tells where a file is to be uploaded, and how the upload is completed.",
            json!("HcpDirectUpload"),
        )
        .errors(&[422, 507]),
        HcpCall::CompleteUpload => {
            of("Makes the file of a direct upload visible.", NOTHING).errors(&[409, 413, 422, 507])
        }
        HcpCall::ShowDownload => {
            of("Tells where a file is.", json!("HcpDownload")).access(Access::PublicOrToken)
        }
        HcpCall::ShowOperation => Operation::new(
            "Shows the state of an operation.",
            &[Client],
            json!("HcpOperationReply"),
        ),
    }
}

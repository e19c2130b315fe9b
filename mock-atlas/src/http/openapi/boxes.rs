//! Describes the endpoints for Vagrant boxes, in the API of Vagrant Cloud.

use super::operation::Mark::{Client, Docs, Inferred, Thread};
use super::operation::{Access, Content, Mark, Operation, Replies, json};
use crate::endpoint::BoxCall;

const DOCUMENTED: &[Mark] = &[Client, Docs];
const BOX: Replies = json!("Box");
const VERSION: Replies = json!("BoxVersion");
const PROVIDER: Replies = json!("Provider");
const DOCUMENT: Replies = &[(200, Content::Json("BoxDocument")), (304, Content::Nothing)];
const FILE: Content = Content::Bytes("application/octet-stream");
const FILES: Replies = &[
    (200, FILE),
    (206, FILE),
    (302, Content::Nothing),
    (304, Content::Nothing),
];

pub(super) fn describe(call: BoxCall) -> Operation {
    let of = |summary, replies| Operation::new(summary, DOCUMENTED, replies);
    let reads = |summary, replies| of(summary, replies).access(Access::PublicOrToken);
    let writes = |summary, replies, schema| {
        let operation = of(summary, replies).takes(Content::Fields(schema));
        operation.errors(&[404, 507])
    };
    let document = |summary| {
        let operation = Operation::new(summary, &[Client, Docs, Thread], DOCUMENT);
        operation.access(Access::PublicOrToken)
    };
    match call {
        BoxCall::Search => {
            reads("Finds boxes.", json!("Boxes")).query(&["box."])
        }
        BoxCall::ShowUser => reads(
            "Shows a user or an organisation, with its boxes.",
            json!("Namespace"),
        ),
        BoxCall::CreateBox => writes("Creates a box.", BOX, "NewBox"),
        BoxCall::ShowBox => reads("Shows a box with all its versions.", BOX),
        BoxCall::UpdateBox => writes("Changes a box.", BOX, "NewBox"),
        BoxCall::DeleteBox => of("Deletes a box with all its versions.", BOX),
        BoxCall::CreateVersion => writes("Creates a version of a box.", VERSION, "NewBoxVersion"),
        BoxCall::ShowVersion => reads("Shows a version of a box.", VERSION),
        BoxCall::UpdateVersion => writes("Changes a version of a box.", VERSION, "NewBoxVersion"),
        BoxCall::DeleteVersion => of("Deletes a version of a box.", VERSION),
        BoxCall::Release => of("Makes a version active.", VERSION).errors(&[422, 507]),
        BoxCall::Revoke => of("Makes an active version revoked.", VERSION).errors(&[422]),
        BoxCall::CreateProvider => {
            writes("Creates or changes a provider.", PROVIDER, "NewProvider")
        }
        BoxCall::ShowProvider => reads("Shows a provider.", PROVIDER),
        BoxCall::UpdateProvider => writes("Changes a provider.", PROVIDER, "NewProvider"),
        BoxCall::DeleteProvider => of("Deletes a provider.", PROVIDER).errors(&[422]),
        BoxCall::BeginUpload => of(
            "Tells where the file of a provider is to be uploaded.",
            json!("BoxUpload"),
        )
        .errors(&[422, 507]),
        BoxCall::BeginDirectUpload => of(
            "Tells where the file of a provider is to be uploaded, and how the upload is completed.",
            json!("DirectBoxUpload"),
        )
        .errors(&[422, 507]),
        BoxCall::CompleteUpload => Operation::new(
            "Makes the file of a direct upload visible.",
            &[Client, Inferred],
            json!("Empty"),
        )
        .errors(&[409, 413, 422, 507]),
        BoxCall::ShowDocument => document("Shows what `vagrant box add` reads of a box."),
        // The paths of other endpoints have the same form.
        BoxCall::ShowOldDocument => {
            document("Shows what Vagrant before 2.4 reads of a box.").errors(&[405])
        }
        BoxCall::FindFile => reads(
            "Redirects to the file of a provider.",
            &[(302, Content::Nothing)],
        ),
        BoxCall::Download => reads("Sends the file of a provider, or a part of it.", FILES)
            .errors(&[416]),
    }
}

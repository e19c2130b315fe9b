//! Describes the endpoints for tokens and for artifacts.

use super::operation::Mark::{Client, Docs, Inferred, Recorded, Thread};
use super::operation::{Access, Content, Operation, Replies, json};
use crate::endpoint::{AccountCall, ArtifactCall};

const USER: Replies = json!("User");
const ARTIFACT: Replies = json!("Artifact");
const FILE: Content = Content::Bytes("application/octet-stream");

pub(super) fn account(call: AccountCall) -> Operation {
    match call {
        AccountCall::ShowCaller => Operation::new("Tells whose token this is.", &[Client], USER),
        AccountCall::LogIn => Operation::new(
            "Logs a user in, and makes a token.",
            &[Client, Docs],
            json!("Login"),
        )
        .access(Access::Everybody)
        .takes(Content::Fields("NewLogin"))
        .errors(&[401, 406, 507]),
        AccountCall::LogOut => Operation::new(
            "Makes the token of the request void.",
            &[Client, Docs],
            &[(204, Content::Nothing)],
        )
        .errors(&[422]),
        AccountCall::RequestCode => Operation::new(
            "Sends a user the code of the second factor.",
            &[Client],
            json!("CodeSent"),
        )
        .access(Access::Everybody)
        .takes(Content::Fields("NewCode"))
        .errors(&[401]),
        AccountCall::ShowTokenOwner => {
            Operation::new("Tells whose token this is.", &[Client, Thread], USER)
        }
    }
}

pub(super) fn artifact(call: ArtifactCall) -> Operation {
    match call {
        ArtifactCall::CreateArtifact => {
            Operation::new("Creates an artifact.", &[Client, Inferred], ARTIFACT)
                .takes(Content::Fields("NewArtifact"))
                .errors(&[404, 507])
        }
        ArtifactCall::ShowArtifact => Operation::new("Shows an artifact.", &[Client], ARTIFACT)
            .access(Access::PublicOrToken),
        ArtifactCall::CreateVersion => Operation::new(
            "Creates the next version of an artifact type, and tells where its file is to be uploaded.",
            &[Client, Recorded],
            json!("CreatedVersion"),
        )
        .takes(Content::Fields("NewVersion"))
        .errors(&[507]),
        ArtifactCall::Search => Operation::new(
            "Finds versions of an artifact type.",
            &[Recorded, Client],
            json!("Versions"),
        )
        .access(Access::PublicOrToken)
        .query(&["search."]),
        ArtifactCall::Download => Operation::new(
            "Sends the file of a version, or a part of it.",
            &[Client, Thread],
            &[
                (200, FILE),
                (206, FILE),
                (302, Content::Nothing),
                (304, Content::Nothing),
            ],
        )
        .access(Access::PublicOrToken)
        .errors(&[416]),
        ArtifactCall::Upload => Operation::new(
            "Receives the file of a version or of a box. The path alone authorises.",
            &[Client, Thread],
            json!("Empty"),
        )
        .access(Access::Everybody)
        .takes(FILE)
        .errors(&[409, 422, 507]),
    }
}

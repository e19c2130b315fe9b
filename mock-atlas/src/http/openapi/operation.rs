//! An [`Operation`] describes an endpoint beyond what `endpoint` tells of it: a summary, its evidence, who may call it,
//! and the contents and statuses of requests and replies.

/// The evidence for an endpoint, by the marks of `docs/contract.md`; `Own` is that of the emulator's own endpoints.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Mark {
    Recorded,
    Docs,
    Client,
    Thread,
    Inferred,
    Own,
}

/// The content of a body.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Content {
    Nothing,
    /// JSON with this schema, which is one of the components.
    Json(&'static str),
    /// JSON or a form, with this schema.
    Fields(&'static str),
    /// A form with this schema.
    Form(&'static str),
    /// Bytes or text of this media type.
    Bytes(&'static str),
}

/// The callers that an endpoint answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Access {
    /// Everybody; a token is not looked at.
    Everybody,
    /// Everybody, of what is public; a caller with a token, of more. An unknown token is refused.
    PublicOrToken,
    /// A caller with a token.
    Token,
    /// The client of OAuth.
    Client,
}

/// The status and the content of each reply that is no error.
pub(super) type Replies = &'static [(u16, Content)];

/// A description of an endpoint.
#[derive(Clone, Copy, Debug)]
pub(super) struct Operation {
    pub(super) summary: &'static str,
    pub(super) evidence: &'static [Mark],
    pub(super) access: Access,
    /// The beginning of the names of its parameters of the query among the components.
    pub(super) query: &'static [&'static str],
    pub(super) request: Content,
    pub(super) replies: Replies,
    /// Whether it answers only requests that name a host by which the emulator is known.
    pub(super) checks_host: bool,
    /// The statuses of errors besides those that follow from the rest.
    pub(super) errors: &'static [u16],
}

impl Operation {
    /// Returns the description of an endpoint of the emulator's own, which answers only requests that name a host by which
    /// the emulator is known.
    pub(super) const fn of_known_hosts(self) -> Self {
        Self {
            checks_host: true,
            ..self
        }
    }

    /// Creates a description of an endpoint that requires a token, reads nothing and answers JSON with this schema.
    pub(super) const fn new(
        summary: &'static str,
        evidence: &'static [Mark],
        replies: Replies,
    ) -> Self {
        Self {
            summary,
            evidence,
            access: Access::Token,
            query: &[],
            request: Content::Nothing,
            replies,
            checks_host: false,
            errors: &[],
        }
    }

    pub(super) const fn access(self, access: Access) -> Self {
        Self { access, ..self }
    }

    pub(super) const fn query(self, query: &'static [&'static str]) -> Self {
        Self { query, ..self }
    }

    pub(super) const fn takes(self, request: Content) -> Self {
        Self { request, ..self }
    }

    pub(super) const fn errors(self, errors: &'static [u16]) -> Self {
        Self { errors, ..self }
    }

    /// Returns the statuses of its errors, in ascending order, at a path with parameters of these names.
    pub(super) fn statuses(&self, names: &[&str]) -> Vec<u16> {
        let mut statuses = self.errors.to_vec();
        if self.access != Access::Everybody {
            statuses.push(401);
        }
        if !names.is_empty() {
            statuses.push(404);
        }
        // No artifact can have a type that is no name, so that it is a mistake rather than missing.
        if names.contains(&"type") {
            statuses.push(422);
        }
        if !self.query.is_empty() {
            statuses.push(422);
        }
        if self.request != Content::Nothing {
            statuses.extend([400, 408, 413]);
        }
        if let Content::Fields(_) | Content::Form(_) | Content::Json(_) = self.request {
            statuses.extend([415, 422]);
        }
        if self.checks_host {
            statuses.push(421);
        }
        statuses.extend([500, 503]);
        statuses.sort_unstable();
        statuses.dedup();
        statuses
    }
}

/// Returns the replies of an endpoint that answers 200 with JSON of this schema.
macro_rules! json {
    ($schema:literal) => {
        &[(200, Content::Json($schema))]
    };
}
pub(super) use json;

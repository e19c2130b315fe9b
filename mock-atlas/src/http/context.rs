//! The context of a request: what handlers tell the observation of it, which it cannot see from outside.

use std::convert::Infallible;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};

use axum::extract::FromRequestParts;
use axum::http::Extensions;
use axum::http::request::Parts;
use serde_json::{Map, Value};

use crate::domain::{ArtifactName, Digest, Name};
use crate::faults::ErrorReply;
use crate::observe::{LONGEST_FIELD, Redactor, Texts, TokenPlace};

/// More names of fields are not kept of a body.
const MOST_FIELDS: usize = 100;

/// How deep they may stand: `artifact_version.metadata.os` is the third level.
const DEEPEST: usize = 4;

/// A `DiscardUpload` is the error that an upload is answered with once all its bytes have come. They are not
/// stored.
#[derive(Clone, Copy, Debug)]
pub(crate) struct DiscardUpload(pub(crate) ErrorReply);

/// A cheap handle on the context of one request. Of what is noted twice, the first counts.
#[derive(Clone, Debug, Default)]
pub(crate) struct RequestContext(Arc<Inner>);

#[derive(Debug, Default)]
struct Inner {
    token: Option<(TokenPlace, String)>,
    received: AtomicU64,
    username: OnceLock<Name>,
    digest: OnceLock<Digest>,
    fields: OnceLock<Texts>,
    version: OnceLock<ConcernedVersion>,
    stored: AtomicBool,
}

/// The version that a request made, or uploaded the file of.
#[derive(Debug)]
pub(super) struct ConcernedVersion {
    pub(super) slug: String,
    pub(super) announces_file: bool,
}

impl RequestContext {
    /// Creates an empty context of a request that has this token, or none.
    pub(super) fn new(token: Option<(TokenPlace, String)>) -> Self {
        Self(Arc::new(Inner {
            token,
            ..Inner::default()
        }))
    }

    /// The context of a request. Where nobody watches, what is noted is lost, and there is no token.
    pub(crate) fn of(extensions: &Extensions) -> Self {
        extensions.get().cloned().unwrap_or_default()
    }

    /// The token of the request, a good one or not.
    pub(crate) fn token(&self) -> Option<&str> {
        let (_, token) = self.0.token.as_ref()?;
        Some(token)
    }

    pub(super) fn token_place(&self) -> Option<TokenPlace> {
        let (place, _) = self.0.token.as_ref()?;
        Some(*place)
    }

    /// Whose token the request has.
    pub(crate) fn set_username(&self, username: &Name) {
        let _ = self.0.username.set(username.clone());
    }

    /// The digest of the whole body, which was read.
    pub(crate) fn set_digest(&self, digest: Digest) {
        let _ = self.0.digest.set(digest);
    }

    /// The fields of the body.
    pub(crate) fn set_fields(&self, fields: &Map<String, Value>) {
        let mut names = Texts::with_capacity(256);
        let redactor = Redactor::new(self.token());
        add_names(&mut names, redactor, &mut String::new(), fields, DEEPEST);
        let _ = self.0.fields.set(names);
    }

    /// The version that the request makes, or uploads the file of.
    pub(crate) fn set_version(
        &self,
        artifact: &ArtifactName,
        artifact_type: &Name,
        number: u64,
        announces_file: bool,
    ) {
        let _ = self.0.version.set(ConcernedVersion {
            slug: artifact.slug(artifact_type, number),
            announces_file,
        });
    }

    /// The version has the bytes that the request sent.
    pub(crate) fn set_stored(&self) {
        self.0.stored.store(true, Ordering::Relaxed);
    }

    pub(super) fn stored(&self) -> bool {
        self.0.stored.load(Ordering::Relaxed)
    }

    /// So many more bytes of the body were read.
    pub(super) fn add_received(&self, bytes: u64) {
        self.0.received.fetch_add(bytes, Ordering::Relaxed);
    }

    pub(super) fn received(&self) -> u64 {
        self.0.received.load(Ordering::Relaxed)
    }

    pub(super) fn username(&self) -> Option<&Name> {
        self.0.username.get()
    }

    pub(super) fn digest(&self) -> Option<Digest> {
        self.0.digest.get().copied()
    }

    /// The names of the fields, without secrets.
    pub(super) fn fields(&self) -> Option<&Texts> {
        self.0.fields.get()
    }

    pub(super) fn version(&self) -> Option<&ConcernedVersion> {
        self.0.version.get()
    }
}

/// Adds the names of fields that stand at a path, which is as it was at the end.
fn add_names(
    names: &mut Texts,
    redactor: Redactor<'_>,
    path: &mut String,
    fields: &Map<String, Value>,
    depth: usize,
) {
    let start = path.len();
    for (name, value) in fields {
        if names.len() == MOST_FIELDS {
            return;
        }
        path.push_str(beginning(name));
        names.push(Some(&redactor.field(path)));
        if let Value::Object(fields) = value
            && path.len() <= LONGEST_FIELD
            && depth > 0
        {
            path.push('.');
            add_names(names, redactor, path, fields, depth - 1);
        }
        path.truncate(start);
    }
}

/// Of a name that is too long for one no more than tells so: others may be inside it.
fn beginning(name: &str) -> &str {
    if name.len() <= LONGEST_FIELD {
        return name;
    }
    let end = name.char_indices().nth(LONGEST_FIELD + 1);
    end.map_or(name, |(end, _)| &name[..end])
}

impl<S: Sync> FromRequestParts<S> for RequestContext {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Infallible> {
        Ok(Self::of(&parts.extensions))
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::observe::read_texts;

    fn names(fields: &Value) -> Vec<String> {
        let context = RequestContext::default();
        context.set_fields(fields.as_object().unwrap());
        let names = context.fields().unwrap();
        let names = read_texts(names.as_bytes()).flatten();
        names.map(str::to_owned).collect()
    }

    #[test]
    fn fields_are_named_with_what_they_stand_in() {
        let fields = json!({"a": {"b": {"c.d": 1}, "e": [{"f": 1}]}, "g": null});
        assert_eq!(names(&fields), ["a", "a.b", "a.b.c.d", "a.e", "g"]);
    }

    #[test]
    fn neither_many_fields_nor_long_ones_nor_deep_ones_take_much_memory() {
        let many: Map<_, _> = (0..1000)
            .map(|n| (n.to_string(), json!({"x": 1})))
            .collect();
        assert_eq!(names(&json!({ "a": many })).len(), MOST_FIELDS);
        let long = "x".repeat(1_000_000);
        let found = names(&json!({ long.as_str(): {long.as_str(): 1} }));
        assert_eq!(found, ["{hidden}"]);
        let deep = json!({"a": {"b": {"c": {"d": {"e": {"f": 1}}}}}});
        assert_eq!(names(&deep).len(), DEEPEST + 1);
    }
}

//! Carries facts of a request from its handler to the observation, which cannot see them from outside.

use std::convert::Infallible;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};

use axum::extract::FromRequestParts;
use axum::http::Extensions;
use axum::http::request::Parts;
use serde_json::{Map, Value};

use crate::domain::{Account, Digest};
use crate::faults::ErrorReply;
use crate::observe::{Finding, LONGEST_FIELD, PackedStrings, Redactor, TokenPlace};

/// The greatest number of field names that are kept of a body.
const MAX_FIELDS: usize = 100;

/// The number of levels that are followed below the first.
const MAX_DEPTH: usize = 4;

/// A `DiscardUpload` tells the upload handler to read all bytes, to store none, and to answer with this error.
#[derive(Clone, Copy, Debug)]
pub(crate) struct DiscardUpload(pub(crate) ErrorReply);

/// A cheap handle on the context of one request. Each fact is set once; later values are ignored.
#[derive(Clone, Debug, Default)]
pub(crate) struct RequestContext(Arc<Inner>);

#[derive(Debug, Default)]
struct Inner {
    token: Option<(TokenPlace, String)>,
    received: AtomicU64,
    account: OnceLock<Arc<Account>>,
    digest: OnceLock<Digest>,
    fields: OnceLock<PackedStrings>,
    version: OnceLock<ConcernedVersion>,
    stored: AtomicBool,
    findings: OnceLock<Vec<Finding>>,
    fault: OnceLock<String>,
    form: OnceLock<String>,
}

/// The version that a request created, or the version or the provider of a box whose file it uploaded.
#[derive(Debug)]
pub(super) struct ConcernedVersion {
    pub(super) slug: String,
    pub(super) announces_file: bool,
}

impl RequestContext {
    /// Creates the context of a request that presents `token`, if any.
    pub(super) fn new(token: Option<(TokenPlace, String)>) -> Self {
        Self(Arc::new(Inner {
            token,
            ..Inner::default()
        }))
    }

    /// Returns the context of a request. An unobserved request gets a fresh context without a token, whose
    /// facts nobody reads.
    pub(crate) fn of(extensions: &Extensions) -> Self {
        extensions.get().cloned().unwrap_or_default()
    }

    /// Returns the token that the request presents, valid or not.
    pub(crate) fn token(&self) -> Option<&str> {
        let (_, token) = self.0.token.as_ref()?;
        Some(token)
    }

    pub(super) fn token_place(&self) -> Option<TokenPlace> {
        let (place, _) = self.0.token.as_ref()?;
        Some(*place)
    }

    /// Sets the account that the token authenticates, or that the request logs in to.
    pub(crate) fn set_account(&self, account: &Arc<Account>) {
        let _ = self.0.account.set(Arc::clone(account));
    }

    /// Sets the digest of the body, once it was read to its end.
    pub(crate) fn set_digest(&self, digest: Digest) {
        let _ = self.0.digest.set(digest);
    }

    /// Sets the field names of the body, without secrets.
    pub(crate) fn set_fields(&self, fields: &Map<String, Value>) {
        let mut names = PackedStrings::with_capacity(256);
        let redactor = Redactor::new(self.token());
        add_names(&mut names, redactor, &mut String::new(), fields, MAX_DEPTH);
        let _ = self.0.fields.set(names);
    }

    /// Sets the slug of the version that the request creates, or of the version or the provider of a
    /// box whose file it uploads.
    pub(crate) fn set_version(&self, slug: String, announces_file: bool) {
        let _ = self.0.version.set(ConcernedVersion {
            slug,
            announces_file,
        });
    }

    /// Sets what the form of a page was about, as a query string without secrets.
    pub(crate) fn set_form(&self, told: String) {
        let _ = self.0.form.set(told);
    }

    pub(super) fn form(&self) -> Option<&str> {
        self.0.form.get().map(String::as_str)
    }

    /// Sets the findings about what the request sent.
    pub(crate) fn set_findings(&self, mut findings: Vec<Finding>) {
        let redactor = Redactor::new(self.token());
        for Finding { message, .. } in &mut findings {
            *message = redactor.text(message).into_owned();
        }
        let _ = self.0.findings.set(findings);
    }

    pub(super) fn findings(&self) -> &[Finding] {
        self.0.findings.get().map_or(&[], Vec::as_slice)
    }

    /// Sets the text of the fault that the request meets.
    pub(super) fn set_fault(&self, fault: &str) {
        let _ = self.0.fault.set(fault.to_owned());
    }

    pub(super) fn fault(&self) -> Option<&str> {
        self.0.fault.get().map(String::as_str)
    }

    /// Records that the version has the bytes that the request sent.
    pub(crate) fn set_stored(&self) {
        self.0.stored.store(true, Ordering::Relaxed);
    }

    pub(super) fn stored(&self) -> bool {
        self.0.stored.load(Ordering::Relaxed)
    }

    /// Adds `bytes` to the count of received body bytes.
    pub(super) fn add_received(&self, bytes: u64) {
        self.0.received.fetch_add(bytes, Ordering::Relaxed);
    }

    pub(super) fn received(&self) -> u64 {
        self.0.received.load(Ordering::Relaxed)
    }

    pub(super) fn account(&self) -> Option<&Account> {
        self.0.account.get().map(Arc::as_ref)
    }

    pub(super) fn digest(&self) -> Option<Digest> {
        self.0.digest.get().copied()
    }

    /// Returns the field names of the body, without secrets.
    pub(super) fn fields(&self) -> Option<&PackedStrings> {
        self.0.fields.get()
    }

    pub(super) fn version(&self) -> Option<&ConcernedVersion> {
        self.0.version.get()
    }
}

/// Adds the names of the fields below `path`, which is unchanged afterwards.
fn add_names(
    names: &mut PackedStrings,
    redactor: Redactor<'_>,
    path: &mut String,
    fields: &Map<String, Value>,
    depth: usize,
) {
    let start = path.len();
    for (name, value) in fields {
        if names.len() == MAX_FIELDS {
            return;
        }
        path.push_str(truncated(name));
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

/// Truncates a name to `LONGEST_FIELD + 1` characters, which still shows that it is too long: the path of each
/// nested field repeats it.
fn truncated(name: &str) -> &str {
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
    use crate::observe::read_packed;

    fn names(fields: &Value) -> Vec<String> {
        let context = RequestContext::default();
        context.set_fields(fields.as_object().unwrap());
        let names = context.fields().unwrap();
        let names = read_packed(names.as_bytes()).flatten();
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
        assert_eq!(names(&json!({ "a": many })).len(), MAX_FIELDS);
        let long = "x".repeat(1_000_000);
        let found = names(&json!({ long.as_str(): {long.as_str(): 1} }));
        assert_eq!(found, ["{hidden}"]);
        let deep = json!({"a": {"b": {"c": {"d": {"e": {"f": 1}}}}}});
        assert_eq!(names(&deep).len(), MAX_DEPTH + 1);
    }
}

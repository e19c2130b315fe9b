//! A sample box is a box with an active version that a check reads: the check made it or, in a run that writes nothing,
//! it is one of the operator's fixtures.

use serde_json::Value;

use crate::{
    failure::{CheckFailure, CheckResult},
    http::{Auth, Http, MAX_REPLY_BYTES, exchange::Exchange},
    suite::{
        box_api::BoxApi,
        context::Context,
        fixtures::{BoxFixture, KnownFile},
        vagrant_box::VagrantBox,
        verified_fixture::VerifyError,
    },
};

/// A box with an active version that has a provider.
pub struct SampleBox<'a> {
    /// The box.
    pub of: VagrantBox<'a>,
    /// The version.
    pub version: String,
    /// The name of the provider.
    pub provider: String,
    /// The architecture, if it is known.
    pub architecture: Option<String>,
    /// The file of the provider, if it is known.
    pub file: Option<KnownFile>,
}

impl SampleBox<'_> {
    /// Returns the provider as `NAME`, or as `NAME/ARCHITECTURE` if the architecture is known.
    pub fn entry(&self) -> String {
        match &self.architecture {
            Some(architecture) => format!("{}/{architecture}", self.provider),
            None => self.provider.clone(),
        }
    }

    /// Returns the file of the provider.
    ///
    /// # Errors
    /// Fails when the file is unknown: the clause has not declared that it needs it.
    pub fn known_file(&self) -> CheckResult<KnownFile> {
        let unknown = || CheckFailure::Inconclusive("no file of the box is known".to_owned());
        self.file.clone().ok_or_else(unknown)
    }

    /// Downloads the file of a provider of the version, `NAME` or `NAME/ARCHITECTURE`, with these headers.
    ///
    /// # Errors
    /// Fails when there is no reply.
    pub async fn file(
        &self,
        context: &Context<'_>,
        auth: Auth<'_>,
        provider: &str,
        headers: &[(&'static str, &str)],
    ) -> CheckResult<Exchange> {
        let size = self.file.as_ref().map_or(0, |file| file.size);
        let most = usize::try_from(size).unwrap_or(usize::MAX);
        let address = self.of.file_address(&self.version, provider);
        let http = context.http();
        http.fetch(&address, auth, headers, most.max(MAX_REPLY_BYTES))
            .await
    }

    /// Returns the entry of the provider in a document that `box add` reads.
    pub fn listed_in(&self, document: &Value) -> Option<Value> {
        let versions = document["versions"].as_array()?;
        let version = versions.iter().find(|it| it["version"] == *self.version)?;
        entry(version, &self.provider, self.architecture.as_deref()).cloned()
    }
}

/// Checks that a box is on the server as the operator describes it.
///
/// # Errors
/// Fails when the box is missing, contradicts the operator's description, or the server cannot be reached.
pub(crate) async fn verify(
    http: &Http,
    api: Option<BoxApi>,
    fixture: &BoxFixture,
) -> Result<(), VerifyError> {
    let slug = format!("{}/{}", fixture.user, fixture.name);
    let other = |why: String| VerifyError::Other {
        slug: slug.clone(),
        why,
    };
    let api = api.ok_or_else(|| other("the server has no boxes".to_owned()))?;
    let path = format!("/box/{slug}");
    let call = http.call(reqwest::Method::GET, api.base(), path, Value::Null, None);
    let shown = call.answer(200).await.and_then(|reply| reply.json());
    let shown = shown.map_err(|failure| match failure {
        CheckFailure::Inconclusive(why) => VerifyError::Unreachable(why),
        failure => other(failure.to_string()),
    })?;
    let mut versions = shown["versions"].as_array().into_iter().flatten();
    let version = versions.find(|it| it["version"] == *fixture.version);
    let version = version.filter(|it| it["status"] == "active");
    let named = |what: &str| other(format!("version {} {what}", fixture.version));
    let version = version.ok_or_else(|| named("is not among the active ones"))?;
    match entry(version, &fixture.provider, fixture.architecture.as_deref()) {
        Some(_) => Ok(()),
        None => Err(named("has no such provider")),
    }
}

/// Returns the entry of a provider in a version; any architecture will do if none is named.
fn entry<'v>(version: &'v Value, provider: &str, architecture: Option<&str>) -> Option<&'v Value> {
    let mut providers = version["providers"].as_array()?.iter();
    let fits = |it: &Value| architecture.is_none_or(|name| it["architecture"] == *name);
    providers.find(|it| it["name"] == *provider && fits(it))
}

//! Compares the file of a box with what a client told of it. What differs is noted and not refused,
//! as the genuine service took it.

use uuid::Uuid;

use crate::domain::text::truncated;
use crate::domain::{BoxProvider, Checksum, ReadAccess, unknown_architecture};
use crate::observe::{Finding, LintKind};
use crate::service::Dataset;
use crate::storage::{BoxFile, FoundBox, UploadTarget};

/// The largest number of characters of a text in a file that a finding repeats.
const LONGEST_SHOWN: usize = 50;

/// A `ToldBox` is the description of a provider's file by clients.
#[derive(Clone, Debug)]
pub(super) struct ToldBox {
    /// The provider's place, such as `acme/web 1.0.0 virtualbox/amd64`.
    place: String,
    provider: String,
    /// The architecture, if one was told.
    architecture: Option<String>,
    /// The checksum of the next bytes, if one was told.
    pub(super) checksum: Option<Checksum>,
}

impl ToldBox {
    /// Returns what was told of the file of an upload; `None` for a file that is not that of a box.
    /// A box that is pushed as an artifact has its provider only once the file is stored.
    pub(super) async fn of(dataset: &Dataset, target: &UploadTarget, upload: Uuid) -> Option<Self> {
        let name = match target {
            UploadTarget::Box(name) => name,
            UploadTarget::Version(key) => &key.of.artifact,
        };
        let found = dataset.catalog().find_box(name, ReadAccess::All);
        let found = found.await.ok()?;
        match target {
            UploadTarget::Box(_) => {
                let (place, _) = found.vagrant_box.upload(upload).ok()?;
                let provider = found.vagrant_box.provider(&place).ok()?;
                Some(Self::new(&found, place.version.as_str(), provider))
            }
            UploadTarget::Version(key) if key.is_box() => {
                let mut providers = found.vagrant_box.providers();
                let (version, provider) = providers.find(|(_, provider)| {
                    let file = provider.hosted();
                    file.is_some_and(|file| file.number == key.number)
                })?;
                Some(Self::new(&found, version.as_str(), provider))
            }
            UploadTarget::Version(_) => None,
        }
    }

    fn new(found: &FoundBox, version: &str, provider: &BoxProvider) -> Self {
        let BoxProvider {
            name, architecture, ..
        } = provider;
        let is_told = *architecture != unknown_architecture();
        Self {
            place: format!("{} {version} {name}/{architecture}", found.name),
            provider: name.to_string(),
            architecture: is_told.then(|| architecture.to_string()),
            checksum: provider
                .checksum
                .clone()
                .filter(|_| provider.checksum_is_ahead),
        }
    }

    /// Returns the differences between the file and what was told of it.
    pub(super) fn compare(
        &self,
        file: Option<&BoxFile>,
        computed: Option<&Checksum>,
    ) -> Vec<Finding> {
        let mut findings = Vec::new();
        let mut find = |kind, message| findings.push(Finding { kind, message });
        let place = &self.place;
        match file {
            Some(Ok(file)) => {
                if file.provider != self.provider {
                    find(
                        LintKind::BoxProvider,
                        format!(
                            "the metadata.json of {place} names the provider {}",
                            shown(&file.provider)
                        ),
                    );
                }
                if let Some((file, told)) =
                    file.architecture.as_ref().zip(self.architecture.as_ref())
                    && file != told
                {
                    find(
                        LintKind::BoxArchitecture,
                        format!(
                            "the metadata.json of {place} names the architecture {}",
                            shown(file)
                        ),
                    );
                }
            }
            Some(Err(problem)) => find(
                LintKind::BoxUnreadable,
                format!("the file of {place} is no box: {problem}"),
            ),
            None => {}
        }
        if let Some((told, computed)) = self.checksum.as_ref().zip(computed)
            && told != computed
        {
            find(
                LintKind::BoxChecksum,
                format!("the file of {place} has the checksum {computed}, and {told} was told"),
            );
        }
        findings
    }
}

fn shown(text: &str) -> String {
    format!("{:?}", truncated(text, LONGEST_SHOWN))
}

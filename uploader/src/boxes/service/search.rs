//! Searches the boxes of a service.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{Api, BoxService};
use crate::base::error::{Cause, Error, Phase};
use crate::boxes::source::{Source, join_segments};

/// A search of boxes. Every field but the last two may be left out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SearchOptions {
    /// The words to search for.
    pub query: Option<String>,
    /// The provider that a box must have.
    pub provider: Option<String>,
    /// The architecture that a box must have, which v1 does not know.
    pub architecture: Option<String>,
    /// The field to sort by: `downloads`, `created` or `updated`.
    pub sort: Option<String>,
    /// The order of the sort: `asc` or `desc`.
    pub order: Option<String>,
    /// The maximum number of boxes on a page.
    pub limit: u32,
    /// The number of the page, from 1.
    pub page: u32,
}

/// A box that a search found.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct FoundBox {
    /// `OWNER/NAME`.
    pub tag: String,
    /// The newest version that was released.
    pub version: Option<String>,
    /// The providers of that version.
    pub providers: Vec<String>,
    /// The description in one line.
    pub short_description: String,
    /// Whether only members see the box.
    pub private: bool,
    /// The number of downloads.
    pub downloads: Option<u64>,
}

impl BoxService {
    /// Searches boxes.
    ///
    /// # Errors
    /// [`Phase::Boxes`].
    pub async fn search(&self, options: &SearchOptions) -> Result<Vec<FoundBox>, Error> {
        let found = match self.api {
            Api::V1 | Api::V2 => self.search_cloud(options).await,
            Api::Hcp => self.search_hcp(options).await,
        };
        found.map_err(|cause| Error::new(Phase::Boxes, cause))
    }

    async fn search_cloud(&self, options: &SearchOptions) -> Result<Vec<FoundBox>, Cause> {
        let Source::VagrantCloud(cloud) = &self.source else {
            return Ok(Vec::new());
        };
        let mut url = join_segments(&cloud.base, ["search"]);
        let (limit, page) = (options.limit.to_string(), options.page.to_string());
        let given = [
            ("architecture", options.architecture.as_deref()),
            ("limit", Some(&*limit)),
            ("order", options.order.as_deref()),
            ("page", Some(&*page)),
            ("provider", options.provider.as_deref()),
            ("q", options.query.as_deref()),
            ("sort", options.sort.as_deref()),
        ];
        let given = given.into_iter();
        let given = given.filter_map(|(key, value)| Some((key, value?)));
        url.query_pairs_mut().extend_pairs(given);
        let found: CloudReply = self.http()?.json(&url).await?;
        Ok(found.boxes.into_iter().map(FoundBox::from).collect())
    }

    async fn search_hcp(&self, options: &SearchOptions) -> Result<Vec<FoundBox>, Cause> {
        let Source::Hcp(hcp) = &self.source else {
            return Ok(Vec::new());
        };
        let order = options.order.as_deref().unwrap_or("desc");
        let sort = options.sort.as_deref().map(|sort| match sort {
            "downloads" => format!("downloads {order}"),
            time => format!("{time}_at {order}"),
        });
        let limit = options.limit.to_string();
        let mut token = String::new();
        for page in 1..=options.page {
            let mut url = hcp.url(&["search"]);
            let given = [
                ("q", options.query.as_deref()),
                ("providers", options.provider.as_deref()),
                ("architectures", options.architecture.as_deref()),
                ("sort.order_by", sort.as_deref()),
                ("pagination.page_size", Some(&*limit)),
                (
                    "pagination.next_page_token",
                    Some(&*token).filter(|token| !token.is_empty()),
                ),
            ];
            let given = given.into_iter();
            let given = given.filter_map(|(key, value)| Some((key, value?)));
            url.query_pairs_mut().extend_pairs(given);
            let found: HcpReply = hcp.http.json(&url).await?;
            if page == options.page {
                return Ok(found.boxes.into_iter().map(FoundBox::from).collect());
            }
            token = found
                .pagination
                .and_then(|page| page.next_page_token)
                .unwrap_or_default();
            if token.is_empty() {
                break;
            }
        }
        Ok(Vec::new())
    }
}

#[derive(Deserialize)]
struct CloudReply {
    boxes: Vec<CloudBox>,
}

#[derive(Deserialize)]
struct CloudBox {
    tag: String,
    current_version: Option<CloudVersion>,
    short_description: Option<String>,
    private: Option<bool>,
    downloads: Option<u64>,
}

#[derive(Default, Deserialize)]
struct CloudVersion {
    version: String,
    providers: Option<Vec<CloudProvider>>,
}

#[derive(Deserialize)]
struct CloudProvider {
    name: String,
}

impl From<CloudBox> for FoundBox {
    fn from(found: CloudBox) -> Self {
        let (version, providers) = match found.current_version {
            Some(version) => (Some(version.version), version.providers.unwrap_or_default()),
            None => (None, Vec::new()),
        };
        let mut providers: Vec<_> = providers
            .into_iter()
            .map(|provider| provider.name)
            .collect();
        // A provider is listed once for each architecture.
        providers.sort();
        providers.dedup();
        Self {
            tag: found.tag,
            version,
            providers,
            short_description: found.short_description.unwrap_or_default(),
            private: found.private.unwrap_or(false),
            downloads: found.downloads,
        }
    }
}

#[derive(Deserialize)]
struct HcpReply {
    #[serde(default)]
    boxes: Vec<HcpIndex>,
    pagination: Option<HcpPagination>,
}

#[derive(Deserialize)]
struct HcpPagination {
    next_page_token: Option<String>,
}

#[derive(Deserialize)]
struct HcpIndex {
    registry_name: String,
    box_name: String,
    current_version_name: Option<String>,
    provider_names: Option<Vec<String>>,
    short_description: Option<String>,
    is_private: Option<bool>,
    /// A 64-bit integer, which HCP writes as a string.
    downloads: Option<Value>,
}

impl From<HcpIndex> for FoundBox {
    fn from(found: HcpIndex) -> Self {
        let downloads = found.downloads;
        Self {
            tag: format!("{}/{}", found.registry_name, found.box_name),
            version: found
                .current_version_name
                .filter(|version| !version.is_empty()),
            providers: found.provider_names.unwrap_or_default(),
            short_description: found.short_description.unwrap_or_default(),
            private: found.is_private.unwrap_or(false),
            downloads: downloads
                .and_then(|number| number.as_u64().or_else(|| number.as_str()?.parse().ok())),
        }
    }
}

//! Runs the subcommands of `atlas-upload box` that call a registry of published boxes.

use atlas_uploader::base::exit_code::ExitCode;
use atlas_uploader::base::slug::ArtifactName;
use atlas_uploader::boxes::change;
use atlas_uploader::boxes::credentials::Credentials;
use atlas_uploader::boxes::download::{BoxChoice, download};
use atlas_uploader::boxes::model::{BoxRecord, FileRecord, VersionRecord, VersionState};
use atlas_uploader::boxes::registry::RegistryOptions;
use atlas_uploader::boxes::service::{
    Api, BoxService, Deletion, FilePlace, FoundBox, SearchOptions,
};
use atlas_uploader::boxes::{GemVersion, source};
use atlas_uploader::config::{Config, Origin};
use atlas_uploader::{Cause, Error, Phase};
use indicatif::HumanBytes;
use serde_json::{json, to_value};
use url::Url;

use super::{Boxes, usage};
use crate::cli::args::boxes::registry::{
    BoxDeleteArgs, BoxDownloadArgs, BoxSearchArgs, BoxShowArgs, BoxVersionArgs, ServiceArgs,
    SortField, SortOrder,
};
use crate::cli::output::table::table;

/// The address of Vagrant Cloud, to which Vagrant itself publishes by default.
const VAGRANT_CLOUD: &str = "https://vagrantcloud.com";
/// The variable with the address of the server that Vagrant uses.
const SERVER_VARIABLE: &str = "VAGRANT_SERVER_URL";

/// A registry to which boxes are published, and the credentials for it.
pub(super) struct Registry {
    pub(super) address: Url,
    pub(super) api: Option<Api>,
    options: RegistryOptions,
}

impl Registry {
    /// Connects to the registry. `writes` demands credentials.
    pub(super) async fn connect(
        self,
        name: Option<&ArtifactName>,
        writes: bool,
    ) -> Result<BoxService, Error> {
        if writes && !self.options.credentials.is_some() {
            let address = &self.address;
            return Err(usage(format!(
                "no token for {address}: give --token, or set ATLAS_TOKEN, or VAGRANT_CLOUD_TOKEN, or HCP_CLIENT_ID and HCP_CLIENT_SECRET"
            )));
        }
        BoxService::connect(self.options, &self.address, self.api, name).await
    }
}

impl Boxes<'_> {
    /// Returns the registry that the settings name.
    pub(super) fn registry(&self, config: &Config, api: Option<Api>) -> Result<Registry, Error> {
        let (address, is_atlas) = address(config, api)?;
        let options = self.registry_options(config)?;
        let (credentials, is_less) = options.credentials.for_source(&address);
        // The token of the settings is for the registry that the settings name.
        let own = config.token.as_ref();
        let own = own.filter(|token| is_atlas || matches!(token.origin, Origin::Flag(_)));
        let credentials = match own {
            Some(token) => credentials.with_token(&token.value),
            None => {
                if is_less {
                    options.report_withheld(&address);
                }
                credentials
            }
        };
        Ok(Registry {
            address,
            api,
            options: RegistryOptions {
                credentials,
                ..options
            },
        })
    }

    pub(super) fn registry_options(&self, config: &Config) -> Result<RegistryOptions, Error> {
        let redactor = self.console.redactor().clone();
        let variable = |name: &str| std::env::var_os(name);
        let credentials = Credentials::from_environment(variable, &redactor)
            .map_err(|error| usage(error.to_string()))?;
        if let Some(token) = &config.token {
            redactor.add(token.value.expose());
        }
        let time_limits = self.time_limits;
        Ok(RegistryOptions {
            trust: config.trust(),
            retry: time_limits.retry,
            timeout: time_limits.timeout,
            credentials,
            allow_http_upload: config.allow_http_upload.value,
            redactor,
            reporter: self.console.clone(),
        })
    }

    async fn service(
        &self,
        args: &ServiceArgs,
        name: Option<&ArtifactName>,
        writes: bool,
    ) -> Result<BoxService, Error> {
        let registry = self.registry(self.config, args.api)?;
        registry.connect(name, writes).await
    }

    pub(super) async fn show(&self, args: BoxShowArgs) -> Result<ExitCode, Error> {
        let service = self.service(&args.service, Some(&args.name), false).await?;
        let mut record = service.read(&args.name).await?;
        record
            .versions
            .sort_by_cached_key(|version| std::cmp::Reverse(GemVersion::of(&version.version)));
        if let Some(number) = &args.version {
            record.versions.retain(|version| version.version == *number);
            if record.versions.is_empty() {
                let phase = Phase::ReadBox {
                    name: args.name.to_string(),
                };
                let reason = format!("the box has no version {number}");
                return Err(Error::new(phase, Cause::Missing(reason)));
            }
        }
        self.answer(&shown(&record), || to_value(&record).unwrap_or_default())?;
        Ok(ExitCode::Success)
    }

    pub(super) async fn search(&self, args: BoxSearchArgs) -> Result<ExitCode, Error> {
        let service = self.service(&args.service, None, false).await?;
        if args.architecture.is_some() && service.api() == Api::V1 {
            return Err(usage("the server speaks v1, which knows no architectures"));
        }
        let sort = args.sort.map(|sort| match sort {
            SortField::Downloads => "downloads",
            SortField::Created => "created",
            SortField::Updated => "updated",
        });
        let order = args.order.map(|order| match order {
            SortOrder::Asc => "asc",
            SortOrder::Desc => "desc",
        });
        let options = SearchOptions {
            query: args.query,
            provider: args.provider,
            architecture: args.architecture,
            sort: sort.map(str::to_owned),
            order: order.map(str::to_owned),
            limit: args.limit,
            page: args.page.get(),
        };
        let found = service.search(&options).await?;
        let rows: Vec<_> = found.iter().map(row).collect();
        let text = match rows.is_empty() {
            true => "No box matches.".to_owned(),
            false => table(["BOX", "VERSION", "PROVIDERS", "DESCRIPTION"], &rows),
        };
        self.answer(&text, || to_value(&found).unwrap_or_default())?;
        Ok(ExitCode::Success)
    }

    pub(super) async fn download(&self, args: BoxDownloadArgs) -> Result<ExitCode, Error> {
        let service = self.service(&args.service, Some(&args.name), false).await?;
        let choice = BoxChoice {
            name: args.name,
            version: args.version,
            provider: args.provider,
            architecture: args.architecture,
        };
        let loaded = download(&service, &choice, args.file, self.console.clone()).await?;
        if !loaded.verified {
            self.console
                .warn("the bytes were not checked, since the registry has no checksum.");
        }
        let text = loaded.file.display().to_string();
        self.answer(&text, || to_value(&loaded).unwrap_or_default())?;
        Ok(ExitCode::Success)
    }

    pub(super) async fn set_state(
        &self,
        args: BoxVersionArgs,
        wanted: VersionState,
    ) -> Result<ExitCode, Error> {
        let (name, version) = (&args.name, &args.version);
        let service = self.service(&args.service, Some(name), true).await?;
        let was_so = change::set_state(&service, name, version, wanted).await?;
        let done = match wanted {
            VersionState::Active => "released",
            VersionState::Revoked | VersionState::Unreleased => "revoked",
        };
        let already = if was_so { " already" } else { "" };
        let text = format!("{name} {version} is {done}{already}");
        self.answer(&text, || {
            json!({"box": name.to_string(), "version": version, "state": wanted, "changed": !was_so})
        })?;
        Ok(ExitCode::Success)
    }

    pub(super) async fn delete(&self, args: BoxDeleteArgs) -> Result<ExitCode, Error> {
        let service = self.service(&args.service, Some(&args.name), true).await?;
        let name = args.name;
        let what = match (args.version, args.provider) {
            (None, _) => Deletion::Box(name),
            (Some(version), None) => Deletion::Version(name, version),
            (Some(version), Some(provider)) => Deletion::File(FilePlace {
                name,
                version,
                provider,
                architecture: args.architecture,
            }),
        };
        change::delete(&service, &what).await?;
        let text = format!("{what} is deleted");
        self.answer(&text, || json!({"deleted": what.to_string()}))?;
        Ok(ExitCode::Success)
    }
}

/// Returns the address of the registry, and whether the settings name it.
fn address(config: &Config, api: Option<Api>) -> Result<(Url, bool), Error> {
    if config.atlas_url.origin != Origin::Default {
        return Ok((config.atlas_url.value.root(), true));
    }
    let server = std::env::var(SERVER_VARIABLE).ok();
    let (text, origin) = match server.filter(|server| !server.is_empty()) {
        Some(server) => (server, SERVER_VARIABLE),
        None if api == Some(Api::Hcp) => (source::HCP.to_owned(), ""),
        None => (VAGRANT_CLOUD.to_owned(), ""),
    };
    let url = Url::parse(&text).ok();
    let is_fit = |url: &Url| {
        let is_web = matches!(url.scheme(), "http" | "https");
        is_web && url.username().is_empty() && url.password().is_none()
    };
    let url = url.filter(is_fit).ok_or_else(|| {
        usage(format!(
            "{origin} is not an http or https address without a password"
        ))
    })?;
    Ok((url, false))
}

/// Formats a box: what it is, and its files with one per line.
fn shown(record: &BoxRecord) -> String {
    let visibility = if record.private { "private" } else { "public" };
    let mut text = format!("{} ({visibility})", record.tag());
    if !record.short_description.is_empty() {
        text += &format!(
            "\n{}",
            record.short_description.replace(char::is_control, " ")
        );
    }
    let rows: Vec<_> = record.versions.iter().flat_map(rows).collect();
    if !rows.is_empty() {
        let head = [
            "VERSION",
            "STATE",
            "PROVIDER",
            "ARCHITECTURE",
            "SIZE",
            "CHECKSUM",
        ];
        text += &format!("\n\n{}", table(head, &rows));
    }
    text
}

fn rows(version: &VersionRecord) -> Vec<[String; 6]> {
    let state = match version.state {
        VersionState::Unreleased => "unreleased",
        VersionState::Active => "active",
        VersionState::Revoked => "revoked",
    };
    let row = |file: [String; 4]| {
        let [provider, architecture, size, checksum] = file;
        let (number, state) = (version.version.clone(), state.to_owned());
        [number, state, provider, architecture, size, checksum]
    };
    if version.providers.is_empty() {
        return vec![row(Default::default())];
    }
    version
        .providers
        .iter()
        .map(|file| row(cells(file)))
        .collect()
}

fn cells(file: &FileRecord) -> [String; 4] {
    let mark = if file.default_architecture {
        " (default)"
    } else {
        ""
    };
    let size = file.size.map(|size| HumanBytes(size).to_string());
    let checksum = file.checksum.as_ref();
    let checksum = checksum.map(|checksum| format!("{}:{}", checksum.kind.name(), checksum.value));
    [
        file.provider.clone(),
        format!("{}{mark}", file.architecture),
        size.unwrap_or_default(),
        checksum.unwrap_or_default(),
    ]
}

fn row(found: &FoundBox) -> [String; 4] {
    [
        found.tag.clone(),
        found.version.clone().unwrap_or_default(),
        found.providers.join(", "),
        found.short_description.replace(char::is_control, " "),
    ]
}

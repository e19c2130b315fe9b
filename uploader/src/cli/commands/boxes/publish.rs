//! Runs `atlas-upload box publish`, and the publications of `atlas-upload push --template`.

use atlas_uploader::base::exit_code::ExitCode;
use atlas_uploader::boxes::Checksum;
use atlas_uploader::boxes::publish::{
    BoxSource, FileStatus, PreparedFile, Publish, PublishReceipt, Published, publish,
};
use atlas_uploader::boxes::service::{BoxDetails, BoxService};
use atlas_uploader::config::Config;
use atlas_uploader::{Cause, Error};
use indicatif::HumanBytes;
use serde_json::to_value;

use super::{Boxes, usage};
use crate::cli::app::{App, Failure};
use crate::cli::args::boxes::registry::BoxPublishArgs;
use crate::cli::commands::template::PlannedBox;

/// A box of a template whose file was read.
pub(in crate::cli) struct Publication {
    planned: PlannedBox,
    prepared: PreparedFile,
}

/// The publications of `push --template`.
impl App<'_> {
    /// Reads the files of all boxes.
    pub(in crate::cli) async fn prepared(
        &self,
        boxes: Vec<PlannedBox>,
    ) -> Result<Vec<Publication>, Error> {
        let mut read = Vec::new();
        for planned in boxes {
            let prepared = self
                .boxes(&planned.config)
                .prepare(&planned.publish)
                .await?;
            read.push(Publication { planned, prepared });
        }
        Ok(read)
    }

    pub(in crate::cli) async fn publish(&self, publication: Publication) -> Result<(), Failure> {
        let Publication { planned, prepared } = publication;
        let PlannedBox {
            config,
            api,
            publish,
        } = planned;
        let boxes = self.boxes(&config);
        let published = async {
            let registry = boxes.registry(&config, api)?;
            let service = registry.connect(Some(&publish.name), true).await?;
            let receipt = PublishReceipt::unsaved(publish);
            boxes.finish(&service, receipt, prepared).await
        };
        let published = published.await;
        published.map(drop).map_err(|error| Failure {
            error,
            config: Some(Box::new(config.clone())),
        })
    }

    fn boxes<'a>(&'a self, config: &'a Config) -> Boxes<'a> {
        Boxes {
            config,
            time_limits: self.time_limits,
            output: self.output,
            console: self.console,
        }
    }
}

impl Boxes<'_> {
    pub(super) async fn publish(&self, args: BoxPublishArgs) -> Result<ExitCode, Error> {
        if let Some(path) = &args.resume {
            let receipt = PublishReceipt::open(path).await?;
            let registry = self.registry(self.config, receipt.api())?;
            receipt.check_address(&registry.address)?;
            let prepared = self.prepare(receipt.request()).await?;
            let service = registry
                .connect(Some(&receipt.request().name), true)
                .await?;
            return self.finish(&service, receipt, prepared).await;
        }
        let (request, api) = (request(&args)?, args.service.api);
        let registry = self.registry(self.config, api)?;
        let prepared = self.prepare(&request).await?;
        let address = registry.address.clone();
        let service = registry.connect(Some(&request.name), true).await?;
        let receipt = match &args.receipt {
            Some(path) => PublishReceipt::create(path, &address, api, request).await?,
            None => PublishReceipt::unsaved(request),
        };
        self.finish(&service, receipt, prepared).await
    }

    /// Reads the file, and says what was found in it.
    async fn prepare(&self, request: &Publish) -> Result<PreparedFile, Error> {
        let prepared = PreparedFile::of(request)
            .await
            .map_err(|error| match error.cause() {
                Cause::Unpackable(_) => {
                    error.with_hint("with --no-box-check, the file is published anyway")
                }
                _ => error,
            })?;
        let Some(metadata) = &prepared.metadata else {
            return Ok(prepared);
        };
        let mut found = Vec::new();
        found.extend(
            metadata
                .provider
                .as_ref()
                .map(|name| format!("provider {name}")),
        );
        found.extend(
            metadata
                .architecture
                .as_ref()
                .map(|name| format!("architecture {name}")),
        );
        found.extend(
            metadata
                .format
                .as_ref()
                .map(|name| format!("format {name}")),
        );
        found.extend(
            metadata
                .virtual_size
                .as_ref()
                .map(|size| format!("virtual size {size} GiB")),
        );
        let checksum = prepared.checksum.as_ref();
        found.extend(
            checksum.map(|checksum| format!("{} {}", checksum.kind.name(), checksum.value)),
        );
        self.console
            .say(&format!("The box has {}", found.join(", ")));
        if let (Some(told), Some(own)) = (&request.architecture, &metadata.architecture)
            && told != own
        {
            self.console.warn(&format!(
                "the box's metadata.json names the architecture {own}, and it is published for {told}"
            ));
        }
        Ok(prepared)
    }

    async fn finish(
        &self,
        service: &BoxService,
        mut receipt: PublishReceipt,
        prepared: PreparedFile,
    ) -> Result<ExitCode, Error> {
        let published = publish(service, &mut receipt, prepared).await?;
        self.answer(&text(&published), || {
            to_value(&published).unwrap_or_default()
        })?;
        Ok(ExitCode::Success)
    }
}

fn text(published: &Published) -> String {
    let Published {
        tag,
        version,
        provider,
        ..
    } = published;
    let architecture = published.architecture.as_deref();
    let architecture = architecture
        .map(|name| format!("/{name}"))
        .unwrap_or_default();
    let size = published
        .bytes
        .map(|bytes| format!(" ({})", HumanBytes(bytes)));
    let file = match published.file {
        FileStatus::Uploaded => "uploaded",
        FileStatus::Present => "there already",
        FileStatus::Linked => "linked",
    };
    let released = match published.released {
        true => "released",
        false => "not released",
    };
    let size = size.unwrap_or_default();
    format!("{tag} {version} {provider}{architecture} is {file}{size}; the version is {released}")
}

fn request(args: &BoxPublishArgs) -> Result<Publish, Error> {
    let (Some(name), Some(version)) = (args.name.clone(), args.version.clone()) else {
        return Err(usage(
            "give USER/NAME, VERSION, PROVIDER and FILE, or --resume",
        ));
    };
    let source = match (&args.file, &args.url) {
        (Some(file), _) => BoxSource::File(file.clone()),
        (None, Some(url)) => BoxSource::Url(url.to_string()),
        (None, None) => return Err(usage("give a FILE, or --url")),
    };
    let told = |yes: bool, no: bool| (yes || no).then_some(yes);
    Ok(Publish {
        name,
        version,
        provider: args.provider.clone(),
        architecture: args.architecture.clone(),
        source,
        details: BoxDetails {
            short_description: args.short_description.clone(),
            description: args.description.clone(),
            private: told(args.private, args.no_private),
        },
        version_description: args.version_description.clone(),
        default_architecture: told(args.default_architecture, args.no_default_architecture),
        checksum: checksum(args)?,
        release: args.release,
        direct: !args.no_direct_upload,
        replace: args.replace,
        check: !args.no_box_check,
    })
}

fn checksum(args: &BoxPublishArgs) -> Result<Option<Checksum>, Error> {
    let Some(value) = &args.checksum else {
        return Ok(None);
    };
    Checksum::told(args.checksum_type.into(), value)
        .map(Some)
        .map_err(|reason| usage(format!("--checksum: {reason}")))
}

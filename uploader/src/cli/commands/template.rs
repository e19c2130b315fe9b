//! Plans the pushes and the publications of `atlas-upload push --template`.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use atlas_uploader::api::atlas_url::AtlasUrl;
use atlas_uploader::base::secret::Token;
use atlas_uploader::boxes::publish::{BoxSource, Publish};
use atlas_uploader::boxes::service::{Api, BoxDetails};
use atlas_uploader::config::{Config, Origin, Setting};
use atlas_uploader::packer::manifest::{Build, Manifest};
use atlas_uploader::packer::template::{
    BlockRequest, BoxRequest, Inputs, Request, Template, Variables,
};
use atlas_uploader::{Cause, Error, Phase, Push};

use super::push::{Plan, Planned, given, of_build};
use crate::cli::app::App;
use crate::cli::args::push::PushArgs;

/// A box to publish, and the settings to use.
pub(in crate::cli) struct PlannedBox {
    pub(in crate::cli) config: Config,
    pub(in crate::cli) api: Option<Api>,
    pub(in crate::cli) publish: Publish,
}

impl App<'_> {
    /// Plans a version for each build of the manifest and each block of the template that applies to it.
    pub(in crate::cli) fn plan_of_template(
        &self,
        args: &PushArgs,
        template: &Path,
    ) -> Result<Plan, Error> {
        let template = Template::read(template)?;
        let files = args.variable_files.iter().map(AsRef::as_ref);
        let variables = Variables::read(files, &args.variables);
        // Clap requires `--manifest` with `--template`.
        let manifest = Manifest::read(args.manifest.as_deref().unwrap_or(Path::new("")))?;
        let builds = manifest.select(&args.only)?;
        let environment = |name: &str| {
            let value = std::env::var_os(name);
            value.map(|value| value.to_string_lossy().into_owned())
        };
        let mut warnings = BTreeSet::new();
        let inputs = Inputs {
            manifest: &manifest,
            builds: &builds,
            variables,
            environment: &environment,
            clock: args.time.into(),
            warnings: &mut warnings,
        };
        let requests = template.requests(inputs, self.console.redactor());
        for warning in &warnings {
            self.console.warn(warning);
        }
        let mut plan = Plan::default();
        for (build, request) in requests? {
            match request {
                BlockRequest::Artifact(request) => {
                    plan.pushes
                        .push(self.planned(args, &manifest, build, request)?);
                }
                BlockRequest::Box(request) => {
                    plan.boxes
                        .push(self.planned_box(args, &manifest, build, request)?);
                }
            }
        }
        Ok(plan)
    }

    fn planned(
        &self,
        args: &PushArgs,
        manifest: &Manifest,
        build: &Build,
        request: Request,
    ) -> Result<Planned, Error> {
        let (name, kind) = (request.name, request.artifact_type);
        let given = given(args, name, kind, request.metadata)?;
        let config = self.config.clone().with_template(
            request.token,
            request.atlas_url,
            request.extras.allow_http,
        );
        let push = of_build(&given, manifest, build)?;
        let box_check = request.extras.box_check.unwrap_or(true);
        Ok(Planned {
            box_check: box_check && !args.no_box_check,
            config,
            push: Push {
                skip_existing: push.skip_existing || request.extras.skip_existing,
                verify: push.verify || request.extras.verify,
                // The plugin sends an empty id too: some post-processors give their artifact none.
                id: Some(build.artifact_id.clone()),
                ..push
            },
        })
    }

    fn planned_box(
        &self,
        args: &PushArgs,
        manifest: &Manifest,
        build: &Build,
        request: BoxRequest,
    ) -> Result<PlannedBox, Error> {
        let source = match request.url {
            Some(url) => BoxSource::Url(url),
            None => BoxSource::File(only_box(manifest.files(build)?, build)?),
        };
        let config = self.config_of_box(request.token, request.address, request.insecure);
        // Another address may speak another API.
        let is_told = matches!(config.atlas_url.origin, Origin::Template(_));
        Ok(PlannedBox {
            config,
            api: request.api.filter(|_| is_told),
            publish: Publish {
                name: request.name,
                version: request.version,
                // The id of a box is its provider; the box's own metadata is better evidence.
                provider: match &source {
                    BoxSource::Url(_) => Some(build.artifact_id.clone()),
                    BoxSource::File(_) => None,
                },
                architecture: request.architecture,
                source,
                details: BoxDetails::default(),
                version_description: request.version_description,
                default_architecture: request.default_architecture,
                checksum: request.checksum,
                release: request.release,
                direct: request.direct,
                replace: false,
                check: !args.no_box_check,
            },
        })
    }
}

impl App<'_> {
    /// Returns the settings with those of a `vagrant-cloud` block, under the names that these have there.
    fn config_of_box(
        &self,
        token: Option<Token>,
        address: Option<AtlasUrl>,
        insecure: bool,
    ) -> Config {
        let mut config = self.config.clone().with_template(token, address, None);
        let is_told = |origin| matches!(origin, Origin::Template(_));
        if let Some(token) = config.token.as_mut().filter(|token| is_told(token.origin)) {
            token.origin = Origin::Template("access_token");
        }
        if is_told(config.atlas_url.origin) {
            config.atlas_url.origin = Origin::Template("vagrant_cloud_url");
        }
        if insecure {
            let origin = Origin::Template("insecure_skip_tls_verify");
            let value = true;
            config.insecure = Setting { value, origin };
        }
        config
    }
}

/// Returns the only `.box` file of a build.
fn only_box(mut files: Vec<PathBuf>, build: &Build) -> Result<PathBuf, Error> {
    files.retain(|file| file.extension().is_some_and(|extension| extension == "box"));
    match &mut files[..] {
        [file] => Ok(std::mem::take(file)),
        _ => {
            let (name, number) = (&build.name, files.len());
            let reason = format!(
                "the vagrant-cloud block publishes one file that ends with .box, and the artifact of the build {name:?} has {number}; the vagrant post-processor makes one, if vagrant-cloud follows it in a sequence"
            );
            Err(Error::new(Phase::Pack, Cause::Unpackable(reason)))
        }
    }
}

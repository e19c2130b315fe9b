//! Plans the pushes of `atlas-upload push --template`.

use std::collections::BTreeSet;
use std::path::Path;

use atlas_uploader::packer::manifest::Manifest;
use atlas_uploader::packer::template::{Inputs, Template, Variables};
use atlas_uploader::{Error, Push};

use super::push::{Planned, given, of_build};
use crate::cli::app::App;
use crate::cli::args::push::PushArgs;

impl App<'_> {
    /// Plans a version for each build of the manifest and each block of the template that applies to it.
    pub(in crate::cli) fn plan_of_template(
        &self,
        args: &PushArgs,
        template: &Path,
    ) -> Result<Vec<Planned>, Error> {
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
        let planned = requests?.into_iter().map(|(build, request)| {
            let (name, kind) = (request.name, request.artifact_type);
            let given = given(args, name, kind, request.metadata)?;
            let config = self.config.clone().with_template(
                request.token,
                request.atlas_url,
                request.extras.allow_http,
            );
            let push = of_build(&given, &manifest, build)?;
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
        });
        planned.collect()
    }
}

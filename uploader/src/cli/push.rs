//! `atlas-upload push`.

use std::collections::BTreeMap;

use atlas_uploader::config::{Config, Ids};
use atlas_uploader::manifest::{Build, Manifest};
use atlas_uploader::slug::{ArtifactName, ArtifactType};
use atlas_uploader::{Cause, Error, Phase, Push, push};

use super::args::PushArgs;
use super::{App, Failure, configuration};

/// A version to be made, and the settings to make it under.
pub(super) struct Planned {
    pub(super) config: Config,
    pub(super) push: Push,
}

impl App<'_> {
    pub(super) async fn push(&self, args: PushArgs) -> Result<(), Failure> {
        let plan = self.plan(&args)?;
        // All of them, before the first one makes a version.
        for planned in &plan {
            planned.push.check()?;
        }
        for Planned { config, push } in &plan {
            let done = async {
                let app = App::open(config, self.output, self.console)?;
                app.need_token()?;
                app.push_one(push).await
            };
            done.await.map_err(|error| Failure {
                error,
                config: Some(Box::new(config.clone())),
            })?;
        }
        Ok(())
    }

    async fn push_one(&self, request: &Push) -> Result<(), Error> {
        let receipt = push(&self.client, request).await?;
        self.answer(&receipt.slug, &receipt)
    }

    fn plan(&self, args: &PushArgs) -> Result<Vec<Planned>, Error> {
        let pushes = if let Some(template) = &args.template {
            return self.plan_of_template(args, template);
        } else {
            requests(args)?
        };
        let planned = |push| Planned {
            config: self.config.clone(),
            push,
        };
        Ok(pushes.into_iter().map(planned).collect())
    }
}

/// What the arguments say of every version; their metadata goes over `metadata`.
pub(super) fn given(
    args: &PushArgs,
    name: ArtifactName,
    artifact_type: ArtifactType,
    mut metadata: BTreeMap<String, String>,
) -> Result<Push, Error> {
    let (build, compile) = (args.build_id.clone(), args.compile_id.clone());
    let ids = Ids::resolve(build, compile, |name| std::env::var_os(name))
        .map_err(|error| configuration(&error))?;
    metadata.extend(args.metadata.iter().cloned());
    Ok(Push {
        name,
        artifact_type,
        id: args.id.clone(),
        paths: args.paths.clone(),
        metadata,
        build_id: ids.build.value,
        compile_id: ids.compile.value,
    })
}

fn requests(args: &PushArgs) -> Result<Vec<Push>, Error> {
    let (Some(name), Some(kind)) = (args.name.clone(), args.artifact_type.clone()) else {
        let reason = "give USER/NAME and --type, or --template".to_owned();
        return Err(Error::new(Phase::Configure, Cause::Usage(reason)));
    };
    let given = given(args, name, kind, BTreeMap::new())?;
    let Some(path) = &args.manifest else {
        return Ok(vec![given]);
    };
    let manifest = Manifest::read(path)?;
    let builds = manifest.select(&args.only)?;
    builds
        .into_iter()
        .map(|build| of_build(&given, &manifest, build))
        .collect()
}

/// The same push, of what a build made.
pub(super) fn of_build(given: &Push, manifest: &Manifest, build: &Build) -> Result<Push, Error> {
    let mut metadata: BTreeMap<_, _> = build.metadata();
    metadata.extend(given.metadata.clone());
    Ok(Push {
        id: Some(build.artifact_id.clone()).filter(|id| !id.is_empty()),
        paths: manifest.files(build)?,
        metadata,
        ..given.clone()
    })
}

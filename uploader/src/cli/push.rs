//! `atlas-upload push`.

use std::collections::BTreeMap;

use atlas_uploader::config::build_and_compile_id;
use atlas_uploader::manifest::{Build, Manifest};
use atlas_uploader::{Error, Push, push};

use super::args::PushArgs;
use super::{App, configuration};

impl App<'_> {
    pub(super) async fn push(&self, args: PushArgs) -> Result<(), Error> {
        let pushes = requests(args)?;
        // All of them, before the first one makes a version.
        for request in &pushes {
            request.check()?;
        }
        self.need_token()?;
        for request in &pushes {
            let receipt = push(&self.client, request).await?;
            self.answer(&receipt.slug, &receipt)?;
        }
        Ok(())
    }
}

fn requests(args: PushArgs) -> Result<Vec<Push>, Error> {
    let environment = |name: &str| std::env::var_os(name);
    let (build_id, compile_id) = build_and_compile_id(args.build_id, args.compile_id, environment)
        .map_err(|error| configuration(&error))?;
    let given = Push {
        name: args.artifact.name,
        artifact_type: args.artifact.artifact_type,
        id: args.id,
        paths: args.paths,
        packing: args.packing.into_options(),
        metadata: args.metadata.into_iter().collect(),
        build_id,
        compile_id,
    };
    let Some(path) = args.manifest else {
        return Ok(vec![given]);
    };
    let manifest = Manifest::read(&path)?;
    let builds = manifest.select(&args.only)?;
    builds
        .into_iter()
        .map(|build| of_build(&given, &manifest, build))
        .collect()
}

fn of_build(given: &Push, manifest: &Manifest, build: &Build) -> Result<Push, Error> {
    let mut metadata: BTreeMap<_, _> = build.metadata();
    metadata.extend(given.metadata.clone());
    Ok(Push {
        id: Some(build.artifact_id.clone()).filter(|id| !id.is_empty()),
        paths: manifest.files(build)?,
        metadata,
        ..given.clone()
    })
}

//! `atlas-upload push`.

use std::collections::BTreeMap;
use std::path::Path;

use atlas_uploader::config::build_and_compile_id;
use atlas_uploader::manifest::{Build, Manifest};
use atlas_uploader::push::proceed;
use atlas_uploader::receipt::ReceiptFile;
use atlas_uploader::{Cause, Error, Phase, Push};

use super::args::PushArgs;
use super::{App, configuration};

impl App<'_> {
    pub(super) async fn push(&self, args: PushArgs) -> Result<(), Error> {
        let receipt = args.receipt_file().cloned();
        let mut file = self.receipt_file(args).await?;
        for index in 0..file.entries().len() {
            let done = proceed(&self.client, &mut file, index).await;
            let done = done.map_err(|error| advised(error, receipt.as_deref()))?;
            self.answer(&done.slug, &done)?;
        }
        Ok(())
    }

    async fn receipt_file(&self, args: PushArgs) -> Result<ReceiptFile, Error> {
        let atlas = self.client.url();
        if let Some(path) = &args.resume {
            self.need_token()?;
            return ReceiptFile::open(path, atlas).await;
        }
        let receipt = args.receipt.clone();
        let pushes = requests(args)?;
        // All of them, before the first one makes a version.
        for request in &pushes {
            request.check()?;
        }
        self.need_token()?;
        match receipt {
            Some(path) => ReceiptFile::create(&path, atlas, pushes).await,
            None => Ok(ReceiptFile::unsaved(pushes)),
        }
    }
}

/// What to type to finish the pushes of a receipt.
pub(super) fn how_to_resume(receipt: &Path) -> String {
    format!("atlas-upload push --resume {}", receipt.display())
}

fn advised(error: Error, receipt: Option<&Path>) -> Error {
    let Phase::Upload { slug, .. } = error.phase() else {
        return error;
    };
    if error.advice().is_some() {
        return error;
    }
    let how = match receipt {
        Some(receipt) => format!("finish it with: {}", how_to_resume(receipt)),
        None => "with --receipt FILE a push that breaks can be finished later".to_owned(),
    };
    let advice = format!("{slug} awaits its bytes, and nobody sees it until they are there; {how}");
    error.advise(advice)
}

fn requests(args: PushArgs) -> Result<Vec<Push>, Error> {
    let environment = |name: &str| std::env::var_os(name);
    let (build_id, compile_id) = build_and_compile_id(args.build_id, args.compile_id, environment)
        .map_err(|error| configuration(&error))?;
    let (Some(name), Some(artifact_type)) = (args.name, args.artifact_type) else {
        let reason = "the artifact and its type are missing".to_owned();
        return Err(Error::new(Phase::Configure, Cause::Usage(reason)));
    };
    let given = Push {
        name,
        artifact_type,
        id: args.id,
        paths: args.paths,
        metadata: args.metadata.into_iter().collect(),
        build_id,
        compile_id,
        mark: (!args.no_digest).then(new_mark),
        skip_existing: args.skip_existing,
        verify: args.verify,
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

fn new_mark() -> String {
    uuid::Uuid::new_v4().to_string()
}

fn of_build(given: &Push, manifest: &Manifest, build: &Build) -> Result<Push, Error> {
    let mut metadata: BTreeMap<_, _> = build.metadata();
    metadata.extend(given.metadata.clone());
    Ok(Push {
        id: Some(build.artifact_id.clone()).filter(|id| !id.is_empty()),
        paths: manifest.files(build)?,
        metadata,
        mark: given.mark.as_ref().map(|_| new_mark()),
        ..given.clone()
    })
}

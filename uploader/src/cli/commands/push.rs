//! Runs `atlas-upload push`, which makes versions and uploads their files.

use std::collections::BTreeMap;
use std::path::Path;

use atlas_uploader::base::slug::{ArtifactName, ArtifactType};
use atlas_uploader::config::{Config, Ids};
use atlas_uploader::packer::manifest::{Build, Manifest};
use atlas_uploader::push::pack::BoxMetadata;
use atlas_uploader::push::receipt::{ReceiptFile, State};
use atlas_uploader::push::{proceed, resume};
use atlas_uploader::{Cause, Error, Phase, Push};

use super::template::PlannedBox;
use crate::cli::app::{App, Failure, configuration};
use crate::cli::args::push::PushArgs;

/// The metadata key of a box's provider, and that of its version.
const PROVIDER: &str = "provider";
const VERSION: &str = "version";

/// A version to make, and the settings to use.
pub(in crate::cli) struct Planned {
    pub(in crate::cli) config: Config,
    pub(in crate::cli) push: Push,
    /// True if a box is checked first, for whether Vagrant can use it.
    pub(in crate::cli) box_check: bool,
}

/// The versions to make, and the boxes to publish.
#[derive(Default)]
pub(in crate::cli) struct Plan {
    pub(in crate::cli) pushes: Vec<Planned>,
    pub(in crate::cli) boxes: Vec<PlannedBox>,
}

impl App<'_> {
    pub(in crate::cli) async fn push(&self, args: PushArgs) -> Result<(), Failure> {
        if let Some(receipt) = &args.resume {
            return Ok(self.resume(receipt, !args.no_box_check).await?);
        }
        let Plan { mut pushes, boxes } = self.plan(&args)?;
        let receipt = args.receipt.as_deref();
        if receipt.is_some() && !boxes.is_empty() {
            let reason = "--receipt is for the atlas blocks of a template, and it has a vagrant-cloud block; publish its box with `atlas-upload box publish --receipt`";
            return Err(usage(reason).into());
        }
        // Everything is checked before the first version is made.
        for planned in &pushes {
            planned.push.check()?;
        }
        for planned in pushes.iter_mut().filter(|planned| planned.box_check) {
            let found = check_box(&planned.push).await?;
            add_provider(&mut planned.push, found);
        }
        let publications = self.prepared(boxes).await?;
        let groups = by_atlas(pushes);
        if receipt.is_some() && groups.len() > 1 {
            let reason = "--receipt is for one Atlas and token, and the template names several";
            return Err(usage(reason).into());
        }
        for (config, pushes) in groups {
            let done = self.push_to(&config, pushes, receipt).await;
            done.map_err(|error| Failure {
                error,
                config: Some(Box::new(config)),
            })?;
        }
        for publication in publications {
            self.publish(publication).await?;
        }
        Ok(())
    }

    async fn resume(&self, receipt: &Path, box_check: bool) -> Result<(), Error> {
        self.need_token()?;
        let file = ReceiptFile::open(receipt, self.client.url()).await?;
        // The files of a version that exists were checked before it was made.
        let planned = file.entries().iter();
        let planned = planned.filter(|entry| box_check && entry.state == State::Planned);
        for entry in planned {
            check_box(&entry.push).await?;
        }
        self.proceed(file, Some(receipt)).await
    }

    async fn push_to(
        &self,
        config: &Config,
        pushes: Vec<Push>,
        receipt: Option<&Path>,
    ) -> Result<(), Error> {
        let app = App::open(config, self.time_limits, self.output, self.console)?;
        app.need_token()?;
        let file = match receipt {
            Some(path) => ReceiptFile::create(path, app.client.url(), pushes).await?,
            None => ReceiptFile::unsaved(pushes),
        };
        app.proceed(file, receipt).await
    }

    async fn proceed(&self, mut file: ReceiptFile, receipt: Option<&Path>) -> Result<(), Error> {
        for index in 0..file.entries().len() {
            let done = proceed(&self.client, &mut file, index).await;
            let done = done.map_err(|error| with_resume_hint(error, receipt))?;
            self.answer(&done.slug, &done)?;
        }
        Ok(())
    }

    fn plan(&self, args: &PushArgs) -> Result<Plan, Error> {
        let pushes = if let Some(template) = &args.template {
            return self.plan_of_template(args, template);
        } else {
            self.requests(args)?
        };
        let planned = |push| Planned {
            config: self.config.clone(),
            push,
            box_check: !args.no_box_check,
        };
        Ok(Plan {
            pushes: pushes.into_iter().map(planned).collect(),
            boxes: Vec::new(),
        })
    }

    fn requests(&self, args: &PushArgs) -> Result<Vec<Push>, Error> {
        let (Some(name), Some(kind)) = (args.name.clone(), args.artifact_type.clone()) else {
            return Err(usage("give USER/NAME and --type, or --template"));
        };
        let given = given(args, name, kind, BTreeMap::new())?;
        let Some(path) = &args.manifest else {
            return Ok(vec![given]);
        };
        let manifest = Manifest::read(path)?;
        let builds = manifest.select(&args.only)?;
        for warning in repeated(&builds) {
            self.console.warn(&warning);
        }
        builds
            .into_iter()
            .map(|build| of_build(&given, &manifest, build))
            .collect()
    }
}

/// Groups consecutive pushes to the same Atlas with the same token.
fn by_atlas(plan: Vec<Planned>) -> Vec<(Config, Vec<Push>)> {
    let place = |config: &Config| {
        let token = config
            .token
            .as_ref()
            .map(|token| token.value.expose().to_owned());
        (config.atlas_url.value.clone(), token)
    };
    let mut groups: Vec<(Config, Vec<Push>)> = Vec::new();
    for Planned { config, push, .. } in plan {
        match groups.last_mut() {
            Some((last, pushes)) if place(last) == place(&config) => pushes.push(push),
            _ => groups.push((config, vec![push])),
        }
    }
    groups
}

/// Adds the provider that the box itself names, unless one is told: the server needs it to make the box appear.
fn add_provider(push: &mut Push, found: Option<BoxMetadata>) {
    if let Some(provider) = found.and_then(|metadata| metadata.provider) {
        let told = push.metadata.entry(PROVIDER.to_owned());
        told.or_insert(provider);
    }
}

/// Fails when Vagrant could not use the files of a push, if its type is a box. Returns what the box says of itself.
async fn check_box(push: &Push) -> Result<Option<BoxMetadata>, Error> {
    let checked = push.check_box().await;
    checked.map_err(|error| error.with_hint("with --no-box-check, the file is pushed anyway"))
}

/// Adds the command that resumes a failed upload, or how to make an upload resumable.
fn with_resume_hint(error: Error, receipt: Option<&Path>) -> Error {
    let Phase::Upload { slug, .. } = error.phase() else {
        return error;
    };
    let known = match (error.hint(), receipt) {
        (_, Some(receipt)) => return resume::with_hint(error, receipt),
        (Some(unknown), None) if error.is_arrival_unknown() => unknown.to_owned(),
        (Some(_), None) => return error,
        (None, None) => resume::awaits_bytes(slug),
    };
    let how = "with --receipt FILE, a push that fails can be finished later";
    error.with_hint(format!("{known}; {how}"))
}

/// Builds a push from the arguments that apply to every version; their metadata overrides `metadata`.
pub(in crate::cli) fn given(
    args: &PushArgs,
    name: ArtifactName,
    artifact_type: ArtifactType,
    mut metadata: BTreeMap<String, String>,
) -> Result<Push, Error> {
    let (build, compile) = (args.build_id.clone(), args.compile_id.clone());
    let ids = Ids::resolve(build, compile, |name| std::env::var_os(name))
        .map_err(|error| configuration(&error))?;
    metadata.extend(args.metadata.iter().cloned());
    let is_box = artifact_type.is_vagrant_box();
    let flags = [(PROVIDER, &args.provider), (VERSION, &args.box_version)];
    for (key, value) in flags {
        if let Some(value) = value {
            if !is_box {
                return Err(usage(
                    "--provider and --box-version are for --type vagrant.box",
                ));
            }
            metadata.insert(key.to_owned(), value.clone());
        }
    }
    Ok(Push {
        name,
        artifact_type,
        id: args.id.clone(),
        paths: args.paths.clone(),
        packing: args.packing.options(!args.no_digest, is_box),
        metadata,
        build_id: ids.build.value,
        compile_id: ids.compile.value,
        idempotency_key: (!args.no_digest).then(new_key),
        skip_existing: args.skip_existing,
        verify: args.verify,
    })
}

/// Returns a warning for each build with several entries in the manifest, one for each `manifest` block
/// that saw it, since the user may not want a version of each.
fn repeated(builds: &[&Build]) -> Vec<String> {
    let mut ids: BTreeMap<_, Vec<_>> = BTreeMap::new();
    for build in builds {
        let id = format!("{:?}", build.artifact_id);
        ids.entry(&build.name).or_default().push(id);
    }
    ids.retain(|_, ids| ids.len() > 1);
    let told = ids.into_iter().map(|(name, ids)| {
        let (number, ids) = (ids.len(), ids.join(", "));
        format!(
            "the manifest has {number} entries for the build {name:?}, and each becomes a version: {ids}; with --template, only the entry that reached the atlas block is pushed"
        )
    });
    told.collect()
}

/// Returns a copy of `given` that pushes the artifact of a build.
pub(in crate::cli) fn of_build(
    given: &Push,
    manifest: &Manifest,
    build: &Build,
) -> Result<Push, Error> {
    let mut metadata: BTreeMap<_, _> = build.metadata();
    metadata.extend(given.metadata.clone());
    Ok(Push {
        id: Some(build.artifact_id.clone()).filter(|id| !id.is_empty()),
        paths: manifest.files(build)?,
        metadata,
        idempotency_key: given.idempotency_key.as_ref().map(|_| new_key()),
        ..given.clone()
    })
}

fn new_key() -> String {
    uuid::Uuid::new_v4().to_string()
}

fn usage(reason: &str) -> Error {
    Error::new(Phase::Configure, Cause::Usage(reason.to_owned()))
}

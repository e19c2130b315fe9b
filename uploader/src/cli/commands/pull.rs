//! Runs `atlas-upload pull`, which fetches the file of a version.

use std::path::Path;

use atlas_uploader::Error;
use atlas_uploader::pull::extract::pull_into;
use atlas_uploader::pull::{Pull, Target, pull, version_at};

use crate::cli::app::{App, json};
use crate::cli::args::{OutputFormat, PullArgs, VersionChoice};

impl App<'_> {
    pub(in crate::cli) async fn pull(&self, args: PullArgs) -> Result<(), Error> {
        let (name, artifact_type) = (args.artifact.name, args.artifact.artifact_type);
        let version = match args.version {
            VersionChoice::Latest => None,
            VersionChoice::Number(number) => Some(number),
            VersionChoice::Channel(channel) => {
                Some(version_at(&self.client, &name, &artifact_type, &channel).await?)
            }
        };
        let request = Pull {
            name,
            artifact_type,
            version,
        };
        let to_stdout = args.file.as_deref() == Some(Path::new("-"));
        let target = match args.file {
            // Only these raw bytes bypass the redactor.
            Some(_) if to_stdout => Target::Stream(Box::new(std::io::stdout())),
            Some(file) => Target::File(file),
            None => Target::NamedAfterSlug,
        };
        let pulled = match &args.extract {
            Some(folder) => pull_into(&self.client, &request, folder).await?,
            None => pull(&self.client, &request, target).await?,
        };
        if !pulled.verified {
            self.console
                .warn("the bytes were not checked, since neither the version nor the server has a digest.");
        }
        match &pulled.file {
            Some(file) if self.output == OutputFormat::Text => self.console.out_path(file),
            Some(_) => self.console.out(&json(&pulled)?),
            None if to_stdout && self.output == OutputFormat::Json => {
                self.console.line(&json(&pulled)?);
                Ok(())
            }
            None => Ok(()),
        }
    }
}

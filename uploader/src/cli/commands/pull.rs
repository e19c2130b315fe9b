//! Runs `atlas-upload pull`, which fetches the file of a version.

use std::path::Path;

use atlas_uploader::Error;
use atlas_uploader::pull::extract::pull_into;
use atlas_uploader::pull::{Pull, Target, pull};

use crate::cli::app::{App, json};
use crate::cli::args::{OutputFormat, PullArgs};

impl App<'_> {
    pub(in crate::cli) async fn pull(&self, args: PullArgs) -> Result<(), Error> {
        let request = Pull {
            name: args.artifact.name,
            artifact_type: args.artifact.artifact_type,
            version: args.version.0,
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

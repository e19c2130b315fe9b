//! Makes Vagrant boxes, and trees of them with `atlas-upload box mirror`.

use std::path::Path;

use serde_json::json;

use crate::support::program::Program;
use crate::support::registry::{File, Options, Registry, Tree};
use crate::support::{gzip, noise, tarred};

/// A file of a box. The first file of each provider of a version is the default.
pub(crate) struct BoxFile {
    pub(crate) version: &'static str,
    pub(crate) provider: &'static str,
    pub(crate) architecture: &'static str,
    pub(crate) content: Vec<u8>,
}

impl BoxFile {
    /// Creates a file that Vagrant accepts, with a disk of `disk` incompressible bytes.
    pub(crate) fn of(
        version: &'static str,
        provider: &'static str,
        architecture: &'static str,
        disk: usize,
    ) -> Self {
        Self {
            version,
            provider,
            architecture,
            content: vagrant_box(provider, disk),
        }
    }
}

fn vagrant_box(provider: &str, disk: usize) -> Vec<u8> {
    let metadata = json!({"provider": provider}).to_string();
    gzip(&tarred(&[
        ("metadata.json", metadata.as_bytes()),
        ("box.img", &noise(disk)),
    ]))
}

/// Mirrors one box, `ORG/BOX`, with these files from a registry into a folder. Addresses in the catalogs
/// begin with `base_url`.
pub(crate) async fn mirror_box(folder: &Path, base_url: &str, name: &str, files: &[BoxFile]) {
    let (owner, name_below) = name.split_once('/').unwrap();
    let tree = Tree::new().owner(owner, |owner| {
        owner.box_(name_below, |one| {
            let mut versions: Vec<_> = files.iter().map(|file| file.version).collect();
            versions.dedup();
            versions.into_iter().fold(one, |one, number| {
                one.version(number, |version| {
                    let of_version = files.iter().filter(|file| file.version == number);
                    of_version.fold(version, |version, file| {
                        let content = File::bytes(file.content.clone());
                        version.provider(file.provider, file.architecture, content)
                    })
                })
            })
        })
    });
    let registry = Registry::start(tree, Options::default()).await;
    let to = folder.to_str().unwrap();
    let mirror = ["box", "mirror", name, "--to", to, "--from", registry.url()];
    let base = ["--base-url", base_url];
    let run = Program::new().run(&[&mirror[..], &base].concat()).await;
    assert_eq!(run.code, 0, "{run}");
}

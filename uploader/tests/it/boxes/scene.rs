//! A `Scene` is a fake registry with a program that mirrors it.

use std::collections::BTreeMap;
use std::path::Path;

use serde_json::Value;

use crate::support::program::{Program, Run};
use crate::support::registry::{File, Options, Registry, Tree};

/// The files of a tree, each with its expected place.
pub(crate) type Files = Vec<(String, File)>;

pub(crate) fn noise(seed: u64) -> File {
    File::noise(seed, 20_000 + seed)
}

/// Returns an organisation with two boxes of two versions each, for two providers, one of which has two
/// architectures.
pub(crate) fn acme() -> (Tree, Files) {
    let mut files = Vec::new();
    let mut seed = 0;
    let tree = Tree::new().owner("acme", |mut acme| {
        for name in ["web", "db"] {
            acme = acme.box_(name, |mut web| {
                web = web.described("short", "long");
                for number in ["1.9.0", "1.10.0"] {
                    web = web.version(number, |mut version| {
                        for (provider, architecture) in [
                            ("virtualbox", "amd64"),
                            ("virtualbox", "arm64"),
                            ("libvirt", "amd64"),
                        ] {
                            seed += 1;
                            let file = noise(seed);
                            let place = format!("acme/{name}/{number}/{provider}/{architecture}");
                            files.push((place, file.clone()));
                            version = version.provider(provider, architecture, file);
                        }
                        version
                    });
                }
                web
            });
        }
        acme
    });
    (tree, files)
}

/// Returns one box with one version and these files, each with its provider.
pub(crate) fn of_files(files: &[(&str, File)]) -> Tree {
    Tree::new().owner("acme", |acme| {
        acme.box_("web", |web| {
            web.version("1.0.0", |version| {
                files.iter().fold(version, |version, (provider, file)| {
                    version.provider(provider, "amd64", file.clone())
                })
            })
        })
    })
}

pub(crate) struct Scene {
    pub(crate) registry: Registry,
    pub(crate) program: Program,
}

impl Scene {
    pub(crate) async fn new(tree: Tree, options: Options) -> Self {
        let registry = Registry::start(tree, options).await;
        let program = Program::new();
        Self { registry, program }
    }

    /// Starts a scene whose program has a service principal.
    pub(crate) async fn with_credentials(tree: Tree, options: Options) -> Self {
        let (id, secret) = options.credentials.clone();
        let Self { registry, program } = Self::new(tree, options).await;
        let program = program
            .with("HCP_CLIENT_ID", &id)
            .with("HCP_CLIENT_SECRET", &secret)
            .with("HCP_AUTH_URL", registry.url());
        Self { registry, program }
    }

    pub(crate) async fn mirror(&self, what: &[&str]) -> Run {
        self.mirror_from(self.registry.url(), what).await
    }

    pub(crate) async fn mirror_from(&self, from: &str, what: &[&str]) -> Run {
        let mirror = ["box", "mirror", "--to", "tree", "--from", from];
        let json = ["--output", "json"];
        self.program.run(&[&mirror, what, &json].concat()).await
    }

    pub(crate) async fn check(&self) -> Run {
        self.program.run(&["box", "check", "tree"]).await
    }

    pub(crate) fn json(&self, path: &str) -> Value {
        let path = self.program.path("tree").join(path);
        let text = std::fs::read(&path).unwrap_or_else(|error| panic!("{path:?}: {error}"));
        serde_json::from_slice(&text).unwrap()
    }

    /// Returns the files in the tree by their places.
    pub(crate) fn in_place(&self) -> BTreeMap<String, Vec<u8>> {
        in_place(&self.program.path("tree"))
    }

    pub(crate) fn assert_holds(&self, files: &Files) {
        let there = self.in_place();
        let places: Vec<_> = there.keys().cloned().collect();
        let mut expected: Vec<_> = files.iter().map(|(place, _)| place.clone()).collect();
        expected.sort();
        assert_eq!(places, expected);
        for (place, file) in files {
            assert!(there[place] == file.read(), "{place} is another");
        }
    }
}

/// Returns every `vagrant.box` below a folder by its relative path.
pub(crate) fn in_place(root: &Path) -> BTreeMap<String, Vec<u8>> {
    let files = walkdir::WalkDir::new(root)
        .into_iter()
        .filter_map(Result::ok);
    let files = files.filter(|entry| entry.file_name() == "vagrant.box");
    files
        .map(|entry| {
            let folder = entry.path().parent().unwrap().strip_prefix(root).unwrap();
            let place = folder.to_str().unwrap().to_owned();
            (place, std::fs::read(entry.path()).unwrap())
        })
        .collect()
}

pub(crate) fn totals(run: &Run) -> Value {
    let report: Value = serde_json::from_str(&run.stdout).unwrap_or_else(|_| panic!("{run}"));
    report["totals"].clone()
}

//! Tests that boxes leave HCP for a registry of one's own: mirrored from the fake HCP with `atlas-upload box mirror`,
//! imported with `mock-atlas import` into an emulator on a folder, and added from there by Vagrant.

use std::path::{Path, PathBuf};

use mock_atlas::MockAtlas;
use serde_json::Value;

use super::Vagrant;
use super::mirrored::BoxFile;
use crate::support::program::Program;
use crate::support::registry::{Api, Fault, File, Limit, Options, Registry, Tree};
use crate::support::{CANARY, noise};

/// The versions of the public box, each with its files.
fn files() -> Vec<BoxFile> {
    let mut files = Vec::new();
    for version in ["1.9.0", "1.10.0"] {
        files.extend([
            BoxFile::of(version, "virtualbox", "amd64", 300_000),
            BoxFile::of(version, "virtualbox", "arm64", 200_000),
            BoxFile::of(version, "libvirt", "amd64", 100_000),
        ]);
    }
    files
}

fn hcp_tree(files: &[BoxFile], secret: &BoxFile) -> Tree {
    let content = |file: &BoxFile| File::bytes(file.content.clone());
    Tree::new().owner("acme", |acme| {
        acme.box_("web", |mut web| {
            web = web.described("short", "long");
            for number in ["1.9.0", "1.10.0"] {
                web = web.version(number, |version| {
                    let of_version = files.iter().filter(|file| file.version == number);
                    of_version.fold(version, |version, file| {
                        version.provider(file.provider, file.architecture, content(file))
                    })
                });
            }
            web
        })
        .box_("secret", |secret_box| {
            secret_box.private().version(secret.version, |version| {
                version.provider(secret.provider, secret.architecture, content(secret))
            })
        })
    })
}

/// Copies everything of `acme` out of a fake HCP that limits downloads and breaks some off. Returns the program, with
/// the folder `tree`.
async fn mirror_out_of_hcp(tree: Tree) -> Program {
    let options = Options {
        speaks: vec![Api::Hcp, Api::Catalogs],
        limit: Some(Limit::downloads(4)),
        faults: vec![Fault::Cut(50_000).times(2).at("acme/web")],
        ..Options::default()
    };
    let (id, secret) = options.credentials.clone();
    let hcp = Registry::start(tree, options).await;
    let program = Program::new()
        .with("HCP_CLIENT_ID", &id)
        .with("HCP_CLIENT_SECRET", &secret)
        .with("HCP_AUTH_URL", hcp.url());
    let mirror = ["box", "mirror", "acme", "--to", "tree", "--from", hcp.url()];
    let run = program.run(&mirror).await;
    assert_eq!(run.code, 0, "{run}");
    assert!(hcp.leaks().is_empty() && hcp.early().is_empty());
    program
}

/// Imports the tree in the program's folder, and returns the report.
async fn import(program: &Program, atlas: &MockAtlas, mock_atlas: &Path) -> Value {
    let mut command = program.command_of(mock_atlas);
    command
        .args(["import", "tree", "--output", "json"])
        .env("ATLAS_ADDRESS", atlas.url())
        .env("ATLAS_TOKEN", CANARY);
    let output = command.output().await.unwrap();
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(0), "{stderr}");
    serde_json::from_slice(&output.stdout).unwrap()
}

async fn start(data: &Path) -> MockAtlas {
    let builder = MockAtlas::builder().token(CANARY).data(data);
    builder.start().await.unwrap()
}

fn mock_atlas() -> PathBuf {
    let workspace = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
    let folder = atlas_common::programs::build(workspace, &["real-clients"]);
    folder.unwrap().join("mock-atlas")
}

#[tokio::test(flavor = "multi_thread")]
async fn vagrant_adds_the_boxes_that_left_hcp() {
    let files = files();
    let secret = BoxFile::of("0.1.0", "libvirt", "amd64", 50_000);
    let program = mirror_out_of_hcp(hcp_tree(&files, &secret)).await;
    let data = program.path("data");
    let mock_atlas = mock_atlas();
    let atlas = start(&data).await;
    let report = import(&program, &atlas, &mock_atlas).await;
    assert_eq!(report["added"], 3, "{report}");
    let again = import(&program, &atlas, &mock_atlas).await;
    assert_eq!(
        (&again["added"], &again["present"]),
        (&0.into(), &3.into()),
        "{again}"
    );
    drop(atlas);

    let atlas = start(&data).await;
    let vagrant = Vagrant::at(atlas.url());
    let add = ["box", "add", "acme/web", "--provider"];
    let old = ["virtualbox", "--box-version", "1.9.0"];
    vagrant.run(&[&add[..], &old].concat()).await;
    vagrant.run(&["box", "update", "--box", "acme/web"]).await;
    vagrant.run(&[&add[..], &["libvirt"]].concat()).await;
    let list = vagrant.run(&["box", "list"]).await;
    let installed = [
        "acme/web (libvirt, 1.10.0)",
        "acme/web (virtualbox, 1.9.0)",
        "acme/web (virtualbox, 1.10.0)",
    ];
    assert!(
        installed.iter().all(|one| list.stdout.contains(one)),
        "{list}"
    );
    let place = "boxes/acme-VAGRANTSLASH-web/1.10.0/libvirt/box.img";
    let image = std::fs::read(vagrant.0.path(place)).unwrap();
    assert!(image == noise(100_000), "{place} is another");

    let member = Vagrant::at(atlas.url()).with_token(CANARY);
    let private = ["box", "add", "acme/secret", "--provider", "libvirt"];
    let added = member.run(&private).await;
    assert!(added.stdout.contains("0.1.0"), "{added}");
    let stranger = Vagrant::at(atlas.url());
    let refused = stranger.command(&private).output().await.unwrap();
    assert!(!refused.status.success());
}

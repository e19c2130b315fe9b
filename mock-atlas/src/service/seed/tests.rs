//! Tests of the published schema, and of mistakes in seeds.

use std::path::Path;

use super::*;
use crate::domain::{Clock, FileSelector, ReadAccess};
use crate::storage::{Catalog, MemoryCatalog};

/// Returns the path of the published schema.
fn schema_file() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/seed.schema.json")
}

#[test]
fn the_published_schema_is_that_of_the_types() {
    let schema = schemars::schema_for!(Document);
    let mut schema = serde_json::to_string_pretty(&schema).unwrap();
    schema.push('\n');
    if std::env::var_os("UPDATE_SCHEMA").is_some() {
        std::fs::write(schema_file(), &schema).unwrap();
    }
    let published = std::fs::read_to_string(schema_file()).unwrap_or_default();
    assert!(
        published == schema,
        "write it anew: UPDATE_SCHEMA=1 cargo test -p mock-atlas published_schema"
    );
}

pub(super) fn dataset() -> Dataset {
    let root = "atlas".parse().unwrap();
    let memory = MemoryCatalog::new(root, "root", Clock::default());
    Dataset::new(Catalog::Memory(memory))
}

async fn mistake(seed: Result<Seed, SeedError>) -> String {
    let applied = match seed {
        Ok(seed) => seed.apply(&dataset(), Limits::default()).await,
        Err(error) => Err(error),
    };
    match applied {
        Ok(()) => panic!("it was applied"),
        Err(error) => error.to_string(),
    }
}

#[tokio::test]
async fn each_mistake_is_told_with_its_place_and_its_reason() {
    let mut messages = String::new();
    for toml in [
        "users = 5",
        "[[users]]\nusername = \"a b\"\n",
        "[[users]]\nusername = \"\"\n",
        "[[users]]\nname = \"amy\"\n",
        "[[users]]\npassword = \"secret\"\n",
        "[[users]\n",
        "faults = [\n  \"upload:reset\",\n  \"upload:cut\",\n]\n",
        "faults = [5]\n",
        "[[users]]\nusername = \"amy\"\npassword = 12345678\n",
        "[[users]]\nusername = \"amy\"\ntokens = [\"canary\"]\n",
        "[[users]]\nusername = \"amy\"\ntokens = [{ token = \"canary canary\" }]\n",
        "[[users]]\nusername = \"amy\"\ntokens = [\n  { token = \"canary\" },\n  { token = \"canary\" },\n]\n",
        "[[users]]\nusername = \"amy\"\ntokens = [{ token = \"root\" }]\n",
        "[[users]]\nusername = \"amy\"\n\n[[users]]\nusername = \"amy\"\n",
        "[[users]]\nusername = \"atlas\"\n",
        "[[users]]\nusername = \"vagrant\"\n",
        "[[organizations]]\nname = \"_mock\"\n",
        "[[users]]\nusername = \"amy\"\n\n[[organizations]]\nname = \"amy\"\n",
        "[[organizations]]\nname = \"acme\"\nmembers = [\n  { username = \"eve\", role = \"read\" },\n]\n",
        "[[organizations]]\nname = \"acme\"\nmembers = [\n  { username = \"eve\", role = \"owner\" },\n]\n",
        "[[users]]\nusername = \"amy\"\n\n[[organizations]]\nname = \"acme\"\nmembers = [\n  { username = \"amy\", role = \"read\" },\n  { username = \"amy\", role = \"admin\" },\n]\n",
        "[[artifacts]]\nname = \"acme\"\n",
        "[[artifacts]]\nname = \"acme/web\"\n\n[[artifacts]]\nname = \"acme/web\"\n",
        "[[artifacts]]\nname = \"acme/web\"\n\n[[artifacts.versions]]\ntype = \"x\"\nmetadata = { n = 5 }\n",
        "[[artifacts]]\nname = \"acme/web\"\n\n[[artifacts.versions]]\ntype = \"vagrant.box\"\n",
        "[[artifacts]]\nname = \"acme/web\"\n\n[[artifacts.versions]]\ntype = \"x\"\nfile = \"disk.img\"\n",
        "[[artifacts]]\nname = \"acme/web\"\n\n[[artifacts.versions]]\ntype = \"x\"\nfile = { path = \"disk.img\" }\n",
        "[[artifacts]]\nname = \"acme/web\"\n\n[[artifacts.versions]]\ntype = \"x\"\nfile = { base64 = \"?\" }\n",
        "[[artifacts]]\nname = \"acme/web\"\n\n[[artifacts.versions]]\ntype = \"x\"\nbuild_id = -1\n",
        "boxes = [{ name = \"acme/web\" }, { name = \"acme/web\" }]\n",
        "[[boxes]]\nname = \"acme/web\"\nversions = [{ version = \"one\" }]\n",
        "[[boxes]]\nname = \"acme/web\"\nversions = [{ version = \"1.0\", status = \"gone\" }]\n",
        "[[boxes]]\nname = \"acme/web\"\nversions = [{ version = \"1.0\" }]\n",
        "[[boxes]]\nname = \"acme/web\"\n[[boxes.versions]]\nversion = \"1.0\"\nstatus = \"revoked\"\n[[boxes.versions]]\nversion = \"1.0\"\nstatus = \"revoked\"\n",
        "[[boxes]]\nname = \"acme/web\"\n[[boxes.versions]]\nversion = \"1.0\"\nproviders = [{ name = \"kvm\" }, { name = \"kvm\" }]\n",
        "[[boxes]]\nname = \"acme/web\"\n[[boxes.versions]]\nversion = \"1.0\"\n[[boxes.versions.providers]]\nname = \"kvm\"\narchitecture = \"a\"\ndefault_architecture = true\n[[boxes.versions.providers]]\nname = \"kvm\"\ndefault_architecture = true\n",
        "[[boxes]]\nname = \"acme/web\"\n[[boxes.versions]]\nversion = \"1.0\"\nproviders = [{ name = \"kvm\", url = \"a b\" }]\n",
        "[[boxes]]\nname = \"acme/web\"\n[[boxes.versions]]\nversion = \"1.0\"\nproviders = [{ name = \"kvm\", url = \"http://x/\", file = { text = \"x\" } }]\n",
        "[[boxes]]\nname = \"acme/web\"\n[[boxes.versions]]\nversion = \"1.0\"\nproviders = [{ name = \"kvm\", checksum = \"abc\" }]\n",
        "[[boxes]]\nname = \"acme/web\"\n[[boxes.versions]]\nversion = \"1.0\"\nproviders = [{ name = \"kvm\", checksum_type = \"crc\", checksum = \"abc\" }]\n",
        "[[boxes]]\nname = \"acme/web\"\n[[boxes.versions]]\nversion = \"1.0\"\nproviders = [{ name = \"kvm\", file = { path = \"x.box\" } }]\n",
        "artifacts = [{ name = \"a/b\", versions = [{ type = \"vagrant.box\", metadata = { provider = \"kvm\" }, file = { text = \"x\" } }] }]\nboxes = [{ name = \"a/b\" }]\n",
    ] {
        messages.push_str(&mistake(Seed::from_toml(toml)).await);
        messages.push('\n');
    }
    for json in [
        "",
        "{\n  \"users\": [\n    {\"username\": \"a/b\"}\n  ]\n}",
        "{\n  \"users\": [\n    {\"username\": \"amy\", \"tokens\": [\"canary\"]}\n  ]\n}",
        "{\n  \"users\": [\n    {\"username\": \"amy\"},\n  ]\n}",
    ] {
        messages.push_str(&mistake(Seed::from_json(json)).await);
        messages.push('\n');
    }
    assert!(
        !messages.contains("canary") && !messages.contains("12345678"),
        "{messages}"
    );
    insta::assert_snapshot!(messages);
}

#[tokio::test]
async fn a_mistake_in_a_file_names_the_file() {
    let folder = tempfile::tempdir().unwrap();
    let mut messages = String::new();
    for (name, text) in [
        ("seed.toml", "[[users]]\nname = \"amy\"\n"),
        ("seed.json", "{\n  \"user\": []\n}"),
        ("seed.yaml", "users: []"),
        (
            "double.toml",
            "[[users]]\nusername = \"amy\"\n[[users]]\nusername = \"amy\"\n",
        ),
        (
            "gone.json",
            r#"{"artifacts": [{"name": "a/b", "versions": [{"type": "x", "file": {"path": "gone"}}]}]}"#,
        ),
    ] {
        let file = folder.path().join(name);
        std::fs::write(&file, text).unwrap();
        messages.push_str(&mistake(Seed::read(&file)).await);
        messages.push('\n');
    }
    messages.push_str(&mistake(Seed::read(folder.path().join("missing.toml"))).await);
    let messages = messages.replace(&folder.path().display().to_string(), "FOLDER");
    insta::assert_snapshot!(messages);
}

#[tokio::test]
async fn a_seed_may_say_where_its_schema_is() {
    let seed = Seed::from_json(r#"{"$schema": "seed.schema.json"}"#).unwrap();
    seed.apply(&dataset(), Limits::default()).await.unwrap();
}

#[tokio::test]
async fn nothing_of_a_seed_with_a_mistake_is_planted() {
    let dataset = dataset();
    let good = Seed::from_toml("[[artifacts]]\nname = \"acme/b\"\n").unwrap();
    good.apply(&dataset, Limits::default()).await.unwrap();
    let bad = "[[users]]\nusername = \"amy\"\ntokens = [{ token = \"amys\" }]\n\n\
               [[artifacts]]\nname = \"acme/a\"\n\n[[artifacts]]\nname = \"acme/b\"\n";
    let error = Seed::from_toml(bad)
        .unwrap()
        .apply(&dataset, Limits::default())
        .await
        .unwrap_err();
    assert!(error.to_string().starts_with("artifacts[1]: "), "{error}");
    let catalog = dataset.catalog();
    assert!(catalog.account_of_token("amys").await.unwrap().is_none());
    let artifact = "acme/a".parse().unwrap();
    let found = catalog.find_artifact(&artifact, ReadAccess::All).await;
    assert_eq!(found, Err(StorageError::NotFound));
}

#[tokio::test]
async fn a_box_of_a_seed_is_there_with_versions_providers_and_files() {
    let dataset = dataset();
    let example = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/seed.example.toml");
    let seed = Seed::read(example).unwrap();
    seed.apply(&dataset, Limits::default()).await.unwrap();
    let name = "acme/debian".parse().unwrap();
    let catalog = dataset.catalog();
    let found = catalog.find_box(&name, ReadAccess::PublicOnly).await;
    let found = found.unwrap().vagrant_box;
    assert_eq!(found.short_description, "Debian 12");
    let (current, version) = found.current_version().unwrap();
    assert_eq!(current.as_str(), "1.1.0");
    let shown: Vec<_> = version
        .providers()
        .iter()
        .map(|provider| {
            let checksum = provider.shown_checksum().unwrap();
            let (name, architecture) = (provider.name.as_str(), provider.architecture.as_str());
            let sum = (checksum.0, &checksum.1[..6]);
            (name, architecture, provider.is_default, sum)
        })
        .collect();
    let expected = [
        ("libvirt", "unknown", true, ("md5", "900150")),
        ("virtualbox", "amd64", true, ("sha256", "9bb5c2")),
        ("virtualbox", "arm64", false, ("sha256", "a3ead5")),
    ];
    assert_eq!(shown, expected);
    // The files are versions of the artifact.
    let totals = dataset.totals().await.unwrap();
    assert_eq!((totals.boxes, totals.box_versions), (1, 2));
    let box_type = "vagrant.box".parse().unwrap();
    let files = catalog.file(
        &name,
        &box_type,
        ReadAccess::PublicOnly,
        FileSelector::Number(2),
    );
    assert_eq!(files.await.unwrap().len(), "other bytes".len() as u64);
}

#[tokio::test]
async fn a_box_is_added_to_the_artifact_of_its_name_and_only_once() {
    let dataset = dataset();
    let seed = "[[artifacts]]\nname = \"acme/web\"\npublic = true\n\n\
                [[boxes]]\nname = \"acme/web\"\nversions = [{ version = \"1.0\", status = \"revoked\" }]\n";
    let seed = Seed::from_toml(seed).unwrap();
    seed.apply(&dataset, Limits::default()).await.unwrap();
    let name: ArtifactName = "acme/web".parse().unwrap();
    let catalog = dataset.catalog();
    let found = catalog.find_box(&name, ReadAccess::PublicOnly).await;
    assert_eq!(found.unwrap().vagrant_box.versions().len(), 1);

    let again =
        Seed::from_toml("boxes = [{ name = \"acme/new\" }, { name = \"acme/web\" }]").unwrap();
    let error = again.apply(&dataset, Limits::default()).await.unwrap_err();
    let expected = "boxes[1]: the box \"acme/web\" exists already: \
                    delete it first, or leave it out of the seed";
    assert_eq!(error.to_string(), expected);
    let new = "acme/new".parse().unwrap();
    let found = catalog.find_box(&new, ReadAccess::All).await;
    assert_eq!(found.map(|_| ()), Err(StorageError::NotFound));
}

#[tokio::test]
async fn a_box_with_a_file_beyond_the_limit_is_refused() {
    let seed = "[[boxes]]\nname = \"a/b\"\n[[boxes.versions]]\nversion = \"1\"\n\
                providers = [{ name = \"kvm\", file = { text = \"12345\" } }]\n";
    let limits = Limits {
        file_bytes: Some(4),
        ..Limits::default()
    };
    let seed = Seed::from_toml(seed).unwrap();
    let error = seed
        .apply(&dataset(), limits)
        .await
        .unwrap_err()
        .to_string();
    assert!(error.starts_with("boxes[0]: "), "{error}");
    assert!(
        error.ends_with("raise the limit, or change the seed"),
        "{error}"
    );
}

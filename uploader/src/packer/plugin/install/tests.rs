//! Tests the installation, its replacement and removal, and the folder of each version of Packer.

use super::*;

fn folder_of(version: &str, variables: &[(&str, &Path)]) -> Option<PathBuf> {
    let variable = |name: &str| {
        let found = variables.iter().find(|(known, _)| *known == name);
        found.map(|(_, value)| value.as_os_str().to_owned())
    };
    plugin_folder(version.parse().unwrap(), variable)
}

#[test]
fn the_folder_is_where_each_packer_looks() {
    let home = tempfile::tempdir().unwrap();
    let home = home.path();
    let variables = [("HOME", home)];
    let dotted = home.join(".packer.d/plugins");
    assert_eq!(folder_of("1.6.6", &variables).unwrap(), dotted);
    assert_eq!(folder_of("1.7.4", &variables).unwrap(), dotted);
    let xdg = home.join(".config/packer/plugins");
    assert_eq!(folder_of("1.7.5", &variables).unwrap(), xdg);
    let other = Path::new("/etc/xdg");
    let with_xdg = [("HOME", home), ("XDG_CONFIG_HOME", other)];
    assert_eq!(
        folder_of("1.11.2", &with_xdg).unwrap(),
        other.join("packer/plugins")
    );
    let with_config = [("HOME", home), ("PACKER_CONFIG_DIR", other)];
    assert_eq!(
        folder_of("1.6.6", &with_config).unwrap(),
        other.join(".packer.d/plugins")
    );
    let with_path = [
        ("HOME", home),
        ("PACKER_PLUGIN_PATH", Path::new("/one:/two")),
    ];
    assert_eq!(folder_of("1.11.2", &with_path).unwrap(), Path::new("/one"));
    fs::create_dir(home.join(".packer.d")).unwrap();
    assert_eq!(folder_of("1.11.2", &variables).unwrap(), dotted);
    assert_eq!(folder_of("1.6.6", &[]), None);
}

#[test]
fn a_version_is_read_from_what_packer_prints() {
    let printed = "Packer v1.6.6\n\nYour version of Packer is out of date!";
    let version = PackerVersion::printed(printed).unwrap();
    assert_eq!(version.to_string(), "1.6.6");
    assert_eq!(version.refusal(), None);
    let version = PackerVersion::printed("Packer v1.12.0-dev (abc)").unwrap();
    assert_eq!(version.refusal(), None);
    assert_eq!(PackerVersion::printed("packer: not found"), None);
}

#[test]
fn what_cannot_load_the_plugin_is_told_why() {
    let protocol = "speaks an older protocol with its plugins";
    for (version, reason) in [
        ("1.2.5", "and has the atlas post-processor built in; 1.5.2"),
        ("1.3.0", protocol),
        ("1.4.5", protocol),
        ("1.5.0", "cannot load any plugin, because of a bug; 1.5.2"),
        ("1.5.1", "cannot load any plugin, because of a bug; 1.5.2"),
    ] {
        let refusal = version.parse::<PackerVersion>().unwrap().refusal();
        let refusal = refusal.unwrap();
        assert!(refusal.contains(reason), "{refusal}");
        assert!(
            refusal.starts_with(&format!("Packer {version} ")),
            "{refusal}"
        );
    }
    let first = "1.5.2".parse::<PackerVersion>().unwrap();
    assert_eq!(first.refusal(), None);
}

#[test]
fn what_is_installed_is_taken_back_whole() {
    let folder = tempfile::tempdir().unwrap();
    let plugins = folder.path().join("plugins");
    let program = folder.path().join("program");
    fs::write(&program, "#!/bin/sh").unwrap();
    let installed = install(&program, &plugins).unwrap();
    assert_eq!(installed.len(), 4);
    let sum = installed
        .iter()
        .find(|path| path.to_string_lossy().ends_with("_SHA256SUM"));
    let program = fs::read(program).unwrap();
    assert_eq!(fs::read_to_string(sum.unwrap()).unwrap(), sha256(&program));
    // A second installation overwrites the first.
    assert_eq!(install(&installed[0].clone(), &plugins).unwrap(), installed);
    let done = uninstall(&plugins).unwrap();
    assert_eq!((done.removed, done.changed), (installed, vec![]));
    assert_eq!(fs::read_dir(&plugins).unwrap().count(), 0);
    assert_eq!(uninstall(&plugins).unwrap(), Removed::default());
}

#[test]
fn what_somebody_else_put_there_is_neither_replaced_nor_removed() {
    let folder = tempfile::tempdir().unwrap();
    let program = folder.path().join("program");
    fs::write(&program, "program").unwrap();
    let theirs = folder.path().join(LEGACY);
    fs::write(&theirs, "theirs").unwrap();
    let refused = install(&program, folder.path()).unwrap_err().to_string();
    assert!(refused.contains("exists already"), "{refused}");
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 2);
    fs::remove_file(&theirs).unwrap();
    install(&program, folder.path()).unwrap();
    fs::remove_file(&theirs).unwrap();
    fs::write(&theirs, "theirs").unwrap();
    let done = uninstall(folder.path()).unwrap();
    assert_eq!(done.changed, std::slice::from_ref(&theirs));
    assert_eq!(fs::read_to_string(theirs).unwrap(), "theirs");
}

#[test]
fn what_took_the_place_of_a_file_is_told_and_stays() {
    let folder = tempfile::tempdir().unwrap();
    let program = folder.path().join("program");
    fs::write(&program, "program").unwrap();
    let plugins = folder.path().join("plugins");
    let installed = install(&program, &plugins).unwrap();
    fs::remove_file(&installed[3]).unwrap();
    fs::create_dir(&installed[3]).unwrap();
    let done = uninstall(&plugins).unwrap();
    assert_eq!(done.removed, installed[..3]);
    assert_eq!(done.changed, installed[3..]);
}

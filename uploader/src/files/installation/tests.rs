//! Tests installations that something interrupted, and records that somebody changed.

use super::*;

const RECORD: &str = ".record.json";

/// Returns a program under two names, and a text.
fn files(program: &[u8]) -> BTreeMap<PathBuf, Content<'_>> {
    BTreeMap::from([
        ("a/program".into(), Content::Program(program)),
        ("b".into(), Content::Text(sha256(program))),
        ("c".into(), Content::Program(program)),
    ])
}

#[cfg(unix)]
#[test]
fn what_a_killed_run_left_is_removed() {
    let folder = tempfile::tempdir().unwrap();
    let left = format!("{TEMPORARY}0123456789ab{}", temporary::SUFFIX);
    let left = folder.path().join(left);
    fs::write(&left, "half of it").unwrap();
    let installation = Installation::new(folder.path(), RECORD);
    installation.replace(&files(b"program")).unwrap();
    assert!(!left.exists());
}

#[test]
fn an_installation_that_was_stopped_halfway_can_be_done_again_or_taken_back() {
    let folder = tempfile::tempdir().unwrap();
    for (again, kept) in [(true, 3), (false, 0)] {
        let plugins = folder.path().join(format!("plugins-{again}"));
        let installation = Installation::new(&plugins, RECORD);
        let installed = installation.replace(&files(b"old")).unwrap();
        // The record lists the new files, and the first of them is written.
        let new = files(b"new");
        let mut record = installation.read().unwrap();
        for (name, content) in &new {
            let digests = record.files.get_mut(name).unwrap();
            digests.insert(sha256(content.bytes()));
        }
        installation.write(&record).unwrap();
        for (name, content) in new.iter().take(1) {
            put(&plugins.join(name), content, &mut None).unwrap();
        }
        assert_eq!(fs::read_to_string(&installed[0]).unwrap(), "new");
        assert_eq!(fs::read_to_string(&installed[2]).unwrap(), "old");
        if again {
            assert_eq!(installation.replace(&new).unwrap(), installed);
            assert_eq!(fs::read_to_string(&installed[2]).unwrap(), "new");
        } else {
            assert_eq!(installation.uninstall().unwrap().removed, installed);
        }
        assert_eq!(installed.iter().filter(|path| path.exists()).count(), kept);
    }
}

#[test]
fn what_was_installed_before_stays_until_it_is_replaced() {
    let folder = tempfile::tempdir().unwrap();
    let installation = Installation::new(folder.path(), RECORD);
    let one = |name: &str| BTreeMap::from([(name.into(), Content::Text(sha256(b"x")))]);
    let first = installation.install(&one("linux.zip")).unwrap();
    let second = installation.install(&one("darwin.zip")).unwrap();
    assert!(first[0].exists() && second[0].exists());
    installation.replace(&one("darwin.zip")).unwrap();
    assert!(!first[0].exists() && second[0].exists());
    installation.install(&one("linux.zip")).unwrap();
    let removed = installation.uninstall().unwrap().removed;
    assert_eq!(removed.len(), 2, "{removed:?}");
}

#[test]
fn a_record_cannot_reach_out_of_its_folder() {
    let folder = tempfile::tempdir().unwrap();
    let victim = folder.path().join("victim");
    fs::write(&victim, "theirs").unwrap();
    let plugins = folder.path().join("plugins");
    fs::create_dir(&plugins).unwrap();
    let installation = Installation::new(&plugins, RECORD);
    let mut record = Record::default();
    for name in ["../victim".into(), victim.clone()] {
        record
            .files
            .insert(name, BTreeSet::from([sha256(b"theirs")]));
    }
    installation.write(&record).unwrap();
    assert_eq!(installation.uninstall().unwrap(), Removed::default());
    assert!(victim.exists());
}

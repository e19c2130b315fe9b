//! Puts the program where the installed Packer looks for plugins, under each name that one version or
//! another looks for, and takes it away again.
//!
//! What was put there is written down in a record beside it. Only what stands in the record, and is
//! still what it was, is ever replaced or removed.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::fmt;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use crate::error::{Cause, Error, Phase};

/// For Packer up to 1.6.
const LEGACY: &str = "packer-post-processor-atlas";
/// For Packer from 1.7.
const PLUGIN: &str = "packer-plugin-atlas";
/// For Packer from 1.11: the source that `required_plugins` names.
const SOURCE: &str = "github.com/atlas-uploader/atlas";
/// As [`super::server::description`] says it.
const API: &str = "x5.0";
const RECORD: &str = ".atlas-upload-installed.json";

/// A version of Packer, such as 1.6.6; what comes after the numbers makes no difference here.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct PackerVersion {
    major: u64,
    minor: u64,
    patch: u64,
}

impl PackerVersion {
    const fn new(major: u64, minor: u64) -> Self {
        let patch = 0;
        Self {
            major,
            minor,
            patch,
        }
    }

    /// What `packer version` prints on its first line: `Packer v1.6.6`.
    pub fn printed(output: &str) -> Option<Self> {
        let line = output.lines().find(|line| line.starts_with("Packer v"))?;
        line.trim_start_matches("Packer v").parse().ok()
    }

    /// Whether it speaks the plugins' protocol that this program speaks.
    pub fn is_supported(self) -> bool {
        self >= Self::new(1, 5)
    }
}

impl fmt::Display for PackerVersion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}.{}", self.major, self.minor, self.patch)
    }
}

impl FromStr for PackerVersion {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        let numbers = text.split(['-', '+', ' ']).next().unwrap_or_default();
        let mut numbers = numbers
            .split('.')
            .map(|number| number.parse().map_err(drop));
        let mut next = || numbers.next().unwrap_or(Err(()));
        Ok(Self {
            major: next()?,
            minor: next()?,
            patch: next().unwrap_or(0),
        })
    }
}

/// Where this Packer looks for plugins of its user, of the places it knows the one that is meant for
/// that. `variable` is the environment.
pub fn plugin_folder(
    version: PackerVersion,
    variable: impl Fn(&str) -> Option<OsString>,
) -> Option<PathBuf> {
    let set = |name: &str| variable(name).filter(|value| !value.is_empty());
    if let Some(path) = set("PACKER_PLUGIN_PATH") {
        return std::env::split_paths(&path).next();
    }
    if let Some(folder) = set("PACKER_CONFIG_DIR") {
        return Some(Path::new(&folder).join(".packer.d").join("plugins"));
    }
    let home = PathBuf::from(set("HOME").or_else(|| set("USERPROFILE"))?);
    let dotted = home.join(".packer.d");
    if version < PackerVersion::new(1, 7) || dotted.is_dir() {
        return Some(dotted.join("plugins"));
    }
    let config = set("XDG_CONFIG_HOME").map_or_else(|| home.join(".config"), PathBuf::from);
    Some(config.join("packer").join("plugins"))
}

/// What was put where, by the path within the folder, with its SHA-256.
#[derive(Debug, Default, Serialize, Deserialize)]
struct Record {
    files: BTreeMap<PathBuf, String>,
}

/// What became of the files of an installation.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Removed {
    /// These are gone.
    pub removed: Vec<PathBuf>,
    /// These are no longer what was installed, and stay.
    pub changed: Vec<PathBuf>,
}

/// Copies `program` into the folder, under all its names, in the place of what an earlier
/// installation left there. Returns the files. Blocks.
///
/// # Errors
/// [`Phase::Install`]: a file cannot be read or written, or something else has one of the names; then
/// nothing was changed.
pub fn install(program: &Path, folder: &Path) -> Result<Vec<PathBuf>, Error> {
    let bytes = fs::read(program).map_err(|error| failed(program, error))?;
    let digest = sha256(&bytes);
    let files = files(&bytes, &digest);
    let record = Record::read(folder)?;
    for name in files.keys() {
        let path = folder.join(name);
        if path.symlink_metadata().is_ok() && !record.is_as_installed(folder, name)? {
            let reason = "is there already, and was not put there by this program as it is now; remove it first";
            return Err(failed(&path, io::Error::other(reason)));
        }
    }
    // What the earlier version had under a name of its own would be found beside the new one.
    uninstall(folder)?;
    let mut installed = Record::default();
    let mut first = None;
    for (name, content) in &files {
        let path = folder.join(name);
        put(&path, content, &mut first).map_err(|error| failed(&path, error))?;
        let digest = match content {
            Content::Program(_) => digest.clone(),
            Content::Text(text) => sha256(text.as_bytes()),
        };
        installed.files.insert(name.clone(), digest);
    }
    installed.write(folder)?;
    Ok(files.keys().map(|name| folder.join(name)).collect())
}

/// Removes what [`install`] put into the folder. Blocks.
///
/// # Errors
/// [`Phase::Install`]: a file cannot be read or removed.
pub fn uninstall(folder: &Path) -> Result<Removed, Error> {
    let record = Record::read(folder)?;
    let mut done = Removed::default();
    for name in record.files.keys() {
        let path = folder.join(name);
        if path.symlink_metadata().is_err() {
            continue;
        }
        if record.is_as_installed(folder, name)? {
            fs::remove_file(&path).map_err(|error| failed(&path, error))?;
            remove_empty_folders(&path, folder);
            done.removed.push(path);
        } else {
            done.changed.push(path);
        }
    }
    let path = folder.join(RECORD);
    match fs::remove_file(&path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(failed(&path, error)),
        _ => Ok(done),
    }
}

enum Content<'a> {
    Program(&'a [u8]),
    Text(String),
}

impl Content<'_> {
    fn bytes(&self) -> &[u8] {
        match self {
            Self::Program(bytes) => bytes,
            Self::Text(text) => text.as_bytes(),
        }
    }
}

/// The names within the folder, and what stands under each.
fn files<'a>(program: &'a [u8], digest: &str) -> BTreeMap<PathBuf, Content<'a>> {
    let suffix = std::env::consts::EXE_SUFFIX;
    let (version, system, machine) = (env!("CARGO_PKG_VERSION"), go_system(), go_machine());
    let versioned = format!("{SOURCE}/{PLUGIN}_v{version}_{API}_{system}_{machine}{suffix}");
    BTreeMap::from([
        (
            format!("{LEGACY}{suffix}").into(),
            Content::Program(program),
        ),
        (
            format!("{PLUGIN}{suffix}").into(),
            Content::Program(program),
        ),
        (
            format!("{versioned}_SHA256SUM").into(),
            Content::Text(digest.to_owned()),
        ),
        (versioned.into(), Content::Program(program)),
    ])
}

/// As Go calls it.
fn go_system() -> &'static str {
    match std::env::consts::OS {
        "macos" => "darwin",
        other => other,
    }
}

fn go_machine() -> &'static str {
    match std::env::consts::ARCH {
        "x86_64" => "amd64",
        "aarch64" => "arm64",
        "x86" => "386",
        other => other,
    }
}

/// Whole or not at all, since Packer may be looking. The program takes room once, under all its
/// names, where the file system knows hard links; `first` is the first of them.
fn put(path: &Path, content: &Content<'_>, first: &mut Option<PathBuf>) -> io::Result<()> {
    let folder = path.parent().unwrap_or(Path::new("."));
    fs::create_dir_all(folder)?;
    if let (Content::Program(_), Some(first)) = (content, &first)
        && fs::hard_link(first, path).is_ok()
    {
        return Ok(());
    }
    let mut builder = tempfile::Builder::new();
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt as _;
        let mode = match content {
            Content::Program(_) => 0o755,
            Content::Text(_) => 0o644,
        };
        builder.permissions(fs::Permissions::from_mode(mode));
    }
    let mut file = builder.tempfile_in(folder)?;
    io::Write::write_all(&mut file, content.bytes())?;
    file.persist(path)?;
    if let Content::Program(_) = content {
        *first = Some(path.to_owned());
    }
    Ok(())
}

fn remove_empty_folders(path: &Path, root: &Path) {
    let parents = path.ancestors().skip(1);
    for folder in parents.take_while(|folder| *folder != root) {
        if fs::remove_dir(folder).is_err() {
            return;
        }
    }
}

impl Record {
    fn read(folder: &Path) -> Result<Self, Error> {
        let path = folder.join(RECORD);
        match fs::read(&path) {
            Ok(text) => serde_json::from_slice(&text).map_err(|error| failed(&path, error.into())),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Self::default()),
            Err(error) => Err(failed(&path, error)),
        }
    }

    fn write(&self, folder: &Path) -> Result<(), Error> {
        let path = folder.join(RECORD);
        let text = serde_json::to_string_pretty(self).map_err(|error| failed(&path, error.into()));
        put(&path, &Content::Text(text?), &mut None).map_err(|error| failed(&path, error))
    }

    fn is_as_installed(&self, folder: &Path, name: &Path) -> Result<bool, Error> {
        let Some(digest) = self.files.get(name) else {
            return Ok(false);
        };
        let path = folder.join(name);
        let bytes = fs::read(&path).map_err(|error| failed(&path, error))?;
        Ok(sha256(&bytes) == *digest)
    }
}

/// In hexadecimal digits, as Packer reads it.
fn sha256(bytes: &[u8]) -> String {
    let digest = Sha256::digest(bytes);
    digest.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn failed(path: &Path, error: io::Error) -> Error {
    Error::new(Phase::Install, Cause::file(path, error))
}

#[cfg(test)]
mod tests {
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
        let xdg = home.join(".config/packer/plugins");
        assert_eq!(folder_of("1.7.0", &variables).unwrap(), xdg);
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
        assert!(version.is_supported());
        assert!(
            PackerVersion::printed("Packer v1.12.0-dev (abc)")
                .unwrap()
                .is_supported()
        );
        assert!(!"1.2.5".parse::<PackerVersion>().unwrap().is_supported());
        assert_eq!(PackerVersion::printed("packer: not found"), None);
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
        // Again, over itself.
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
        assert!(refused.contains("is there already"), "{refused}");
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 2);
        fs::remove_file(&theirs).unwrap();
        install(&program, folder.path()).unwrap();
        fs::remove_file(&theirs).unwrap();
        fs::write(&theirs, "theirs").unwrap();
        let done = uninstall(folder.path()).unwrap();
        assert_eq!(done.changed, std::slice::from_ref(&theirs));
        assert_eq!(fs::read_to_string(theirs).unwrap(), "theirs");
    }
}

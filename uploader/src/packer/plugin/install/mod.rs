//! Installs the program in the folder where Packer looks for plugins, under the name that each version
//! of Packer expects, and uninstalls it.
//!
//! A record in the folder lists the installed files with their digests. Only files that are listed and
//! unchanged are ever replaced or removed.

use std::collections::{BTreeMap, BTreeSet};
use std::ffi::OsString;
use std::fmt;
use std::fs;
use std::io;
use std::path::{Component, Path, PathBuf};
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use crate::base::error::{Cause, Error, Phase};
use crate::files::temporary;

/// The file name for Packer up to 1.6.
const LEGACY: &str = "packer-post-processor-atlas";
/// The file name for Packer from 1.7.
const PLUGIN: &str = "packer-plugin-atlas";
/// The source address for Packer from 1.11, as `required_plugins` names it.
const SOURCE: &str = "github.com/atlas-uploader/atlas";
/// The API version, which [`super::server::description`] declares too.
const API: &str = "x5.0";
const RECORD: &str = ".atlas-upload-installed.json";
/// The prefix of the temporary name under which each file is written before it is renamed.
const TEMPORARY: &str = ".atlas-install-";

/// A version of Packer, such as 1.6.6. A suffix after the numbers is ignored.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct PackerVersion {
    major: u64,
    minor: u64,
    patch: u64,
}

impl PackerVersion {
    const fn new(major: u64, minor: u64, patch: u64) -> Self {
        Self {
            major,
            minor,
            patch,
        }
    }

    /// Reads the version from the output of `packer version`, such as `Packer v1.6.6`.
    pub fn printed(output: &str) -> Option<Self> {
        let line = output.lines().find(|line| line.starts_with("Packer v"))?;
        line.trim_start_matches("Packer v").parse().ok()
    }

    /// Returns the reason why this Packer cannot use the plugin, or `None` if it can.
    pub fn refusal(self) -> Option<String> {
        let reason = if self >= Self::new(1, 5, 2) {
            return None;
        } else if self >= Self::new(1, 5, 0) {
            "cannot load any plugin, because of a bug"
        } else if self >= Self::new(1, 3, 0) {
            "speaks an older protocol with its plugins"
        } else {
            "speaks an older protocol with its plugins, and has the atlas post-processor built in"
        };
        Some(format!(
            "Packer {self} {reason}; 1.5.2 and later can use this plugin"
        ))
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

/// Returns the folder in which this version of Packer looks for its user's own plugins, among all
/// folders that it searches. The rules are those for Unix. `variable` reads the environment.
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
    let home = PathBuf::from(set("HOME")?);
    let dotted = home.join(".packer.d");
    // Packer knows the XDG folder since 1.7.5, and searches it only if this one does not exist.
    if version < PackerVersion::new(1, 7, 5) || dotted.is_dir() {
        return Some(dotted.join("plugins"));
    }
    let config = set("XDG_CONFIG_HOME").map_or_else(|| home.join(".config"), PathBuf::from);
    Some(config.join("packer").join("plugins"))
}

/// The installed files: for each path within the folder, the SHA-256 of each content that was written or
/// is about to be.
#[derive(Debug, Default, Serialize, Deserialize)]
struct Record {
    files: BTreeMap<PathBuf, BTreeSet<String>>,
}

/// The result of an uninstallation.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Removed {
    /// The files that were removed.
    pub removed: Vec<PathBuf>,
    /// The files that have changed since they were installed, and therefore stay.
    pub changed: Vec<PathBuf>,
}

/// Copies `program` into the folder under all its names, replaces the files of an earlier installation,
/// and returns the paths. The call blocks. An interrupted installation can be repeated.
///
/// # Errors
/// Fails with [`Phase::Install`] when a file cannot be read or written (each file is then the old or the
/// new one), or when a foreign file has one of the names (nothing is changed then).
pub fn install(program: &Path, folder: &Path) -> Result<Vec<PathBuf>, Error> {
    let bytes = fs::read(program).map_err(|error| failed(program, error))?;
    let files = files(&bytes, &sha256(&bytes));
    let mut record = Record::read(folder)?;
    for name in files.keys() {
        let path = folder.join(name);
        if path.symlink_metadata().is_ok() && !record.is_ours(folder, name) {
            let reason = "exists already, and is not as this program installed it; remove it first";
            return Err(failed(&path, io::Error::other(reason)));
        }
    }
    for (name, content) in &files {
        let digests = record.files.entry(name.clone()).or_default();
        digests.insert(sha256(content.bytes()));
    }
    record.write(folder)?;
    let mut first = None;
    for (name, content) in &files {
        let path = folder.join(name);
        put(&path, content, &mut first).map_err(|error| failed(&path, error))?;
    }
    // Packer would find an earlier version's own names beside the new ones.
    let names = record
        .files
        .keys()
        .filter(|name| !files.contains_key(*name));
    for name in names.cloned().collect::<Vec<_>>() {
        record.remove(folder, &name, &mut Removed::default())?;
    }
    record.files.retain(|name, _| files.contains_key(name));
    record.write(folder)?;
    Ok(files.keys().map(|name| folder.join(name)).collect())
}

/// Removes the files that [`install`] wrote into the folder, if they are unchanged. The call blocks.
///
/// # Errors
/// Fails with [`Phase::Install`] when the record cannot be read, or a file cannot be removed.
pub fn uninstall(folder: &Path) -> Result<Removed, Error> {
    let record = Record::read(folder)?;
    let mut done = Removed::default();
    for name in record.files.keys() {
        record.remove(folder, name, &mut done)?;
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

    #[cfg(unix)]
    fn permissions(&self) -> fs::Permissions {
        use std::os::unix::fs::PermissionsExt as _;
        fs::Permissions::from_mode(match self {
            Self::Program(_) => 0o755,
            Self::Text(_) => 0o644,
        })
    }
}

/// Returns the paths within the folder, and the content of each.
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

/// Returns Go's name of the operating system.
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

/// Writes a file atomically, since Packer may be reading. Where the file system supports hard links, the
/// program is stored once and linked under its other names; `first` is its first path.
fn put(path: &Path, content: &Content<'_>, first: &mut Option<PathBuf>) -> io::Result<()> {
    let folder = temporary::parent(path);
    fs::create_dir_all(folder)?;
    temporary::remove_abandoned(folder, TEMPORARY);
    if let (Content::Program(_), Some(first)) = (content, &first) {
        let linked =
            temporary::builder(TEMPORARY).make_in(folder, |path| fs::hard_link(first, path));
        if let Ok(linked) = linked {
            linked.into_temp_path().persist(path)?;
            return Ok(());
        }
    }
    let mut file = temporary::builder(TEMPORARY);
    #[cfg(unix)]
    file.permissions(content.permissions());
    let mut file = temporary::file(folder, &mut file)?;
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

    /// Returns whether a file is unchanged since it was installed. An unreadable file counts as changed.
    fn is_ours(&self, folder: &Path, name: &Path) -> bool {
        let digests = self.files.get(name);
        let bytes = fs::read(folder.join(name));
        // A symbolic link would lead to a foreign file.
        let is_file = folder
            .join(name)
            .symlink_metadata()
            .is_ok_and(|found| found.is_file());
        digests
            .zip(bytes.ok())
            .is_some_and(|(digests, bytes)| is_file && digests.contains(&sha256(&bytes)))
    }

    fn remove(&self, folder: &Path, name: &Path, done: &mut Removed) -> Result<(), Error> {
        // A record that was edited by hand must not reach other folders.
        let is_inside = name
            .components()
            .all(|part| matches!(part, Component::Normal(_)));
        let path = folder.join(name);
        if !is_inside || path.symlink_metadata().is_err() {
            return Ok(());
        }
        if !self.is_ours(folder, name) {
            done.changed.push(path);
            return Ok(());
        }
        fs::remove_file(&path).map_err(|error| failed(&path, error))?;
        remove_empty_folders(&path, folder);
        done.removed.push(path);
        Ok(())
    }
}

/// Returns the SHA-256 in hexadecimal digits, as Packer reads it.
fn sha256(bytes: &[u8]) -> String {
    let digest = Sha256::digest(bytes);
    digest.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn failed(path: &Path, error: io::Error) -> Error {
    Error::new(Phase::Install, Cause::file(path, error))
}

#[cfg(test)]
mod tests;

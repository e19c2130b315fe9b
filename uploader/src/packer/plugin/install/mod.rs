//! Installs the program in the folder where Packer looks for plugins, under the name that each version
//! of Packer expects, and uninstalls it.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::fmt;
use std::fs;
use std::path::{Path, PathBuf};
use std::str::FromStr;

use crate::base::error::Error;
pub use crate::files::installation::Removed;
use crate::files::installation::{Content, Installation, failed, go_machine, go_system, sha256};

/// The file name for Packer up to 1.6.
const LEGACY: &str = "packer-post-processor-atlas";
/// The file name for Packer from 1.7.
const PLUGIN: &str = "packer-plugin-atlas";
/// The source address for Packer from 1.11, as `required_plugins` names it.
const SOURCE: &str = "github.com/atlas-uploader/atlas";
/// The API version, which [`super::server::description`] declares too.
const API: &str = "x5.0";
const RECORD: &str = ".atlas-upload-installed.json";

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

/// Copies `program` into the folder under all its names, replaces the files of an earlier installation,
/// and returns the paths. The call blocks. An interrupted installation can be repeated.
///
/// # Errors
/// Fails with [`Phase::Install`](crate::base::error::Phase::Install) when a file cannot be read or written (each file
/// is then the old or the new one), or when a foreign file has one of the names (nothing is changed then).
pub fn install(program: &Path, folder: &Path) -> Result<Vec<PathBuf>, Error> {
    let bytes = fs::read(program).map_err(|error| failed(program, error))?;
    Installation::new(folder, RECORD).replace(&files(&bytes))
}

/// Removes the files that [`install`] wrote into the folder, if they are unchanged. The call blocks.
///
/// # Errors
/// Fails with [`Phase::Install`](crate::base::error::Phase::Install) when the record cannot be read, or a file cannot
/// be removed.
pub fn uninstall(folder: &Path) -> Result<Removed, Error> {
    Installation::new(folder, RECORD).uninstall()
}

/// Returns the paths within the folder, and the content of each.
fn files(program: &[u8]) -> BTreeMap<PathBuf, Content<'_>> {
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
            Content::Text(sha256(program)),
        ),
        (versioned.into(), Content::Program(program)),
    ])
}

#[cfg(test)]
mod tests;

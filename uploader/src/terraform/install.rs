//! Installs the program where Terraform looks for providers, and uninstalls it.
//!
//! Evidence: Terraform's documentation of `provider_installation`, and runs of Terraform 1.11.4. A configuration
//! without `required_providers` means [`SOURCE`].

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::fs;
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use flate2::Compression;
use flate2::write::DeflateEncoder;
use rawzip::{CompressionMethod, ZipArchiveWriter};

use crate::base::error::Error;
pub use crate::files::installation::Removed;
use crate::files::installation::{Content, Installation, failed, go_machine, go_system};

/// The address of the provider for a configuration that gives none.
pub const SOURCE: &str = "registry.terraform.io/hashicorp/atlas";
/// The name of a provider's program.
const PROGRAM: &str = "terraform-provider-atlas";
/// The record of what was installed.
const RECORD: &str = ".atlas-upload-terraform.json";
const VERSION: &str = env!("CARGO_PKG_VERSION");

/// The way in which a folder serves Terraform.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Place {
    /// A folder of plugins, in which Terraform looks without any setting: each provider is unpacked in its place.
    Plugins(PathBuf),
    /// A mirror, which several machines may share: each provider is an archive for one system.
    Mirror(PathBuf),
    /// A folder with the program alone, for `dev_overrides`.
    Override(PathBuf),
}

impl Place {
    /// Returns the folder of plugins of the current user; `None` without a home. `variable` reads the environment.
    pub fn of_user(variable: impl Fn(&str) -> Option<OsString>) -> Option<Self> {
        let home = variable("HOME").filter(|home| !home.is_empty())?;
        Some(Self::Plugins(
            Path::new(&home).join(".terraform.d").join("plugins"),
        ))
    }

    /// Returns the folder.
    pub fn folder(&self) -> &Path {
        match self {
            Self::Plugins(folder) | Self::Mirror(folder) | Self::Override(folder) => folder,
        }
    }

    /// Returns what Terraform's own configuration (`~/.terraformrc`) must say, or `None` if it needs nothing.
    pub fn settings(&self) -> Option<String> {
        let folder = self.folder().to_string_lossy();
        let folder = quoted(&folder);
        match self {
            Self::Plugins(_) => None,
            Self::Mirror(_) => Some(format!(
                "provider_installation {{\n  filesystem_mirror {{\n    path    = {folder}\n    include = [\"{SOURCE}\"]\n  }}\n  direct {{\n    exclude = [\"{SOURCE}\"]\n  }}\n}}"
            )),
            Self::Override(_) => Some(format!(
                "provider_installation {{\n  dev_overrides {{\n    \"{SOURCE}\" = {folder}\n  }}\n  direct {{}}\n}}"
            )),
        }
    }

    /// Copies `program` into the folder, replaces the files of an earlier installation, and returns the paths. The call
    /// blocks. An interrupted installation can be repeated.
    ///
    /// # Errors
    /// Fails with [`Phase::Install`](crate::base::error::Phase::Install) when a file cannot be read or written, or when
    /// a foreign file has the name (nothing is changed then).
    pub fn install(&self, program: &Path) -> Result<Vec<PathBuf>, Error> {
        let bytes = fs::read(program).map_err(|error| failed(program, error))?;
        let (system, machine) = (go_system(), go_machine());
        let suffix = std::env::consts::EXE_SUFFIX;
        let full = format!("{PROGRAM}_v{VERSION}{suffix}");
        let (name, content) = match self {
            Self::Plugins(_) => (
                format!("{SOURCE}/{VERSION}/{system}_{machine}/{full}"),
                Content::Program(&bytes),
            ),
            Self::Mirror(folder) => (
                format!("{SOURCE}/{PROGRAM}_{VERSION}_{system}_{machine}.zip"),
                Content::Bytes(archive(&full, &bytes).map_err(|error| failed(folder, error))?),
            ),
            Self::Override(_) => (format!("{PROGRAM}{suffix}"), Content::Program(&bytes)),
        };
        let files = BTreeMap::from([(name.into(), content)]);
        Installation::new(self.folder(), RECORD).install(&files)
    }

    /// Removes the files that [`Self::install`] wrote into the folder, if they are unchanged. The call blocks.
    ///
    /// # Errors
    /// Fails with [`Phase::Install`](crate::base::error::Phase::Install) when the record cannot be read, or a file
    /// cannot be removed.
    pub fn uninstall(&self) -> Result<Removed, Error> {
        Installation::new(self.folder(), RECORD).uninstall()
    }
}

/// Returns an archive of the program. The same program gives the same bytes, since Terraform remembers their digest.
fn archive(name: &str, program: &[u8]) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    let mut archive = ZipArchiveWriter::new(&mut bytes);
    let file = archive.new_file(name).unix_permissions(0o755);
    let file = file.compression_method(CompressionMethod::DEFLATE);
    let (mut entry, config) = file.start().map_err(io::Error::other)?;
    let encoder = DeflateEncoder::new(&mut entry, Compression::fast());
    let mut writer = config.wrap(encoder);
    writer.write_all(program)?;
    let (encoder, descriptor) = writer.finish().map_err(io::Error::other)?;
    encoder.finish()?;
    entry.finish(descriptor).map_err(io::Error::other)?;
    archive.finish().map_err(io::Error::other)?;
    Ok(bytes)
}

/// Returns a text of Terraform's language.
fn quoted(text: &str) -> String {
    let escaped = text.replace('\\', "\\\\").replace('"', "\\\"");
    format!("\"{}\"", escaped.replace("${", "$${").replace("%{", "%%{"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_place_has_the_layout_that_terraform_reads() {
        let folder = tempfile::tempdir().unwrap();
        let program = folder.path().join("program");
        fs::write(&program, "program").unwrap();
        let platform = format!("{}_{}", go_system(), go_machine());
        let at = |name: &str| folder.path().join(name);
        for (place, path) in [
            (
                Place::Plugins(at("plugins")),
                format!("plugins/{SOURCE}/{VERSION}/{platform}/{PROGRAM}_v{VERSION}"),
            ),
            (
                Place::Mirror(at("mirror")),
                format!("mirror/{SOURCE}/{PROGRAM}_{VERSION}_{platform}.zip"),
            ),
            (Place::Override(at("bin")), format!("bin/{PROGRAM}")),
        ] {
            let path = at(&format!("{path}{}", std::env::consts::EXE_SUFFIX));
            let paths = vec![path];
            assert_eq!(place.install(&program).unwrap(), paths);
            let first = fs::read(&paths[0]).unwrap();
            assert_eq!(place.install(&program).unwrap(), paths);
            assert_eq!(fs::read(&paths[0]).unwrap(), first, "not the same bytes");
            assert_eq!(place.uninstall().unwrap().removed, paths);
            assert_eq!(fs::read_dir(place.folder()).unwrap().count(), 0);
        }
    }

    #[test]
    fn the_settings_name_the_folder() {
        assert_eq!(Place::Plugins("/p".into()).settings(), None);
        let mirror = Place::Mirror("/a \"b\"".into()).settings().unwrap();
        assert!(mirror.contains(r#"path    = "/a \"b\"""#), "{mirror}");
        let own = Place::Override("/${bin}".into()).settings().unwrap();
        assert!(
            own.contains(r#""registry.terraform.io/hashicorp/atlas" = "/$${bin}""#),
            "{own}"
        );
    }

    #[test]
    fn without_a_home_there_is_no_place() {
        let home = |_: &str| Some("/home/u".into());
        let plugins = Place::Plugins("/home/u/.terraform.d/plugins".into());
        assert_eq!(Place::of_user(home), Some(plugins));
        assert_eq!(Place::of_user(|_| None), None);
    }
}

//! Runs the program as Packer starts it, under the name of a plugin.

use std::ffi::{OsStr, OsString};
use std::path::Path;

use atlas_uploader::base::exit_code::ExitCode;
use atlas_uploader::packer::plugin::server::{COOKIE, Plugin, Start, description};
use atlas_uploader::packer::plugin::spec::Encoding;

use crate::cli::output::console::Console;
use crate::cli::output::logging;
use crate::cli::signals;

/// The beginning of the plugin's first line of log, which `doctor` looks for.
pub(in crate::cli) const STARTED: &str = "atlas-upload as a plugin of Packer: ";
/// The log level of `-v`, which shows the program's own requests.
const VERBOSE: u8 = 1;

/// The role in which Packer started the program.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::cli) enum Role {
    Describe,
    Serve(Start),
    /// A person or a future version of Packer started the program.
    Unknown,
}

impl Role {
    /// Returns the role by the program's name, or `None` for its own name.
    pub(in crate::cli) fn of(arguments: &[OsString]) -> Option<Self> {
        let (program, rest) = arguments.split_first()?;
        let name = Path::new(program).file_name()?.to_str()?;
        if name.starts_with("packer-post-processor-") {
            return Some(Self::Serve(Start::Legacy));
        }
        if !name.starts_with("packer-plugin-") {
            return None;
        }
        let rest: Vec<_> = rest
            .iter()
            .filter_map(|argument| argument.to_str())
            .collect();
        let is_protobuf = rest.contains(&"--protobuf");
        Some(match rest[..] {
            ["describe"] => Self::Describe,
            ["start", "post-processor", ..] => Self::Serve(Start::Component(match is_protobuf {
                true => Encoding::Protobuf,
                false => Encoding::Gob,
            })),
            _ => Self::Unknown,
        })
    }

    pub(in crate::cli) fn play(self, console: &Console) -> ExitCode {
        let start = match self {
            Self::Describe => return ended(console.out(&description())),
            Self::Serve(start) if is_packer() => start,
            Self::Serve(_) | Self::Unknown => {
                console.error(
                    "this program is a plugin, which Packer starts by itself",
                    &["use it in a template as the post-processor atlas; under the name atlas-upload, it is a separate program".to_owned()],
                );
                return ExitCode::Other;
            }
        };
        logging::start(VERBOSE, console.redactor());
        let program = std::env::current_exe().unwrap_or_default();
        tracing::debug!(target: "atlas_uploader", "{STARTED}{}", program.display());
        match serve(start, console) {
            Ok(()) => ExitCode::Success,
            Err(error) => {
                tracing::debug!(%error, "the plugin ends");
                ExitCode::Other
            }
        }
    }
}

fn ended(result: Result<(), atlas_uploader::Error>) -> ExitCode {
    result.map_or_else(|error| ExitCode::from(&error), |()| ExitCode::Success)
}

fn is_packer() -> bool {
    let (name, value) = COOKIE;
    std::env::var_os(name).as_deref() == Some(OsStr::new(value))
}

fn serve(start: Start, console: &Console) -> std::io::Result<()> {
    signals::leave_to_parent()?;
    let runtime = tokio::runtime::Runtime::new()?;
    let served = runtime.block_on(async {
        let plugin = Plugin::listen(start).await?;
        console
            .out(&plugin.handshake()?)
            .map_err(std::io::Error::other)?;
        plugin.serve(console.redactor().clone()).await
    });
    // Files that are still being packed are abandoned.
    runtime.shutdown_background();
    served
}

#[cfg(test)]
mod tests {
    use super::*;

    fn role(line: &str) -> Option<Role> {
        let arguments: Vec<_> = line.split(' ').map(OsString::from).collect();
        Role::of(&arguments)
    }

    #[test]
    fn the_name_and_the_arguments_say_what_packer_wants() {
        let (legacy, gob) = (Start::Legacy, Start::Component(Encoding::Gob));
        let protobuf = Start::Component(Encoding::Protobuf);
        let name = "-plugin-name-";
        for (line, expected) in [
            ("/x/atlas-upload describe".to_owned(), None),
            (
                "/x/packer-post-processor-atlas".to_owned(),
                Some(Role::Serve(legacy)),
            ),
            (
                "packer-plugin-atlas describe".to_owned(),
                Some(Role::Describe),
            ),
            (
                format!("packer-plugin-atlas_v0.1.0_x5.0_linux_amd64 start post-processor {name}"),
                Some(Role::Serve(gob)),
            ),
            (
                format!("packer-plugin-atlas start post-processor --protobuf {name}"),
                Some(Role::Serve(protobuf)),
            ),
            (
                format!("packer-plugin-atlas start builder {name}"),
                Some(Role::Unknown),
            ),
            ("packer-plugin-atlas".to_owned(), Some(Role::Unknown)),
        ] {
            assert_eq!(role(&line), expected, "{line}");
        }
    }
}

//! Settings, and where each came from: a flag over a template over a variable over the default. A
//! variable that is set to nothing counts as unset. The variables are those of HashiCorp's own
//! clients.

pub mod hints;

use std::ffi::{OsStr, OsString};
use std::fmt;
use std::path::PathBuf;

use crate::api::Trust;
use crate::api::atlas_url::{AtlasUrl, AtlasUrlError, DEFAULT_ATLAS_URL};
use crate::base::secret::{InvalidToken, Token};

/// The variable of the token.
pub const TOKEN_VARIABLE: &str = "ATLAS_TOKEN";
/// The variable of the address.
pub const ADDRESS_VARIABLE: &str = "ATLAS_ADDRESS";

const TOKEN: Name = Name::new("--token", TOKEN_VARIABLE);
const ADDRESS: Name = Name::new("--atlas-url", ADDRESS_VARIABLE);
const CA_FILE: Name = Name::new("--ca-file", "ATLAS_CAFILE");
const CA_PATH: Name = Name::new("--ca-path", "ATLAS_CAPATH");
// Atlas had none; named as those of HashiCorp's other clients, such as VAULT_CLIENT_CERT.
const CLIENT_CERT: Name = Name::new("--client-cert", "ATLAS_CLIENT_CERT");
const CLIENT_KEY: Name = Name::new("--client-key", "ATLAS_CLIENT_KEY");
const INSECURE: Name = Name::new("--insecure", "ATLAS_TLS_NOVERIFY");
const ALLOW_HTTP_UPLOAD: Name = Name::new("--allow-http-upload", "ATLAS_ALLOW_HTTP_UPLOAD");
const BUILD_ID: Name = Name::new("--build-id", "ATLAS_BUILD_ID");
const COMPILE_ID: Name = Name::new("--compile-id", "ATLAS_COMPILE_ID");

/// Where a value came from. Prints as the flag or the variable to look at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Origin {
    /// A flag of the command line.
    Flag(&'static str),
    /// A variable of the environment.
    Variable(&'static str),
    /// A key of a template's post-processor.
    Template(&'static str),
    /// Nobody said anything.
    Default,
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Flag(name) => write!(f, "the flag {name}"),
            Self::Variable(name) => write!(f, "the variable {name}"),
            Self::Template(key) => write!(f, "the template's {key}"),
            Self::Default => f.write_str("the default"),
        }
    }
}

/// A value, and where it came from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Setting<T> {
    /// The value.
    pub value: T,
    /// Where it came from.
    pub origin: Origin,
}

impl<T> Setting<T> {
    fn try_map<U, E>(
        self,
        parse: impl FnOnce(T) -> Result<U, E>,
    ) -> Result<Setting<U>, (Origin, E)> {
        let origin = self.origin;
        match parse(self.value) {
            Ok(value) => Ok(Setting { value, origin }),
            Err(error) => Err((origin, error)),
        }
    }
}

/// What the command line says.
#[derive(Debug, Clone, Default)]
pub struct Flags {
    /// `--atlas-url`
    pub atlas_url: Option<String>,
    /// `--token`
    pub token: Option<String>,
    /// `--ca-file`
    pub ca_file: Option<PathBuf>,
    /// `--ca-path`
    pub ca_path: Option<PathBuf>,
    /// `--client-cert`
    pub client_cert: Option<PathBuf>,
    /// `--client-key`
    pub client_key: Option<PathBuf>,
    /// `--insecure`
    pub insecure: bool,
    /// `--allow-http-upload`
    pub allow_http_upload: bool,
}

/// The settings every subcommand shares.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Config {
    /// Which Atlas.
    pub atlas_url: Setting<AtlasUrl>,
    /// The token, if there is one anywhere.
    pub token: Option<Setting<Token>>,
    /// More CA certificates, in a file.
    pub ca_file: Option<Setting<PathBuf>>,
    /// More CA certificates, in a folder.
    pub ca_path: Option<Setting<PathBuf>>,
    /// The certificate that is shown to a server.
    pub client_cert: Option<Setting<PathBuf>>,
    /// Its key.
    pub client_key: Option<Setting<PathBuf>>,
    /// Whether any server is believed.
    pub insecure: Setting<bool>,
    /// It says whether bytes may go to an address without TLS, behind an Atlas with it.
    pub allow_http_upload: Setting<bool>,
}

impl Config {
    /// Brings flags, variables and defaults together. `variable` is the environment.
    ///
    /// # Errors
    /// A value that is empty (for a flag), no text, or malformed; the message names the flag or the
    /// variable, and repeats neither a token nor an address.
    pub fn resolve(
        flags: Flags,
        variable: impl Fn(&str) -> Option<OsString>,
    ) -> Result<Self, ConfigError> {
        let environment: &dyn Fn(&str) -> Option<OsString> = &variable;
        let address = ADDRESS
            .text(flags.atlas_url, environment)?
            .unwrap_or(Setting {
                value: DEFAULT_ATLAS_URL.to_owned(),
                origin: Origin::Default,
            });
        let token = TOKEN.text(flags.token, environment)?;
        let path =
            |name: Name, flag: Option<PathBuf>| name.value(flag.map(Into::into), environment);
        let client_cert = path(CLIENT_CERT, flags.client_cert)?.map(into_path);
        let client_key = path(CLIENT_KEY, flags.client_key)?.map(into_path);
        if let (None, Some(key)) = (&client_cert, &client_key) {
            return Err(ConfigError::KeyAlone(key.origin));
        }
        Ok(Self {
            client_cert,
            client_key,
            atlas_url: address
                .try_map(|text| text.parse())
                .map_err(|(origin, reason)| ConfigError::Address { origin, reason })?,
            token: token
                .map(|token| token.try_map(|text| Token::new(&text)))
                .transpose()
                .map_err(|(origin, reason)| ConfigError::Token { origin, reason })?,
            ca_file: path(CA_FILE, flags.ca_file)?.map(into_path),
            ca_path: path(CA_PATH, flags.ca_path)?.map(into_path),
            insecure: INSECURE.switch(flags.insecure, environment),
            allow_http_upload: ALLOW_HTTP_UPLOAD.choice(flags.allow_http_upload, environment),
        })
    }

    /// These settings with what a template says, which goes over variables and under flags.
    #[must_use]
    pub fn with_template(
        mut self,
        token: Option<Token>,
        atlas_url: Option<AtlasUrl>,
        allow_http_upload: Option<bool>,
    ) -> Self {
        let by_flag = |origin: Origin| matches!(origin, Origin::Flag(_));
        if let Some(value) = token
            && !self
                .token
                .as_ref()
                .is_some_and(|token| by_flag(token.origin))
        {
            let origin = Origin::Template("token");
            self.token = Some(Setting { value, origin });
        }
        if let Some(value) = atlas_url
            && !by_flag(self.atlas_url.origin)
        {
            let origin = Origin::Template("atlas_url");
            self.atlas_url = Setting { value, origin };
        }
        if let Some(value) = allow_http_upload
            && !by_flag(self.allow_http_upload.origin)
        {
            let origin = Origin::Template("atlas_upload_allow_http");
            self.allow_http_upload = Setting { value, origin };
        }
        self
    }

    /// Which servers are believed.
    pub fn trust(&self) -> Trust {
        let path =
            |setting: &Option<Setting<PathBuf>>| setting.as_ref().map(|path| path.value.clone());
        Trust {
            ca_file: path(&self.ca_file),
            ca_path: path(&self.ca_path),
            client_cert: path(&self.client_cert),
            client_key: path(&self.client_key),
            insecure: self.insecure.value,
        }
    }
}

/// The build and the compilation a version belongs to; 0 when nobody says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ids {
    /// From `--build-id` or `ATLAS_BUILD_ID`.
    pub build: Setting<u64>,
    /// From `--compile-id` or `ATLAS_COMPILE_ID`.
    pub compile: Setting<u64>,
}

impl Ids {
    /// Brings flags, variables and defaults together.
    ///
    /// # Errors
    /// `Error parsing build ID: …`, in the words of the original, for what is no number.
    pub fn resolve(
        build: Option<String>,
        compile: Option<String>,
        variable: impl Fn(&str) -> Option<OsString>,
    ) -> Result<Self, ConfigError> {
        Ok(Self {
            build: number(BUILD_ID, "build ID", build, &variable)?,
            compile: number(COMPILE_ID, "compile ID", compile, &variable)?,
        })
    }
}

/// A setting that makes no sense.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ConfigError {
    /// A flag that was given nothing, as by `--token "$UNSET"`.
    #[error("{0} was given an empty value")]
    Empty(&'static str),
    /// A value that is no UTF-8.
    #[error("{0} is no valid text")]
    NoText(Origin),
    /// An address that is none.
    #[error("{origin}: {reason}")]
    Address {
        /// Who gave it.
        origin: Origin,
        /// What is wrong with it.
        reason: AtlasUrlError,
    },
    /// A token that no header could carry.
    #[error("{origin}: {reason}")]
    Token {
        /// Who gave it.
        origin: Origin,
        /// What is wrong with it.
        reason: InvalidToken,
    },
    /// A key without its certificate.
    #[error("{0}: a key needs its certificate, by --client-cert or ATLAS_CLIENT_CERT")]
    KeyAlone(Origin),
    /// A build or compile ID that is no number.
    #[error("Error parsing {what}: {origin}: {text:?} is no number")]
    Number {
        /// `build ID` or `compile ID`.
        what: &'static str,
        /// Who gave it.
        origin: Origin,
        /// What was given.
        text: String,
    },
}

fn into_path(setting: Setting<OsString>) -> Setting<PathBuf> {
    Setting {
        value: setting.value.into(),
        origin: setting.origin,
    }
}

fn number(
    name: Name,
    what: &'static str,
    flag: Option<String>,
    variable: &dyn Fn(&str) -> Option<OsString>,
) -> Result<Setting<u64>, ConfigError> {
    let Some(Setting {
        value: text,
        origin,
    }) = name.text(flag, variable)?
    else {
        let (value, origin) = (0, Origin::Default);
        return Ok(Setting { value, origin });
    };
    match text.parse() {
        Ok(value) => Ok(Setting { value, origin }),
        Err(_) => Err(ConfigError::Number { what, origin, text }),
    }
}

fn is_yes(value: &OsStr) -> bool {
    let value = value.to_string_lossy().trim().to_ascii_lowercase();
    !matches!(&*value, "" | "0" | "f" | "false" | "n" | "no" | "off")
}

/// What a setting is called.
#[derive(Clone, Copy)]
struct Name {
    flag: &'static str,
    variable: &'static str,
}

impl Name {
    const fn new(flag: &'static str, variable: &'static str) -> Self {
        Self { flag, variable }
    }

    /// Returns a setting that is on when the flag is given, or the variable has any value.
    fn switch(self, flag: bool, variable: &dyn Fn(&str) -> Option<OsString>) -> Setting<bool> {
        let named = variable(self.variable).is_some_and(|value| !value.is_empty());
        let origin = match (flag, named) {
            (true, _) => Origin::Flag(self.flag),
            (false, true) => Origin::Variable(self.variable),
            (false, false) => Origin::Default,
        };
        let value = origin != Origin::Default;
        Setting { value, origin }
    }

    /// Returns a setting that is on when the flag is given, or the variable has a value that is no word for
    /// no.
    fn choice(self, flag: bool, variable: &dyn Fn(&str) -> Option<OsString>) -> Setting<bool> {
        let setting = self.switch(flag, variable);
        let value = match setting.origin {
            Origin::Variable(name) => variable(name).is_some_and(|value| is_yes(&value)),
            _ => setting.value,
        };
        Setting { value, ..setting }
    }

    fn text(
        self,
        flag: Option<String>,
        variable: &dyn Fn(&str) -> Option<OsString>,
    ) -> Result<Option<Setting<String>>, ConfigError> {
        let found = self.value(flag.map(Into::into), variable)?;
        found
            .map(|setting| setting.try_map(OsString::into_string))
            .transpose()
            .map_err(|(origin, _)| ConfigError::NoText(origin))
    }

    fn value(
        self,
        flag: Option<OsString>,
        variable: &dyn Fn(&str) -> Option<OsString>,
    ) -> Result<Option<Setting<OsString>>, ConfigError> {
        match flag {
            Some(value) if value.is_empty() => Err(ConfigError::Empty(self.flag)),
            Some(value) => Ok(Some(Setting {
                value,
                origin: Origin::Flag(self.flag),
            })),
            None => Ok(variable(self.variable)
                .filter(|value| !value.is_empty())
                .map(|value| Setting {
                    value,
                    origin: Origin::Variable(self.variable),
                })),
        }
    }
}

#[cfg(test)]
mod tests;

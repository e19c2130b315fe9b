//! Resolves the settings and records the origin of each. A flag overrides a template, a template a variable,
//! and a variable the default. An empty variable counts as unset. The variables are those of HashiCorp's own
//! clients.

pub mod hints;

use std::ffi::{OsStr, OsString};
use std::fmt;
use std::path::PathBuf;

use crate::api::Trust;
use crate::api::atlas_url::{AtlasUrl, AtlasUrlError, DEFAULT_ATLAS_URL};
use crate::base::secret::{InvalidToken, Token};

/// The variable for the token.
pub const TOKEN_VARIABLE: &str = "ATLAS_TOKEN";
/// The variable for the address.
pub const ADDRESS_VARIABLE: &str = "ATLAS_ADDRESS";

const TOKEN: Name = Name::new("--token", TOKEN_VARIABLE);
const ADDRESS: Name = Name::new("--atlas-url", ADDRESS_VARIABLE);
const CA_FILE: Name = Name::new("--ca-file", "ATLAS_CAFILE");
const CA_PATH: Name = Name::new("--ca-path", "ATLAS_CAPATH");
// Atlas had no client certificates. The names follow HashiCorp's other clients, such as VAULT_CLIENT_CERT.
const CLIENT_CERT: Name = Name::new("--client-cert", "ATLAS_CLIENT_CERT");
const CLIENT_KEY: Name = Name::new("--client-key", "ATLAS_CLIENT_KEY");
const INSECURE: Name = Name::new("--insecure", "ATLAS_TLS_NOVERIFY");
const ALLOW_HTTP_UPLOAD: Name = Name::new("--allow-http-upload", "ATLAS_ALLOW_HTTP_UPLOAD");
const BUILD_ID: Name = Name::new("--build-id", "ATLAS_BUILD_ID");
const COMPILE_ID: Name = Name::new("--compile-id", "ATLAS_COMPILE_ID");

/// The origin of a value. It prints as the flag or the variable to look at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Origin {
    /// A flag of the command line.
    Flag(&'static str),
    /// A variable of the environment.
    Variable(&'static str),
    /// A key of a template's post-processor.
    Template(&'static str),
    /// A setting of Terraform's provider.
    Provider(&'static str),
    /// The default, since the setting was not given.
    Default,
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Flag(name) => write!(f, "the flag {name}"),
            Self::Variable(name) => write!(f, "the variable {name}"),
            Self::Template(key) => write!(f, "the template's {key}"),
            Self::Provider(key) => write!(f, "the provider's {key}"),
            Self::Default => f.write_str("the default"),
        }
    }
}

/// A value with its origin.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Setting<T> {
    /// The value.
    pub value: T,
    /// The origin of the value.
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

/// The flags of the command line.
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

/// The settings that all subcommands share.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Config {
    /// The address of the Atlas.
    pub atlas_url: Setting<AtlasUrl>,
    /// The token, if one was given.
    pub token: Option<Setting<Token>>,
    /// A file with additional CA certificates.
    pub ca_file: Option<Setting<PathBuf>>,
    /// A folder with additional CA certificates.
    pub ca_path: Option<Setting<PathBuf>>,
    /// The file with the client's certificate.
    pub client_cert: Option<Setting<PathBuf>>,
    /// The file with the key of the client's certificate.
    pub client_key: Option<Setting<PathBuf>>,
    /// Whether any server is trusted.
    pub insecure: Setting<bool>,
    /// Whether bytes may be sent to an address without TLS that an Atlas with TLS names.
    pub allow_http_upload: Setting<bool>,
}

impl Config {
    /// Resolves the settings from flags, variables and defaults. `variable` reads the environment.
    ///
    /// # Errors
    /// Fails for a flag with an empty value, and for a value that is not UTF-8 or is malformed. The message
    /// names the flag or the variable, and repeats neither a token nor an address.
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

    /// Returns these settings with those of a template, which override variables but not flags.
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

    /// Returns the trusted certificates, and the client's own certificate.
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

/// The build and the compilation to which a version belongs; 0 if not given.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ids {
    /// The build, from `--build-id` or `ATLAS_BUILD_ID`.
    pub build: Setting<u64>,
    /// The compilation, from `--compile-id` or `ATLAS_COMPILE_ID`.
    pub compile: Setting<u64>,
}

impl Ids {
    /// Resolves the numbers from flags, variables and defaults.
    ///
    /// # Errors
    /// Fails with `Error parsing build ID: …`, in the wording of the original, for a text that is not a
    /// number.
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

/// The error for an invalid setting.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ConfigError {
    /// A flag has an empty value, as in `--token "$UNSET"`.
    #[error("{0} was given an empty value")]
    Empty(&'static str),
    /// A value is not UTF-8.
    #[error("{0} is not valid UTF-8")]
    NoText(Origin),
    /// An address is invalid.
    #[error("{origin}: {reason}")]
    Address {
        /// The origin of the value.
        origin: Origin,
        /// The reason.
        reason: AtlasUrlError,
    },
    /// A token cannot be the value of a header.
    #[error("{origin}: {reason}")]
    Token {
        /// The origin of the value.
        origin: Origin,
        /// The reason.
        reason: InvalidToken,
    },
    /// A key was given without its certificate.
    #[error("{0}: a key needs its certificate; give it with --client-cert or ATLAS_CLIENT_CERT")]
    KeyAlone(Origin),
    /// A build ID or compile ID is not a number.
    #[error("Error parsing {what}: {origin}: {text:?} is not a number")]
    Number {
        /// `build ID` or `compile ID`.
        what: &'static str,
        /// The origin of the value.
        origin: Origin,
        /// The invalid text.
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

/// The names of a setting.
#[derive(Clone, Copy)]
struct Name {
    flag: &'static str,
    variable: &'static str,
}

impl Name {
    const fn new(flag: &'static str, variable: &'static str) -> Self {
        Self { flag, variable }
    }

    /// Returns a setting that is on if the flag is given, or the variable has any value.
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

    /// Returns a setting that is on if the flag is given, or the variable has a value other than a word for
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

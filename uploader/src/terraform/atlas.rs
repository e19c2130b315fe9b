//! Defines the provider's own settings, and the Atlas that they choose.

use super::object::Object;
use super::problem::Problem;
use super::schema::{Attribute, Kind, Schema};
use super::value::Value;
use crate::api::atlas_url::{AtlasUrl, AtlasUrlError};
use crate::api::{Client, ClientOptions};
use crate::base::error::Error;
use crate::base::secret::{Redactor, Token};
use crate::config::{ADDRESS_VARIABLE, Config, Flags, Origin, Setting, TOKEN_VARIABLE, hints};

/// The settings of the provider.
pub(super) const PROVIDER: Schema = Schema {
    description: "An Atlas, which stores the artifacts that Packer built. Its certificates come from the variables ATLAS_CAFILE, ATLAS_CAPATH, ATLAS_CLIENT_CERT and ATLAS_CLIENT_KEY.",
    attributes: &[
        Attribute::optional(
            "address",
            Kind::Text,
            "The address of the Atlas, with or without /api/v1; the variable ATLAS_ADDRESS unless given.",
        ),
        Attribute::optional(
            "token",
            Kind::Text,
            "The access token; the variable ATLAS_TOKEN unless given.",
        )
        .sensitive(),
    ],
};

/// The Atlas that the settings choose.
pub(super) enum Atlas {
    Known(Box<Known>),
    /// The address or the token is known only after apply.
    Unknown,
}

/// An Atlas, and the settings that chose it.
pub(super) struct Known {
    pub(super) client: Client,
    pub(super) config: Config,
    pub(super) redactor: Redactor,
}

impl Atlas {
    /// Checks the settings that are known.
    pub(super) fn check(settings: &Object) -> Result<(), Problem> {
        given(settings).map(drop)
    }

    /// Opens the Atlas without sending anything. What the settings do not give comes from the environment.
    pub(super) fn open(settings: &Object, redactor: &Redactor) -> Result<Self, Problem> {
        if settings.has_unknown() {
            return Ok(Self::Unknown);
        }
        let (address, token) = given(settings)?;
        let hidden = [
            (ADDRESS_VARIABLE, address.is_some()),
            (TOKEN_VARIABLE, token.is_some()),
        ];
        // A variable that the configuration overrides is not read, so it cannot fail.
        let variable = |name: &str| match hidden.contains(&(name, true)) {
            true => None,
            false => std::env::var_os(name),
        };
        let mut config = Config::resolve(Flags::default(), variable)
            .map_err(|error| Problem::new(error.to_string()))?;
        if let Some(value) = address {
            let origin = Origin::Provider("address");
            config.atlas_url = Setting { value, origin };
        }
        if let Some(value) = token {
            let origin = Origin::Provider("token");
            config.token = Some(Setting { value, origin });
        }
        let options = ClientOptions {
            token: config.token.as_ref().map(|token| token.value.clone()),
            trust: config.trust(),
            allow_http_upload: config.allow_http_upload.value,
            redactor: redactor.clone(),
            ..ClientOptions::new(config.atlas_url.value.clone())
        };
        Ok(Self::Known(Box::new(Known {
            client: Client::new(options).map_err(|error| Problem::of(&error))?,
            config,
            redactor: redactor.clone(),
        })))
    }

    pub(super) fn is_known(&self) -> bool {
        matches!(self, Self::Known(_))
    }

    /// Returns the Atlas, if its settings are known.
    pub(super) fn known(&self) -> Result<&Known, Problem> {
        match self {
            Self::Known(known) => Ok(known),
            Self::Unknown => Err(Problem::new(
                "The provider's address or token is known only after apply",
            )
            .with_detail(
                "This must be read earlier. Apply first what gives the value, with -target.",
            )),
        }
    }

    /// Returns the client.
    pub(super) fn client(&self) -> Result<&Client, Problem> {
        self.known().map(|known| &known.client)
    }

    /// Returns the client, if it has a token, without which nothing can be written.
    pub(super) fn writer(&self) -> Result<&Client, Problem> {
        let client = self.client()?;
        match client.has_token() {
            true => Ok(client),
            false => Err(missing_token()),
        }
    }

    /// Returns the problem of a request that failed. `summary` begins the first line, in the old provider's words.
    pub(super) fn problem(&self, summary: &str, error: &Error) -> Problem {
        let status = error.status();
        let reason = match status {
            Some(401) => "authentication failed".to_owned(),
            Some(404) => "resource not found".to_owned(),
            _ => error.cause().to_string(),
        };
        let Ok(Known { client, config, .. }) = self.known() else {
            return Problem::new(format!("{summary}: {reason}"));
        };
        let hint = match (status, client.has_token()) {
            (Some(401 | 404), false) => {
                return missing_token().with_detail(format!(
                    "{summary}: {reason}. Without a token, only public artifacts can be read. Set the provider's token, or {TOKEN_VARIABLE}.\n\n{error}"
                ));
            }
            (Some(404), true) => {
                Some("The artifact is not there, or this token may not read it.".to_owned())
            }
            _ => error.hint().map(str::to_owned),
        };
        let hint = hint.or_else(|| hints::about_address(error, config));
        let mut detail = error.to_string();
        if let Some(hint) = hint {
            detail = format!("{detail}\n\n{hint}");
        }
        let origin = config.atlas_url.origin;
        if hints::is_from_default_atlas(error, config) {
            detail = format!(
                "{detail}\n\nThis Atlas was switched off in 2018; the address came from {origin}. Set the provider's address, or {ADDRESS_VARIABLE}."
            );
        }
        let problem = Problem::new(format!("{summary}: {reason}")).with_detail(detail);
        match status {
            Some(404) => problem.missing(),
            _ => problem,
        }
    }
}

fn missing_token() -> Problem {
    Problem::new("Missing Atlas token").with_detail(format!(
        "Set the provider's token, or the variable {TOKEN_VARIABLE}."
    ))
}

/// Parses the settings that are given.
fn given(settings: &Object) -> Result<(Option<AtlasUrl>, Option<Token>), Problem> {
    let address = settings.text("address").map(str::parse::<AtlasUrl>);
    let address = address.transpose().map_err(|reason| {
        let problem = Problem::new(format!("The address of the Atlas cannot be used: {reason}"));
        match reason {
            AtlasUrlError::NotAUrl => problem.at("address"),
            // Terraform would show the line with the secret.
            AtlasUrlError::Credentials | AtlasUrlError::Query => problem,
        }
    })?;
    let token = settings.text("token").map(Token::new).transpose();
    // Nothing points at the token: Terraform would show the line with it.
    let token =
        token.map_err(|reason| Problem::new(format!("The token cannot be used: {reason}")))?;
    // An empty text says that a token should be there.
    if matches!(settings.get("token"), Value::Text(text) if text.is_empty()) {
        return Err(missing_token().at("token"));
    }
    Ok((address, token))
}

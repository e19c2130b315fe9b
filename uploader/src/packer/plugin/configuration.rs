//! Reads the argument of `Configure`, a list of maps with the template's settings and Packer's own
//! values, and interpolates and checks them as the original post-processor did.

use std::collections::{BTreeMap, BTreeSet};
use std::ffi::OsString;
use std::path::Path;

use rmpv::Value as Packed;
use serde_json::{Map, Value};
use time::OffsetDateTime;

use crate::base::secret::Redactor;
use crate::config::{ADDRESS_VARIABLE, Config, Flags, Ids, TOKEN_VARIABLE};
use crate::packer::template::{Context, Limits, Request, Settings, UserVariables, weak_decode};

/// The keys that Packer adds to every post-processor, and the prefix of Packer's own keys.
const COMMON: [&str; 1] = ["type"];
const PACKERS: &str = "packer_";

/// The key of a value that each build generates, and the placeholder for it before the build.
pub(super) const RUN: &str = "PackerRunUUID";
const PLACEHOLDER: &str = "Build_PackerRunUUID.";

/// The post-processor's settings as the template gives them, and the values that they may refer to.
#[derive(Debug, Clone, Default)]
pub(super) struct Configuration {
    settings: Settings,
    packer: Map<String, Value>,
    user: BTreeMap<String, String>,
    /// The placeholders for the values that the build will generate.
    placeholders: BTreeMap<String, String>,
}

/// The checked settings of one build.
#[derive(Debug, Clone)]
pub(super) struct Configured {
    pub(super) request: Request,
    pub(super) config: Config,
    pub(super) ids: Ids,
    /// The warnings about settings that are valid but probably mistaken.
    pub(super) warnings: BTreeSet<String>,
}

impl Configuration {
    /// Splits the list into settings, Packer's values and placeholders. Sensitive variables are added to
    /// the redactor.
    ///
    /// # Errors
    /// Fails with all entries that are no settings, in words for the template's author.
    pub(super) fn read(configs: &[Packed], redactor: &Redactor) -> Result<Self, Vec<String>> {
        let mut read = Self::default();
        let mut settings = Map::new();
        for config in configs {
            let config = object(config).map_err(|reason| vec![reason])?;
            if is_placeholder(&config) {
                read.placeholders = texts(config);
                continue;
            }
            for (key, value) in config {
                if key.starts_with(PACKERS) {
                    read.packer.insert(key, value);
                } else {
                    settings.insert(key, value);
                }
            }
        }
        read.settings = Settings::new(settings);
        read.user = match read.packer.get("packer_user_variables") {
            Some(Value::Object(variables)) => texts(variables.clone()),
            _ => BTreeMap::new(),
        };
        let sensitive = read.packer.get("packer_sensitive_variables");
        for name in sensitive.into_iter().flat_map(weak_decode::list).flatten() {
            redactor.add(read.user.get(&name).map_or("", String::as_str));
        }
        Ok(read)
    }

    /// Interpolates and checks the settings. `generated` holds the values that the build generated;
    /// before the build, `None` selects the placeholders.
    ///
    /// # Errors
    /// Fails with all mistakes, in the original's words where it had some.
    pub(super) fn for_build(
        &self,
        now: OffsetDateTime,
        generated: Option<&BTreeMap<String, String>>,
        variable: impl Fn(&str) -> Option<OsString>,
        redactor: &Redactor,
    ) -> Result<Configured, Vec<String>> {
        let mut wrong: Vec<_> = self
            .settings
            .unknown(&COMMON)
            .map(|key| format!("unknown configuration key: '{key:?}'"))
            .collect();
        let mut warnings = BTreeSet::new();
        let request = self.request(now, generated, redactor, &mut warnings);
        // An environment variable that the template overrides is not read, so it cannot fail.
        let set = request.as_ref().ok();
        let hidden = [
            (TOKEN_VARIABLE, set.is_some_and(|set| set.token.is_some())),
            (
                ADDRESS_VARIABLE,
                set.is_some_and(|set| set.atlas_url.is_some()),
            ),
        ];
        let config = Config::resolve(Flags::default(), |name| {
            match hidden.contains(&(name, true)) {
                true => None,
                false => variable(name),
            }
        });
        let ids = Ids::resolve(None, None, &variable);
        wrong.extend(config.as_ref().err().map(ToString::to_string));
        wrong.extend(ids.as_ref().err().map(ToString::to_string));
        match (request, config, ids) {
            (Ok(request), Ok(config), Ok(ids)) if wrong.is_empty() => Ok(Configured {
                config: config.with_template(
                    request.token.clone(),
                    request.atlas_url.clone(),
                    request.extras.allow_http,
                ),
                request,
                ids,
                warnings,
            }),
            (request, ..) => {
                wrong.extend(request.err().into_iter().flatten());
                Err(wrong)
            }
        }
    }

    fn request(
        &self,
        now: OffsetDateTime,
        generated: Option<&BTreeMap<String, String>>,
        redactor: &Redactor,
        warnings: &mut BTreeSet<String>,
    ) -> Result<Request, Vec<String>> {
        let folder = self.folder();
        let limits = Limits::default();
        let variables = UserVariables::of_packer(&self.user, now, folder.as_deref(), &limits);
        let user = |name: &str| variables.value(name);
        let build = self
            .text("packer_build_name")
            .zip(self.text("packer_builder_type"));
        let placeholders = (!self.placeholders.is_empty()).then_some(&self.placeholders);
        let context = Context {
            now,
            folder: folder.as_deref(),
            user: &user,
            environment: None,
            build,
            packer_version: self.text("packer_core_version"),
            generated: generated.or(placeholders),
            limits: &limits,
        };
        let request = self.settings.request(&context, redactor, warnings)?;
        match request.refusal_of_box(false) {
            Some(reason) => Err(vec![reason]),
            None => Ok(request),
        }
    }

    fn text(&self, key: &str) -> Option<&str> {
        self.packer
            .get(key)?
            .as_str()
            .filter(|text| !text.is_empty())
    }

    /// Returns the folder of the template.
    fn folder(&self) -> Option<String> {
        let template = std::path::absolute(Path::new(self.text("packer_template_path")?)).ok()?;
        Some(template.parent()?.to_string_lossy().into_owned())
    }
}

/// Joins all mistakes into one message, as Packer words it.
pub(super) fn all_at_once(wrong: &[String]) -> String {
    let lines: String = wrong.iter().map(|reason| format!("\n* {reason}")).collect();
    format!("{} error(s) occurred:\n{lines}", wrong.len())
}

fn is_placeholder(config: &Map<String, Value>) -> bool {
    let run = config.get(RUN).and_then(Value::as_str);
    run.is_some_and(|run| run.contains(PLACEHOLDER))
}

/// Converts the values to texts, and leaves out those that cannot be converted.
pub(super) fn texts(values: Map<String, Value>) -> BTreeMap<String, String> {
    let text = |(key, value): (String, Value)| Some((key, weak_decode::text(&value).ok()?));
    values.into_iter().filter_map(text).collect()
}

/// Returns the entry as an object. Templates in JSON send a map; templates in HCL2 send bytes, a JSON
/// object that holds each value beside its type, and null for a setting that is not set.
fn object(config: &Packed) -> Result<Map<String, Value>, String> {
    let not_settings = || "Packer sent something other than settings".to_owned();
    if let Packed::Binary(bytes) = config {
        let mut document: Value = serde_json::from_slice(bytes).map_err(|_| not_settings())?;
        let mut values = match document.get_mut("value").map(Value::take) {
            Some(Value::Object(values)) => values,
            _ => return Err(not_settings()),
        };
        values.retain(|_, value| !value.is_null());
        return Ok(values);
    }
    match json(config) {
        Value::Object(values) => Ok(values),
        Value::Null => Ok(Map::new()),
        _ => Err(not_settings()),
    }
}

/// Converts a MessagePack value to JSON. Invalid UTF-8 is replaced; values that JSON cannot express
/// become null.
pub(super) fn json(value: &Packed) -> Value {
    match value {
        Packed::Nil | Packed::Ext(..) => Value::Null,
        Packed::Boolean(truth) => (*truth).into(),
        Packed::Integer(number) => match (number.as_i64(), number.as_u64()) {
            (Some(number), _) => number.into(),
            (None, number) => number.into(),
        },
        Packed::F32(number) => (*number).into(),
        Packed::F64(number) => (*number).into(),
        Packed::String(text) => String::from_utf8_lossy(text.as_bytes()).into(),
        Packed::Binary(bytes) => String::from_utf8_lossy(bytes).into(),
        Packed::Array(values) => values.iter().map(json).collect(),
        Packed::Map(pairs) => {
            let pair = |(key, value): &(Packed, Packed)| match json(key) {
                Value::String(key) => (key, json(value)),
                other => (other.to_string(), json(value)),
            };
            Value::Object(pairs.iter().map(pair).collect())
        }
    }
}

//! Implements the functions that Packer adds to Go's template language.

use std::collections::BTreeMap;

use time::OffsetDateTime;
use uuid::Uuid;

use super::error::TemplateError;
use super::evaluate::Rendered;
use super::go_time;
use super::limits::{Limits, short_enough};
use super::value::{Value, texts, wrong_number};

/// A reader of the environment, which returns a variable's value, or `None` if it is not set.
pub(crate) type Environment<'a> = dyn Fn(&str) -> Option<String> + 'a;

/// The values that the functions of a template can use.
pub(crate) struct Context<'a> {
    /// The time, which is the same in every place, as in Packer.
    pub(crate) now: OffsetDateTime,
    /// The template's folder.
    pub(crate) folder: Option<&'a str>,
    /// The lookup of a user variable's value.
    pub(crate) user: &'a dyn Fn(&str) -> Result<Rendered, TemplateError>,
    /// The environment, if the text may read it.
    pub(crate) environment: Option<&'a Environment<'a>>,
    /// The name and type of the build, if there is one.
    pub(crate) build: Option<(&'a str, &'a str)>,
    /// The version of the calling Packer, if there is one.
    pub(crate) packer_version: Option<&'a str>,
    /// The values that the build generated, by name, if they are known.
    pub(crate) generated: Option<&'a BTreeMap<String, String>>,
    /// The limits that these texts share.
    pub(crate) limits: &'a Limits,
}

/// Calls a function of Packer other than `user` and `env`.
pub(super) fn call(
    context: &Context<'_>,
    name: &str,
    arguments: Vec<Value>,
) -> Result<String, TemplateError> {
    let build = || context.build.ok_or_else(|| not_available(name));
    match name {
        "isotime" if !arguments.is_empty() => {
            let [layout] = texts(name, arguments)?;
            Ok(go_time::format(context.now, &layout))
        }
        "isotime" => Ok(go_time::format(context.now, go_time::RFC3339)),
        "timestamp" => none(name, &arguments, context.now.unix_timestamp().to_string()),
        "uuid" => none(name, &arguments, Uuid::new_v4().to_string()),
        "template_dir" => {
            let folder = context.folder.ok_or("template path not available")?;
            none(name, &arguments, folder.to_owned())
        }
        "build_name" => none(name, &arguments, build()?.0.to_owned()),
        "build_type" => none(name, &arguments, build()?.1.to_owned()),
        "upper" => Ok(texts::<1>(name, arguments)?[0].to_uppercase()),
        "lower" => Ok(texts::<1>(name, arguments)?[0].to_lowercase()),
        "replace_all" => {
            let [old, new, text] = texts(name, arguments)?;
            replaced(&text, &old, &new, usize::MAX)
        }
        "replace" => replace(arguments),
        "split" => split(arguments),
        "strftime" => {
            let [directives] = texts(name, arguments)?;
            Ok(go_time::strftime(context.now, &directives))
        }
        "pwd" => none(name, &arguments, pwd()?),
        "packer_version" => {
            let version = context.packer_version.ok_or_else(|| not_available(name))?;
            none(name, &arguments, version.to_owned())
        }
        "build" => generated(context, &texts::<1>(name, arguments)?[0]),
        "consul_key" | "vault" | "aws_secretsmanager" => Err(not_reached(context, name)),
        "sed" => Err("sed is deprecated: use replace or replace_all instead".into()),
        unknown => Err(format!("function {unknown:?} not defined").into()),
    }
}

/// Returns the error for a function that calls another service: templates may use it only in variables,
/// and only Packer itself can call it.
fn not_reached(context: &Context<'_>, name: &str) -> TemplateError {
    match (context.environment, name) {
        (Some(_), _) => TemplateError::PackerOnly(format!(
            "only Packer has {name}: give the variable with --var"
        )),
        (None, "consul_key") => "consul_key is not allowed here".into(),
        (None, "vault") => "Vault vars are only allowed in the variables section".into(),
        (None, _) => "AWS Secrets Manager is only allowed in the variables section".into(),
    }
}

fn generated(context: &Context<'_>, name: &str) -> Result<String, TemplateError> {
    let Some(generated) = context.generated else {
        return Err(format!(
            "Error validating build variable: the given variable {name} will not be passed into your plugin."
        )
        .into());
    };
    let value = generated.get(name).cloned();
    Ok(value.ok_or_else(|| format!("loaded data, but couldnt find {name} in it."))?)
}

fn not_available(name: &str) -> String {
    format!("{name} not available")
}

fn pwd() -> Result<String, TemplateError> {
    let folder = std::env::current_dir().map_err(|error| error.to_string())?;
    Ok(folder.to_string_lossy().into_owned())
}

/// Returns a part of a text; the arguments are the text, a separator, and the part's index from 0.
fn split(mut arguments: Vec<Value>) -> Result<String, TemplateError> {
    let Some(Value::Number(index)) = arguments.pop() else {
        return Err("split: the third argument must be a number".into());
    };
    let [text, separator] = texts("split", arguments)?;
    let part = usize::try_from(index)
        .ok()
        .and_then(|index| go_parts(&text, &separator).nth(index));
    let unavailable = || {
        format!(
            "the substring {index} was unavailable using the separator value, {separator}, only {} values were found",
            go_parts(&text, &separator).count()
        )
    };
    Ok(part.map(ToOwned::to_owned).ok_or_else(unavailable)?)
}

/// Splits the text; for an empty separator, Go returns each character.
fn go_parts<'a>(text: &'a str, separator: &'a str) -> Box<dyn Iterator<Item = &'a str> + 'a> {
    if separator.is_empty() {
        return Box::new(text.split_inclusive(|_| true));
    }
    Box::new(text.split(separator))
}

/// Replaces in a text; the arguments are old, new, the number of replacements (negative for all), and
/// the text.
fn replace(mut arguments: Vec<Value>) -> Result<String, TemplateError> {
    let count = match arguments.get(2) {
        Some(Value::Number(count)) => *count,
        Some(_) => return Err("replace: the third argument must be a number".into()),
        None => return Err("replace: wrong number of arguments, want 4".into()),
    };
    arguments.remove(2);
    let [old, new, text] = texts("replace", arguments)?;
    replaced(
        &text,
        &old,
        &new,
        usize::try_from(count).unwrap_or(usize::MAX),
    )
}

/// Replaces `old` at most `most` times, and fails when the text would become too long.
fn replaced(text: &str, old: &str, new: &str, most: usize) -> Result<String, TemplateError> {
    let times = text.matches(old).take(most).count();
    let kept = text.len() - times * old.len();
    short_enough((kept as u64).saturating_add((times as u64).saturating_mul(new.len() as u64)))?;
    Ok(text.replacen(old, new, times))
}

fn none(name: &str, arguments: &[Value], result: String) -> Result<String, TemplateError> {
    if arguments.is_empty() {
        Ok(result)
    } else {
        Err(wrong_number(name, 0).into())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::packer::template::evaluate::render;
    use proptest::prelude::*;

    fn rendered(text: &str) -> Result<String, String> {
        with_warnings(text).map(|rendered| rendered.text)
    }

    fn with_warnings(text: &str) -> Result<Rendered, String> {
        let user = |name: &str| {
            Ok(Rendered {
                text: format!("<{name}>"),
                ..Rendered::default()
            })
        };
        let environment = |name: &str| (name == "SET").then(|| "from env".to_owned());
        let context = Context {
            now: OffsetDateTime::from_unix_timestamp(1_772_895_849).unwrap(),
            folder: Some("/templates"),
            user: &user,
            environment: Some(&environment),
            build: Some(("vm", "qemu")),
            packer_version: Some("1.6.6"),
            generated: Some(&BTreeMap::from([("ID".to_owned(), "i-1".to_owned())])),
            limits: &Limits::default(),
        };
        render(text, &context).map_err(|error| error.to_string())
    }

    #[test]
    fn every_function_does_what_packers_does() {
        for (text, expected) in [
            ("plain }} text", "plain }} text"),
            ("a{{user `x`}}b", "a<x>b"),
            ("{{ user \"x\\t\\u00e9\" }}", "<x\té>"),
            ("{{env `SET`}}/{{env `UNSET`}}", "from env/"),
            ("{{timestamp}}", "1772895849"),
            ("{{isotime}}", "2026-03-07T15:04:09Z"),
            ("{{isotime \"Jan 2006\"}}", "Mar 2026"),
            (
                "{{build_name}} {{build_type}} {{template_dir}}",
                "vm qemu /templates",
            ),
            ("{{upper `aé`}}{{lower `AÉ`}}", "AÉaé"),
            ("{{replace_all `-` `/` `a-b-c`}}", "a/b/c"),
            ("{{replace `-` `/` 1 `a-b-c`}}", "a/b-c"),
            ("{{replace `-` `/` -1 `a-b-c`}}", "a/b/c"),
            ("{{build_name | replace_all `v` `w` | upper}}", "WM"),
            ("{{upper (user `x`)}}", "<X>"),
            ("{{split `a-b-c` `-` 1}}{{split `aéc` `` 1}}", "bé"),
            ("{{packer_version}}{{build `ID`}}", "1.6.6i-1"),
            ("{{strftime `%Y-%m-%d 15`}}", "2026-03-07 15"),
            ("{{upper build_name}}", "VM"),
            ("a {{- `b` -}} c{{/* no */}}d", "abcd"),
            ("{{`{{`}}", "{{"),
            ("{{7}}", "7"),
        ] {
            assert_eq!(rendered(text).as_deref(), Ok(expected), "{text}");
        }
        assert_eq!(rendered("{{uuid}}").unwrap().len(), 36);
    }

    #[test]
    fn a_mistake_is_named() {
        for (text, reason) in [
            (
                "{{consul_key `x`}}",
                "only Packer has consul_key: give the variable with --var",
            ),
            ("{{upper (nope)}}", "function \"nope\" not defined"),
            ("{{user}}", "user: wrong number of arguments, want 1"),
            (
                "{{timestamp 1}}",
                "timestamp: wrong number of arguments, want 0",
            ),
            (
                "{{replace `a` `b` `c` `d`}}",
                "replace: the third argument must be a number",
            ),
            ("{{upper 1}}", "upper: expected a text, not 1"),
            ("{{user `x`", "unclosed action"),
            ("{{user `x}}", "unterminated raw string"),
            ("{{user \"x}}", "unterminated quoted string"),
            ("{{}}", "missing value for command"),
            ("{{/* x }}", "unclosed comment"),
            ("{{1x}}", "bad number: \"1x\""),
            ("{{user `x` | `y`}}", "non executable command in pipeline"),
            ("{{ \"\\q\" }}", "unknown escape: \\q"),
        ] {
            assert_eq!(rendered(text), Err(reason.to_owned()), "{text}");
        }
        let deep = format!("{{{{{}", "(".repeat(100_000));
        assert_eq!(rendered(&deep), Err("too many parentheses".to_owned()));
    }

    proptest! {
        #[test]
        fn nothing_panics_and_text_without_braces_stays(text in r#"([{}()|"`\\ -]|user|isotime|[a-zé0-9./*]|\PC){0,40}"#) {
            let result = rendered(&text);
            if !text.contains("{{") {
                prop_assert_eq!(result, Ok(text));
            }
        }

        #[test]
        fn a_raw_string_is_what_it_says(text in "[^`]{0,20}") {
            let rendered = rendered(&format!("{{{{`{text}`}}}}"));
            prop_assert_eq!(rendered, Ok(text));
        }

        #[test]
        fn no_layout_panics(layout in "([0-9JanMonPMpmZ_:.,-]|\\PC){0,30}") {
            rendered(&format!("{{{{isotime `{}`}}}}", layout.replace('`', ""))).unwrap();
        }
    }
}

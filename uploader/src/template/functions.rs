//! What `{{ … }}` means: the functions of Packer.

use std::collections::BTreeMap;

use time::OffsetDateTime;
use uuid::Uuid;

use super::go_time;
use super::parse::{Command, Operand, Piece, Pipeline, parse};

/// The value of a variable of the environment.
pub(crate) type Environment<'a> = dyn Fn(&str) -> Option<String> + 'a;

/// What the functions know.
pub(crate) struct Context<'a> {
    /// When the program began: the same in every place, as in Packer.
    pub(crate) now: OffsetDateTime,
    /// The template's folder.
    pub(crate) folder: Option<&'a str>,
    /// The value of a user variable.
    pub(crate) user: &'a dyn Fn(&str) -> Result<String, String>,
    /// The environment, where it may be asked.
    pub(crate) environment: Option<&'a Environment<'a>>,
    /// Name and type of the build, where there is one.
    pub(crate) build: Option<(&'a str, &'a str)>,
    /// The version of the Packer that asks, if one does.
    pub(crate) packer_version: Option<&'a str>,
    /// What the build has to tell of itself, by name, where it can.
    pub(crate) generated: Option<&'a BTreeMap<String, String>>,
}

/// The text with each `{{ … }}` replaced by what it means.
pub(super) fn render(text: &str, context: &Context<'_>) -> Result<String, String> {
    let mut rendered = String::with_capacity(text.len());
    for piece in parse(text)? {
        match piece {
            Piece::Text(text) => rendered += &text,
            Piece::Action(pipeline) => rendered += &context.run(&pipeline)?.into_text(),
        }
    }
    Ok(rendered)
}

#[derive(Debug, Clone)]
enum Value {
    Text(String),
    Number(i64),
}

impl Value {
    fn into_text(self) -> String {
        match self {
            Self::Text(text) => text,
            Self::Number(number) => number.to_string(),
        }
    }
}

impl Context<'_> {
    fn run(&self, pipeline: &Pipeline) -> Result<Value, String> {
        let mut result = None;
        for command in &pipeline.0 {
            result = Some(match (command, result) {
                (Command::Call(name, arguments), last) => {
                    let given = arguments.iter().map(|argument| self.value(argument));
                    let mut given = given.collect::<Result<Vec<_>, _>>()?;
                    given.extend(last);
                    Value::Text(self.call(name, given)?)
                }
                (Command::Value(value), None) => self.value(value)?,
                (Command::Value(_), Some(_)) => {
                    return Err("non executable command in pipeline".to_owned());
                }
            });
        }
        result.ok_or_else(|| "missing value for command".to_owned())
    }

    fn value(&self, operand: &Operand) -> Result<Value, String> {
        match operand {
            Operand::Text(text) => Ok(Value::Text(text.clone())),
            Operand::Number(number) => Ok(Value::Number(*number)),
            Operand::Name(name) => self.call(name, Vec::new()).map(Value::Text),
            Operand::Nested(pipeline) => self.run(pipeline),
        }
    }

    fn call(&self, name: &str, arguments: Vec<Value>) -> Result<String, String> {
        let build = || self.build.ok_or_else(|| not_available(name));
        match name {
            "user" => (self.user)(&texts::<1>(name, arguments)?[0]),
            "env" => self.env(&texts::<1>(name, arguments)?[0]),
            "isotime" if !arguments.is_empty() => {
                let [layout] = texts(name, arguments)?;
                Ok(go_time::format(self.now, &layout))
            }
            "isotime" => Ok(go_time::format(self.now, go_time::RFC3339)),
            "timestamp" => none(name, &arguments, self.now.unix_timestamp().to_string()),
            "uuid" => none(name, &arguments, Uuid::new_v4().to_string()),
            "template_dir" => {
                let folder = self.folder.ok_or("template path not available")?;
                none(name, &arguments, folder.to_owned())
            }
            "build_name" => none(name, &arguments, build()?.0.to_owned()),
            "build_type" => none(name, &arguments, build()?.1.to_owned()),
            "upper" => Ok(texts::<1>(name, arguments)?[0].to_uppercase()),
            "lower" => Ok(texts::<1>(name, arguments)?[0].to_lowercase()),
            "replace_all" => {
                let [old, new, text] = texts(name, arguments)?;
                Ok(text.replace(&old, &new))
            }
            "replace" => replace(arguments),
            "split" => split(arguments),
            "strftime" => Ok(go_time::strftime(
                self.now,
                &texts::<1>(name, arguments)?[0],
            )),
            "pwd" => none(name, &arguments, pwd()?),
            "packer_version" => {
                let version = self.packer_version.ok_or_else(|| not_available(name))?;
                none(name, &arguments, version.to_owned())
            }
            "build" => self.generated(&texts::<1>(name, arguments)?[0]),
            "consul_key" | "vault" | "aws_secretsmanager" => Err(self.not_reached(name)),
            "sed" => Err("sed is deprecated: use replace or replace_all instead".to_owned()),
            unknown => Err(format!("function {unknown:?} not defined")),
        }
    }

    fn env(&self, name: &str) -> Result<String, String> {
        match self.environment {
            Some(environment) => Ok(environment(name).unwrap_or_default()),
            None => Err("env vars are not allowed here".to_owned()),
        }
    }

    /// What asks another service is for the variables alone, and there only Packer itself can.
    fn not_reached(&self, name: &str) -> String {
        match (self.environment, name) {
            (Some(_), _) => format!("{name} is Packer's own: give the variable with --var"),
            (None, "consul_key") => "consul_key is not allowed here".to_owned(),
            (None, "vault") => "Vault vars are only allowed in the variables section".to_owned(),
            (None, _) => "AWS Secrets Manager is only allowed in the variables section".to_owned(),
        }
    }

    fn generated(&self, name: &str) -> Result<String, String> {
        let Some(generated) = self.generated else {
            return Err(format!(
                "Error validating build variable: the given variable {name} will not be passed into your plugin."
            ));
        };
        let value = generated.get(name).cloned();
        value.ok_or_else(|| format!("loaded data, but couldnt find {name} in it."))
    }
}

fn not_available(name: &str) -> String {
    format!("{name} not available")
}

fn pwd() -> Result<String, String> {
    let folder = std::env::current_dir().map_err(|error| error.to_string())?;
    Ok(folder.to_string_lossy().into_owned())
}

/// The text, a separator, and which part, from 0.
fn split(mut arguments: Vec<Value>) -> Result<String, String> {
    let Some(Value::Number(index)) = arguments.pop() else {
        return Err("split: the third argument is a number".to_owned());
    };
    let [text, separator] = texts("split", arguments)?;
    let parts = go_parts(&text, &separator);
    let part = usize::try_from(index)
        .ok()
        .and_then(|index| parts.get(index));
    part.map(|part| (*part).to_owned()).ok_or_else(|| {
        format!(
            "the substring {index} was unavailable using the separator value, {separator}, only {} values were found",
            parts.len()
        )
    })
}

/// Without a separator Go takes the characters apart.
fn go_parts<'a>(text: &'a str, separator: &str) -> Vec<&'a str> {
    if separator.is_empty() {
        return text.split_inclusive(|_| true).collect();
    }
    text.split(separator).collect()
}

/// Old, new, how often (below 0: always), and the text.
fn replace(mut arguments: Vec<Value>) -> Result<String, String> {
    let count = match arguments.get(2) {
        Some(Value::Number(count)) => *count,
        Some(Value::Text(_)) => return Err("replace: the third argument is a number".to_owned()),
        None => return Err("replace: wrong number of arguments, want 4".to_owned()),
    };
    arguments.remove(2);
    let [old, new, text] = texts("replace", arguments)?;
    Ok(match usize::try_from(count) {
        Ok(count) => text.replacen(&old, &new, count),
        Err(_) => text.replace(&old, &new),
    })
}

fn none(name: &str, arguments: &[Value], result: String) -> Result<String, String> {
    if arguments.is_empty() {
        Ok(result)
    } else {
        Err(wrong_number(name, 0))
    }
}

fn texts<const N: usize>(name: &str, arguments: Vec<Value>) -> Result<[String; N], String> {
    let text = |value| match value {
        Value::Text(text) => Ok(text),
        Value::Number(number) => Err(format!("{name}: expected a text, not {number}")),
    };
    let texts = arguments.into_iter().map(text);
    let texts = texts.collect::<Result<Vec<_>, _>>()?;
    texts.try_into().map_err(|_| wrong_number(name, N))
}

fn wrong_number(name: &str, wanted: usize) -> String {
    format!("{name}: wrong number of arguments, want {wanted}")
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn rendered(text: &str) -> Result<String, String> {
        let user = |name: &str| Ok(format!("<{name}>"));
        let environment = |name: &str| (name == "SET").then(|| "from env".to_owned());
        let context = Context {
            now: OffsetDateTime::from_unix_timestamp(1_772_895_849).unwrap(),
            folder: Some("/templates"),
            user: &user,
            environment: Some(&environment),
            build: Some(("vm", "qemu")),
            packer_version: Some("1.6.6"),
            generated: Some(&BTreeMap::from([("ID".to_owned(), "i-1".to_owned())])),
        };
        render(text, &context)
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
                "consul_key is Packer's own: give the variable with --var",
            ),
            ("{{upper (nope)}}", "function \"nope\" not defined"),
            ("{{user}}", "user: wrong number of arguments, want 1"),
            (
                "{{timestamp 1}}",
                "timestamp: wrong number of arguments, want 0",
            ),
            (
                "{{replace `a` `b` `c` `d`}}",
                "replace: the third argument is a number",
            ),
            ("{{upper 1}}", "upper: expected a text, not 1"),
            ("{{user `x`", "unclosed action"),
            ("{{user `x}}", "unterminated raw string"),
            ("{{user \"x}}", "unterminated quoted string"),
            ("{{}}", "missing value for command"),
            ("{{.Vars}}", "unexpected '.' in an action"),
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

//! What `{{ … }}` means: the functions of Packer.

use time::OffsetDateTime;
use uuid::Uuid;

use super::go_time;
use super::parse::{Command, Operand, Piece, Pipeline, parse};

/// The value of a variable of the environment.
pub(super) type Environment<'a> = dyn Fn(&str) -> Option<String> + 'a;

/// What the functions know.
pub(super) struct Context<'a> {
    /// When the program began: the same in every place, as in Packer.
    pub(super) now: OffsetDateTime,
    /// The template's folder.
    pub(super) folder: &'a str,
    /// The value of a user variable.
    pub(super) user: &'a dyn Fn(&str) -> Result<String, String>,
    /// The environment, where it may be asked.
    pub(super) environment: Option<&'a Environment<'a>>,
    /// Name and type of the build, where there is one.
    pub(super) build: Option<(&'a str, &'a str)>,
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
        let build = || self.build.ok_or_else(|| format!("{name}: no build here"));
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
            "template_dir" => none(name, &arguments, self.folder.to_owned()),
            "build_name" => none(name, &arguments, build()?.0.to_owned()),
            "build_type" => none(name, &arguments, build()?.1.to_owned()),
            "upper" => Ok(texts::<1>(name, arguments)?[0].to_uppercase()),
            "lower" => Ok(texts::<1>(name, arguments)?[0].to_lowercase()),
            "replace_all" => {
                let [old, new, text] = texts(name, arguments)?;
                Ok(text.replace(&old, &new))
            }
            "replace" => replace(arguments),
            unknown => Err(format!("function {unknown:?} not defined")),
        }
    }

    fn env(&self, name: &str) -> Result<String, String> {
        match self.environment {
            Some(environment) => Ok(environment(name).unwrap_or_default()),
            None => Err("env vars are not allowed here".to_owned()),
        }
    }
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
            folder: "/templates",
            user: &user,
            environment: Some(&environment),
            build: Some(("vm", "qemu")),
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
            ("{{consul_key `x`}}", "function \"consul_key\" not defined"),
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

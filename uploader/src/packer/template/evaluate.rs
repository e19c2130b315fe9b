//! Evaluates a parsed text of Go's template language.

use std::collections::BTreeSet;

use super::builtins;
use super::error::TemplateError;
use super::packer_functions::{self, Context};
use super::parse::{Branch, Command, Kind, Node, Operand, Pipeline, Target, parse};
use super::value::{NO_VALUE, Value, texts};

/// An interpolated text with warnings about it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Rendered {
    pub(crate) text: String,
    /// The warnings about constructs that are valid but probably mistaken.
    pub(crate) warnings: BTreeSet<String>,
}

/// Returns the text with each `{{ … }}` replaced by its value.
pub(crate) fn render(text: &str, context: &Context<'_>) -> Result<Rendered, TemplateError> {
    let mut evaluation = Evaluation {
        context,
        dot: Value::Nil,
        variables: Vec::new(),
        rendered: Rendered::default(),
    };
    let evaluate = || evaluation.nodes(&parse(text)?);
    context.limits.deeper(evaluate)?;
    Ok(evaluation.rendered)
}

struct Evaluation<'a> {
    context: &'a Context<'a>,
    dot: Value,
    variables: Vec<(String, Value)>,
    rendered: Rendered,
}

impl Evaluation<'_> {
    fn nodes(&mut self, nodes: &[Node]) -> Result<(), TemplateError> {
        for node in nodes {
            match node {
                Node::Text(text) => self.write(text)?,
                Node::Action(pipeline) => {
                    let value = self.pipeline(pipeline)?;
                    if pipeline.target.is_none() {
                        self.write(&value.printed())?;
                    }
                }
                Node::Branch(branch) => self.context.limits.deeper(|| self.branch(branch))?,
            }
        }
        Ok(())
    }

    fn write(&mut self, text: &str) -> Result<(), TemplateError> {
        self.context.limits.take(text.len())?;
        self.rendered.text.push_str(text);
        Ok(())
    }

    fn branch(&mut self, branch: &Branch) -> Result<(), TemplateError> {
        let scope = self.variables.len();
        let condition = self.pipeline(&branch.condition)?;
        let holds = condition.holds();
        let mut outer = None;
        match branch.kind {
            Kind::With if holds => outer = Some(std::mem::replace(&mut self.dot, condition)),
            Kind::If | Kind::With => {}
            // No function returns a list, and no field has a value.
            Kind::Range if condition == Value::Nil => {}
            Kind::Range => return Err("range: only a list can be iterated".into()),
        }
        let chosen = if holds {
            &branch.then
        } else {
            &branch.otherwise
        };
        self.nodes(chosen)?;
        self.dot = outer.unwrap_or_else(|| std::mem::take(&mut self.dot));
        self.variables.truncate(scope);
        Ok(())
    }

    fn pipeline(&mut self, pipeline: &Pipeline) -> Result<Value, TemplateError> {
        let mut last = None;
        for command in &pipeline.commands {
            let value = self.command(command, last)?;
            last = Some(self.counted(value)?);
        }
        let value = last.ok_or("missing value for command")?;
        if let Some(target) = &pipeline.target {
            self.assign(target, &value)?;
        }
        Ok(value)
    }

    fn assign(&mut self, target: &Target, value: &Value) -> Result<(), TemplateError> {
        for name in &target.names {
            if target.new {
                self.variables.push((name.clone(), value.clone()));
            } else {
                *self.variable(name)? = value.clone();
            }
        }
        Ok(())
    }

    fn variable(&mut self, name: &str) -> Result<&mut Value, TemplateError> {
        let mut variables = self.variables.iter_mut().rev();
        let found = variables.find(|(known, _)| known == name);
        let undefined = || format!("undefined variable \"${name}\"");
        Ok(found.map(|(_, value)| value).ok_or_else(undefined)?)
    }

    fn command(&mut self, command: &Command, last: Option<Value>) -> Result<Value, TemplateError> {
        let Command { head, arguments } = command;
        let given = last.is_some() || !arguments.is_empty();
        match head {
            Operand::Name(name) => {
                let given = arguments.iter().map(|argument| self.value(argument));
                let mut given = given.collect::<Result<Vec<_>, _>>()?;
                given.extend(last);
                self.call(name, given)
            }
            Operand::Field(of, name) if given && self.is_data(of) && !name[1..].contains('.') => {
                Err(format!("{} is not a method but has arguments", &name[1..]).into())
            }
            // Go ignores the arguments of a field that does not exist.
            Operand::Field(..) => self.value(head),
            _ if last.is_some() => Err("non executable command in pipeline".into()),
            _ if !arguments.is_empty() => Err("can't give argument to non-function".into()),
            Operand::Nil => Err("nil is not a command".into()),
            value => self.value(value),
        }
    }

    /// Returns whether the operand is the template's data, which exists in Packer although it is empty.
    fn is_data(&self, operand: &Operand) -> bool {
        match operand {
            Operand::Dot => self.dot == Value::Nil,
            Operand::Variable(name) => name.is_empty(),
            _ => false,
        }
    }

    /// Returns the value after adding its bytes to the limits: each copy takes memory again.
    fn counted(&self, value: Value) -> Result<Value, TemplateError> {
        if let Value::Text(text) = &value {
            self.context.limits.take(text.len())?;
        }
        Ok(value)
    }

    fn value(&mut self, operand: &Operand) -> Result<Value, TemplateError> {
        let value = match operand {
            Operand::Text(text) => Value::Text(text.clone()),
            Operand::Number(number) => Value::Number(*number),
            Operand::Truth(truth) => Value::Truth(*truth),
            Operand::Nil => Value::Nil,
            Operand::Dot => match self.dot.clone() {
                Value::Nil => self.no_value(".")?,
                dot => dot,
            },
            Operand::Variable(name) if name.is_empty() => self.no_value("$")?,
            Operand::Variable(name) => self.variable(name)?.clone(),
            Operand::Field(of, fields) => self.field(of, fields)?,
            Operand::Name(name) => self.call(name, Vec::new())?,
            Operand::Nested(pipeline) => self.context.limits.deeper(|| self.pipeline(pipeline))?,
        };
        self.counted(value)
    }

    fn field(&mut self, of: &Operand, fields: &str) -> Result<Value, TemplateError> {
        let value = match of {
            Operand::Dot => self.dot.clone(),
            Operand::Variable(name) if name.is_empty() => Value::Nil,
            other => self.value(other)?,
        };
        match value.kind() {
            None => self.no_value(fields),
            Some(kind) => Err(format!("can't evaluate field {fields} in type {kind}").into()),
        }
    }

    /// Returns nil and warns: Packer fills such fields only for builders and provisioners.
    fn no_value(&mut self, name: &str) -> Result<Value, TemplateError> {
        self.warn(format!(
            "{{{{{name}}}}} has no value in a post-processor, and becomes {NO_VALUE:?} as with the original"
        ))?;
        Ok(Value::Nil)
    }

    fn warn(&mut self, warning: String) -> Result<(), TemplateError> {
        self.context.limits.take(warning.len())?;
        self.rendered.warnings.insert(warning);
        Ok(())
    }

    fn call(&mut self, name: &str, arguments: Vec<Value>) -> Result<Value, TemplateError> {
        if let Some(result) = builtins::call(name, &arguments) {
            return result;
        }
        let text = match name {
            "user" => self.user(&texts::<1>(name, arguments)?[0])?,
            "env" => self.environment(&texts::<1>(name, arguments)?[0])?,
            _ => packer_functions::call(self.context, name, arguments)?,
        };
        Ok(Value::Text(text))
    }

    fn user(&mut self, name: &str) -> Result<String, TemplateError> {
        let Rendered { text, warnings } = (self.context.user)(name)?;
        for warning in warnings {
            self.warn(format!("the variable '{name}': {warning}"))?;
        }
        Ok(text)
    }

    fn environment(&mut self, name: &str) -> Result<String, TemplateError> {
        let environment = self.context.environment;
        let environment = environment.ok_or("env vars are not allowed here")?;
        let value = environment(name);
        if value.is_none() {
            self.warn(format!(
                "{name} is not set in the environment, and counts as empty"
            ))?;
        }
        Ok(value.unwrap_or_default())
    }
}

#[cfg(test)]
mod tests {
    use super::super::limits::Limits;
    use super::*;
    use time::OffsetDateTime;

    /// Interpolates with user variables whose values are their names, each with a warning.
    fn rendered(text: &str) -> Result<Rendered, TemplateError> {
        let user = |name: &str| {
            Ok(Rendered {
                text: name.to_owned(),
                warnings: BTreeSet::from(["odd".to_owned()]),
            })
        };
        let context = Context {
            now: OffsetDateTime::UNIX_EPOCH,
            folder: None,
            user: &user,
            environment: Some(&|_| None),
            build: None,
            packer_version: None,
            generated: None,
            limits: &Limits::default(),
        };
        render(text, &context)
    }

    #[test]
    fn the_language_gives_what_go_gives_without_data() {
        for (text, expected) in [
            ("{{.Version}}", "<no value>"),
            ("a {{ .HTTPIP }}:{{.HTTPPort}}", "a <no value>:<no value>"),
            (
                "{{.A.B}}{{.}}{{$}}{{$.X}}",
                "<no value><no value><no value><no value>",
            ),
            (
                "{{(.X).Y}}{{.X.Y `a`}}{{(.X).Y `a`}}",
                "<no value><no value><no value>",
            ),
            (
                "{{+5}}a {{- /* c */ -}} b{{/* c */ -}} c{{\"\\a\\b\\f\\v\"}}",
                "5abc\x07\x08\x0c\x0b",
            ),
            ("{{.x -}} a", "<no value>a"),
            (
                "{{print .X}}{{printf `%s %d %v` .X . $}}",
                "<nil>%!s(<nil>) %!d(<nil>) <nil>",
            ),
            ("{{if .X}}a{{else}}b{{end}}", "b"),
            ("{{if .X.Y}}a{{end}}-", "-"),
            ("{{range .X}}a{{.}}{{else}}b{{end}}", "b"),
            ("{{range $i, $x := .X}}a{{$x}}{{end}}", ""),
            ("{{with .X}}a{{else}}b{{end}}", "b"),
            ("{{with $x := `q`}}{{$x}}{{.}}{{end}}", "qq"),
            ("{{$a := user `x`}}{{$a}}{{ $a | upper }}", "xX"),
            ("{{$x := 1}}{{if true}}{{$x = 2}}{{end}}{{$x}}", "2"),
            (
                "{{if false}}a{{else if eq `a` `b` `a`}}b{{else}}c{{end}}d",
                "bd",
            ),
            ("{{if and true ``}}a{{else}}b{{end}}{{or .X `c`}}", "bc"),
            (
                "{{not .X}}{{eq .X `a`}}{{ne 1 2}}{{lt `a` `b`}}{{ge 1 2}}",
                "truefalsetruetruefalse",
            ),
            ("{{true}}{{len `aé`}}", "true3"),
            ("{{- if true -}} a {{- end }} b", "a b"),
            ("{{print 1 2 `a` `b` 3 true}}", "1 2ab3 true"),
            ("{{println 1 `a`}}", "1 a\n"),
            (
                "{{timestamp | printf `%s-%q-%t` `x`}}",
                "x-\"0\"-%!t(MISSING)",
            ),
            (
                "{{printf `%05d|%5d|%-5s|%5s|%%` -3 3 `a` `é`}}",
                "-0003|    3|a    |    é|%",
            ),
            (
                "{{printf `%d %s %` `a` 3 true .X}}",
                "%!d(string=a) %!s(int=3) %!(NOVERB)%!(EXTRA bool=true, <nil>)",
            ),
            (
                "{{printf `%q` \"a\\\"\\\\\\n\\x01é\"}}",
                r#""a\"\\\n\x01é""#,
            ),
        ] {
            let rendered = rendered(text).map(|rendered| rendered.text);
            assert_eq!(rendered.as_deref(), Ok(expected), "{text}");
        }
    }

    #[test]
    fn what_go_refuses_is_a_mistake() {
        for (text, reason) in [
            (
                "{{upper .X}}",
                "upper: expected a text, not a field without a value",
            ),
            (
                "{{.X | upper}}",
                "upper: expected a text, not a field without a value",
            ),
            ("{{(user `x`).Y}}", "can't evaluate field .Y in type string"),
            ("{{$x}}", "undefined variable \"$x\""),
            (
                "{{if true}}{{$x := 1}}{{end}}{{$x}}",
                "undefined variable \"$x\"",
            ),
            ("{{$x = 1}}", "undefined variable \"$x\""),
            ("{{nil}}", "nil is not a command"),
            ("{{`a` .X}}", "can't give argument to non-function"),
            ("{{.X.}}", "unexpected '.' in an action"),
            ("{{.1X}}", "bad number: \".1X\""),
            ("{{ /* c */ }}", "unexpected '/' in an action"),
            ("{{/*c*/ }}", "comment ends before closing delimiter"),
            ("{{-  /*c*/ -}}", "unexpected '/' in an action"),
            ("{{$a, $b := `x`}}", "too many declarations"),
            ("{{range $a, $b, $c := .X}}{{end}}", "too many declarations"),
            ("{{.X `a`}}", "X is not a method but has arguments"),
            ("{{.X | .Y}}", "Y is not a method but has arguments"),
            ("{{$.X `a`}}", "X is not a method but has arguments"),
            ("{{. X}}", "can't give argument to non-function"),
            ("{{end}}", "unexpected {{end}}"),
            ("{{else}}", "unexpected {{else}}"),
            (
                "{{if true}}a{{else}}b{{else}}c{{end}}",
                "unexpected {{else}}",
            ),
            (
                "{{with .X}}{{else if 1}}{{end}}",
                "{{else if}} is allowed only in an {{if}}",
            ),
            (
                "{{if true}}x",
                "{{if}}, {{with}} or {{range}} without {{end}}",
            ),
            ("{{if}}x{{end}}", "missing value for command"),
            (
                "{{range `abc`}}x{{end}}",
                "range: only a list can be iterated",
            ),
            ("{{eq 1 `a`}}", "incompatible types for comparison"),
            ("{{lt .X 1}}", "invalid type for comparison"),
        ] {
            let error = TemplateError::Invalid(reason.to_owned());
            assert_eq!(rendered(text), Err(error), "{text}");
        }
        let deep = "{{if true}}".repeat(100_000);
        assert_eq!(rendered(&deep), Err("too many branches".into()));
        let chain = format!(
            "{{{{if .X}}}}{}{{{{end}}}}",
            "{{else if .X}}".repeat(100_000)
        );
        assert_eq!(rendered(&chain), Err("too many branches".into()));
    }

    #[test]
    fn what_only_go_can_do_is_named() {
        for (text, reason) in [
            (
                "{{define `x`}}a{{end}}",
                "{{define}} of Go's templates is not supported",
            ),
            (
                "{{template `x`}}",
                "{{template}} of Go's templates is not supported",
            ),
            (
                "{{index .X 1}}",
                "the function index of Go's templates is not supported",
            ),
            (
                "{{printf `%x` 1}}",
                "printf: %x is not supported, only %s, %v, %q, %d, %t and %%",
            ),
            (
                "{{vault `a` `b`}}",
                "only Packer has vault: give the variable with --var",
            ),
        ] {
            let error = TemplateError::PackerOnly(reason.to_owned());
            assert_eq!(rendered(text), Err(error), "{text}");
        }
    }

    #[test]
    fn numbers_and_characters_that_only_go_reads_are_told_as_such() {
        for text in [
            "0x10",
            "1e3",
            "1e+3",
            "1_000",
            "1.5",
            ".5",
            "010",
            "-0b1",
            "2i",
            "'a'",
            "\"\\101\"",
            "\"\\xe9\"",
        ] {
            let error = rendered(&format!("{{{{{text}}}}}")).unwrap_err();
            let TemplateError::PackerOnly(reason) = &error else {
                panic!("{text}: {error}");
            };
            assert!(reason.ends_with("is not supported"), "{reason}");
        }
    }

    #[test]
    fn what_may_not_be_meant_is_a_warning() {
        let warnings = |text: &str| {
            let warnings = rendered(text).unwrap().warnings.into_iter();
            warnings.collect::<Vec<_>>()
        };
        assert_eq!(
            warnings("{{.A.B}}{{ .A.B }}{{env `X`}}{{user `u`}}"),
            [
                "X is not set in the environment, and counts as empty",
                "the variable 'u': odd",
                "{{.A.B}} has no value in a post-processor, and becomes \"<no value>\" as with the original",
            ]
        );
        assert!(warnings("{{timestamp}}").is_empty());
    }

    #[test]
    fn a_text_or_a_value_that_grows_without_end_is_refused() {
        let start = format!("{{{{$x := `{}`}}}}", "a".repeat(50));
        for (doubled, times) in [
            ("{{$x = print $x $x}}", 30),
            ("{{$x = println $x $x}}", 30),
            ("{{$x = printf `%s%s` $x $x}}", 30),
            ("{{$x = replace_all `a` $x $x}}", 6),
            ("{{$x = replace `` $x 99999999 $x}}", 6),
            ("{{$x = print $x $x}}{{$x}}", 30),
            (
                "{{$x = print $x $x}}{{$y := $x}}{{with $x}}{{.}}{{end}}",
                30,
            ),
        ] {
            let error = rendered(&format!("{start}{}", doubled.repeat(times)));
            let error = error.unwrap_err().to_string();
            assert!(error.contains("becomes longer"), "{doubled}: {error}");
        }
    }
}

//! Implements the built-in functions of Go's template language, for values that are a text, a number, a
//! boolean or nil.
//!
//! Evidence: Go 1.19, whose own results are in the tests.

use std::cmp::Ordering;
use std::fmt::Write as _;

use super::error::TemplateError;
use super::limits::short_enough;
use super::value::{Value, texts};

/// Go's other functions, which no known template of Packer needs.
const NOT_SUPPORTED: [&str; 6] = ["call", "html", "index", "js", "slice", "urlquery"];

/// The largest width of a field of `printf`, which limits the size of the output.
const WIDEST: usize = 1000;

/// Calls a built-in function of Go; returns `None` if `name` is not one.
pub(super) fn call(name: &str, arguments: &[Value]) -> Option<Result<Value, TemplateError>> {
    let compared = |holds: fn(Ordering) -> bool| {
        let [left, right] = two(name, arguments)?;
        compare(left, right).map(|order| Value::Truth(holds(order)))
    };
    Some(match name {
        "and" => chosen(name, arguments, |value| !value.holds()),
        "or" => chosen(name, arguments, Value::holds),
        "not" => one(name, arguments).map(|value| Value::Truth(!value.holds())),
        "eq" => equal(name, arguments).map(Value::Truth),
        "ne" => two(name, arguments)
            .and_then(|both| equal(name, &both.map(Value::clone)))
            .map(|equal| Value::Truth(!equal)),
        "lt" => compared(Ordering::is_lt),
        "le" => compared(Ordering::is_le),
        "gt" => compared(Ordering::is_gt),
        "ge" => compared(Ordering::is_ge),
        "len" => texts(name, arguments.to_vec()).map(|[text]| length(&text)),
        "print" => Ok(Value::Text(print(arguments))),
        "println" => Ok(Value::Text(println(arguments))),
        "printf" => printf(arguments).map(Value::Text),
        _ if NOT_SUPPORTED.contains(&name) => {
            let reason = format!("the function {name} of Go's templates is not supported");
            Err(TemplateError::PackerOnly(reason))
        }
        _ => return None,
    })
}

fn one<'a>(name: &str, arguments: &'a [Value]) -> Result<&'a Value, TemplateError> {
    match arguments {
        [value] => Ok(value),
        _ => Err(super::value::wrong_number(name, 1).into()),
    }
}

fn two<'a>(name: &str, arguments: &'a [Value]) -> Result<[&'a Value; 2], TemplateError> {
    match arguments {
        [left, right] => Ok([left, right]),
        _ => Err(super::value::wrong_number(name, 2).into()),
    }
}

/// Returns the first argument that decides, or else the last argument.
fn chosen(
    name: &str,
    arguments: &[Value],
    decides: impl Fn(&Value) -> bool,
) -> Result<Value, TemplateError> {
    let decisive = arguments.iter().find(|value| decides(value));
    let chosen = decisive.or(arguments.last()).cloned();
    chosen.ok_or_else(|| format!("{name}: wrong number of arguments, want at least 1").into())
}

/// Returns whether the first argument is equal to any of the others.
fn equal(name: &str, arguments: &[Value]) -> Result<bool, TemplateError> {
    let (first, others) = match arguments {
        [first, others @ ..] if !others.is_empty() => (first, others),
        _ => return Err(format!("{name}: missing argument for comparison").into()),
    };
    for other in others {
        let kinds = first.kind().zip(other.kind());
        if kinds.is_some_and(|(left, right)| left != right) {
            return Err("incompatible types for comparison".into());
        }
        if first == other {
            return Ok(true);
        }
    }
    Ok(false)
}

fn compare(left: &Value, right: &Value) -> Result<Ordering, TemplateError> {
    match (left, right) {
        (Value::Text(left), Value::Text(right)) => Ok(left.cmp(right)),
        (Value::Number(left), Value::Number(right)) => Ok(left.cmp(right)),
        (Value::Nil | Value::Truth(_), _) => Err("invalid type for comparison".into()),
        _ => Err("incompatible types for comparison".into()),
    }
}

/// Returns the length in bytes, as Go counts.
fn length(text: &str) -> Value {
    Value::Number(i64::try_from(text.len()).unwrap_or(i64::MAX))
}

/// Returns the value as `%v` shows it.
fn shown(value: &Value) -> String {
    match value {
        Value::Nil => "<nil>".to_owned(),
        other => other.clone().printed(),
    }
}

/// Joins the values, with a space between two values that are not texts.
fn print(values: &[Value]) -> String {
    let mut printed = String::new();
    for (index, value) in values.iter().enumerate() {
        let is_text = |value: &Value| matches!(value, Value::Text(_));
        if index > 0 && !is_text(value) && !is_text(&values[index - 1]) {
            printed.push(' ');
        }
        printed += &shown(value);
    }
    printed
}

fn println(values: &[Value]) -> String {
    let shown: Vec<_> = values.iter().map(shown).collect();
    shown.join(" ") + "\n"
}

/// Formats with `%s`, `%v`, `%q`, `%d`, `%t` and `%%`, each with an optional width.
fn printf(arguments: &[Value]) -> Result<String, TemplateError> {
    let [format, values @ ..] = arguments else {
        return Err("printf: missing format".into());
    };
    let [format] = texts("printf", vec![format.clone()])?;
    let mut printed = String::new();
    let mut values = values.iter();
    let mut rest = format.as_str();
    while let Some((before, after)) = rest.split_once('%') {
        printed += before;
        let flags = after.trim_start_matches(['-', '0']);
        let flags = &after[..after.len() - flags.len()];
        let digits = after[flags.len()..].trim_start_matches(|c: char| c.is_ascii_digit());
        let width = &after[flags.len()..after.len() - digits.len()];
        let width = match width.parse() {
            Ok(width) if width <= WIDEST => width,
            Ok(_) => return Err(format!("printf: a field is at most {WIDEST} wide").into()),
            Err(_) => 0,
        };
        let mut characters = digits.chars();
        printed += &match characters.next() {
            None => "%!(NOVERB)".to_owned(),
            Some('%') => "%".to_owned(),
            Some(verb) => padded(&formatted(verb, values.next())?, flags, width),
        };
        short_enough(printed.len() as u64)?;
        rest = characters.as_str();
    }
    printed += rest;
    Ok(printed + &extra(values.as_slice()))
}

fn formatted(verb: char, value: Option<&Value>) -> Result<String, TemplateError> {
    let Some(value) = value else {
        return Ok(format!("%!{verb}(MISSING)"));
    };
    Ok(match (verb, value) {
        ('v', value) => shown(value),
        ('s', Value::Text(_)) | ('d', Value::Number(_)) | ('t', Value::Truth(_)) => shown(value),
        ('q', Value::Text(text)) => quoted(text),
        ('q', Value::Number(_)) => return Err(not_supported(verb)),
        ('s' | 'd' | 't' | 'q', value) => format!("%!{verb}({})", typed(value)),
        _ => return Err(not_supported(verb)),
    })
}

fn not_supported(verb: char) -> TemplateError {
    TemplateError::PackerOnly(format!(
        "printf: %{verb} is not supported, only %s, %v, %q, %d, %t and %%"
    ))
}

fn typed(value: &Value) -> String {
    match value.kind() {
        Some(kind) => format!("{kind}={}", shown(value)),
        None => shown(value),
    }
}

/// Pads the text to a width; zeros go between a sign and its number.
fn padded(text: &str, flags: &str, width: usize) -> String {
    match text.strip_prefix('-') {
        _ if flags.contains('-') => format!("{text:<width$}"),
        Some(digits) if flags.contains('0') => {
            format!("-{digits:0>width$}", width = width.saturating_sub(1))
        }
        _ if flags.contains('0') => format!("{text:0>width$}"),
        _ => format!("{text:>width$}"),
    }
}

fn extra(values: &[Value]) -> String {
    if values.is_empty() {
        return String::new();
    }
    let typed: Vec<_> = values.iter().map(typed).collect();
    format!("%!(EXTRA {})", typed.join(", "))
}

/// Returns the text as a quoted string of Go.
fn quoted(text: &str) -> String {
    let mut quoted = String::from("\"");
    for c in text.chars() {
        // Writing to a string cannot fail.
        let _ = match c {
            '"' | '\\' => write!(quoted, "\\{c}"),
            '\x07' => write!(quoted, "\\a"),
            '\x08' => write!(quoted, "\\b"),
            '\x0c' => write!(quoted, "\\f"),
            '\n' => write!(quoted, "\\n"),
            '\r' => write!(quoted, "\\r"),
            '\t' => write!(quoted, "\\t"),
            '\x0b' => write!(quoted, "\\v"),
            '\0'..' ' | '\x7f' => write!(quoted, "\\x{:02x}", u32::from(c)),
            c if c.is_control() => write!(quoted, "\\u{:04x}", u32::from(c)),
            c => write!(quoted, "{c}"),
        };
    }
    quoted + "\""
}

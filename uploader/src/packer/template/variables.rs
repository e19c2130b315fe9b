//! Determines the values of user variables: values from the command line replace the template's
//! defaults.

use std::cell::{Cell, RefCell};
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use serde_json::Value;
use time::OffsetDateTime;

use super::error::TemplateError;
use super::evaluate::{Rendered, render};
use super::limits::Limits;
use super::packer_functions::{Context, Environment};
use super::{json, weak_decode};
use crate::base::error::{Cause, Error, Phase};

/// The longest chain of references from one variable to the next, as in Packer.
const LONGEST_CHAIN: usize = 100;

/// The variables from the command line. Errors about them are kept, and reported together with all other
/// mistakes in the template.
#[derive(Debug, Default)]
pub struct Variables {
    given: BTreeMap<String, String>,
    pub(super) errors: Vec<Error>,
}

impl Variables {
    /// Reads files of variables, of which later ones override earlier ones, and then single variables,
    /// which override all files. The call blocks.
    ///
    /// [`Template::requests`](super::Template::requests) reports a file that is no JSON object of texts,
    /// and an argument that is not `KEY=VALUE`, without repeating a value, which may be secret.
    pub fn read<'a>(files: impl IntoIterator<Item = &'a Path>, single: &[String]) -> Self {
        let mut read = Self::default();
        for file in files {
            read.file(file);
        }
        for pair in single {
            match pair.split_once('=') {
                Some((name, value)) => drop(read.given.insert(name.to_owned(), value.to_owned())),
                None => read.errors.push(Error::new(
                    Phase::Configure,
                    Cause::Usage("a variable is given as --var KEY=VALUE".to_owned()),
                )),
            }
        }
        read
    }

    fn file(&mut self, file: &Path) {
        let failed = |source| Error::new(Phase::Template, Cause::file(file, source));
        let values = match json::read(file) {
            Ok(values) => values,
            Err(error) => return self.errors.push(failed(error)),
        };
        for (name, value) in values {
            match weak_decode::text(&value) {
                Ok(value) => drop(self.given.insert(name, value)),
                Err(reason) => self
                    .errors
                    .push(failed(std::io::Error::other(format!("{name}: {reason}")))),
            }
        }
    }
}

/// The text of a variable before interpolation.
enum Source<'a> {
    Default(&'a Value),
    Given(&'a str),
    /// A value from Packer, which has interpolated it except for fields.
    Packers(&'a str),
}

/// The user variables of one build. Each is interpolated when it is first used.
pub(crate) struct UserVariables<'a> {
    sources: BTreeMap<&'a str, Source<'a>>,
    environment: Option<&'a Environment<'a>>,
    now: OffsetDateTime,
    folder: Option<&'a str>,
    limits: &'a Limits,
    /// True if some of the given variables could not be read.
    incomplete: bool,
    /// The interpolated values by name; `None` marks a value that is being interpolated.
    known: RefCell<BTreeMap<String, Option<Result<Rendered, TemplateError>>>>,
    depth: Cell<usize>,
}

impl<'a> UserVariables<'a> {
    /// Creates the variables from a template's defaults and the values that override them.
    pub(super) fn new(
        defaults: &'a BTreeMap<String, Value>,
        given: &'a Variables,
        environment: &'a Environment<'a>,
        now: OffsetDateTime,
        folder: &'a str,
        limits: &'a Limits,
    ) -> Self {
        let default = |(name, value): (&'a String, &'a Value)| (&**name, Source::Default(value));
        let over = |(name, value): (&'a String, &'a String)| (&**name, Source::Given(value));
        let defaults = defaults.iter().map(default);
        Self {
            sources: defaults.chain(given.given.iter().map(over)).collect(),
            environment: Some(environment),
            now,
            folder: Some(folder),
            limits,
            incomplete: !given.errors.is_empty(),
            known: RefCell::default(),
            depth: Cell::default(),
        }
    }

    /// Creates the variables from the values that Packer passes to a plugin.
    pub(crate) fn of_packer(
        values: &'a BTreeMap<String, String>,
        now: OffsetDateTime,
        folder: Option<&'a str>,
        limits: &'a Limits,
    ) -> Self {
        let value = |(name, value): (&'a String, &'a String)| (&**name, Source::Packers(value));
        Self {
            sources: values.iter().map(value).collect(),
            environment: None,
            now,
            folder,
            limits,
            incomplete: false,
            known: RefCell::default(),
            depth: Cell::default(),
        }
    }

    /// Returns the value of a variable that a text uses. Mistakes that [`Self::mistakes`] returns become
    /// [`TemplateError::Reported`].
    pub(crate) fn value(&self, name: &str) -> Result<Rendered, TemplateError> {
        if !self.incomplete && !self.sources.contains_key(name) {
            return Ok(undefined());
        }
        let worded = |reason| format!("the variable '{name}': {reason}");
        self.interpolated(name).map_err(|error| match error {
            TemplateError::Invalid(_) if self.environment.is_some() => TemplateError::Reported,
            error => error.map_reason(worded),
        })
    }

    /// Returns the mistakes that Packer refuses too, even in unused variables. Text that only Packer can
    /// interpolate is a mistake only where it is used.
    pub(super) fn mistakes(&self) -> Vec<String> {
        let mistake = |(name, source): (&&str, &Source<'_>)| {
            let reason = match self.interpolated(name) {
                Err(TemplateError::Invalid(reason)) => reason,
                _ => return None,
            };
            Some(match source {
                Source::Default(Value::Null) | Source::Given(_) => reason,
                _ => format!("error interpolating default value for '{name}': {reason}"),
            })
        };
        self.sources.iter().filter_map(mistake).collect()
    }

    fn interpolated(&self, name: &str) -> Result<Rendered, TemplateError> {
        let Some(source) = self.sources.get(name) else {
            return match self.environment {
                _ if self.incomplete => Err(TemplateError::Reported),
                // Variables must be defined only when other variables use them.
                Some(_) => Err(format!("variable not set: {name}").into()),
                None => Ok(undefined()),
            };
        };
        if let Some(known) = self.known.borrow().get(name) {
            let circle = || Err("it refers back to itself".into());
            return known.clone().unwrap_or_else(circle);
        }
        if self.depth.get() == LONGEST_CHAIN {
            return Err(format!("it refers to more than {LONGEST_CHAIN} others").into());
        }
        self.known.borrow_mut().insert(name.to_owned(), None);
        self.depth.set(self.depth.get() + 1);
        let value = self.interpolate(name, source);
        self.depth.set(self.depth.get() - 1);
        let known = Some(value.clone());
        self.known.borrow_mut().insert(name.to_owned(), known);
        value
    }

    fn interpolate(&self, name: &str, source: &Source<'_>) -> Result<Rendered, TemplateError> {
        let text = match source {
            Source::Default(Value::Null) if self.incomplete => return Err(TemplateError::Reported),
            Source::Default(Value::Null) => {
                return Err(format!("required variable not set: {name}").into());
            }
            Source::Default(value) => weak_decode::text(value)?,
            Source::Given(text) | Source::Packers(text) => (*text).to_owned(),
        };
        let user = |name: &str| self.interpolated(name);
        let context = Context {
            now: self.now,
            folder: self.folder,
            user: &user,
            environment: self.environment,
            build: None,
            packer_version: None,
            generated: None,
            limits: self.limits,
        };
        let rendered = render(&text, &context);
        let rendered = match source {
            // The value may be secret, and the reason could repeat a part of it.
            Source::Given(_) => rendered.map_err(|error| {
                error.map_reason(|_| format!("the value given for '{name}' cannot be interpolated"))
            }),
            _ => rendered,
        }?;
        if matches!(source, Source::Packers(_)) || !rendered.text.contains("{{") {
            return Ok(rendered);
        }
        // Packer interpolates the values once more for each post-processor, without the environment.
        let context = Context {
            environment: None,
            ..context
        };
        let mut again = render(&rendered.text, &context).map_err(|error| {
            // The value may contain a secret from the environment.
            error.map_reason(|_| {
                format!("the value of '{name}' contains braces, and cannot be interpolated again")
            })
        })?;
        again.warnings.extend(rendered.warnings);
        Ok(again)
    }
}

/// Returns the value of an undefined variable, which Packer treats as empty outside the definitions of
/// variables.
fn undefined() -> Rendered {
    let warning = "it is not defined, and counts as empty".to_owned();
    Rendered {
        text: String::new(),
        warnings: BTreeSet::from([warning]),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn with<T>(
        defaults: &Value,
        given: Variables,
        look: impl FnOnce(&UserVariables<'_>) -> T,
    ) -> T {
        let defaults = serde_json::from_value(defaults.clone()).unwrap();
        let environment = |name: &str| name.strip_prefix("is ").map(ToOwned::to_owned);
        let now = OffsetDateTime::UNIX_EPOCH;
        look(&UserVariables::new(
            &defaults,
            &given,
            &environment,
            now,
            "/",
            &Limits::default(),
        ))
    }

    #[test]
    fn what_only_packer_can_do_is_a_mistake_where_it_is_used() {
        let defaults = json!({"v": "{{vault `a` `b`}}", "w": "{{user `v`}}", "f": "{{.HTTPIP}}"});
        with(&defaults, Variables::default(), |variables| {
            assert!(variables.mistakes().is_empty());
            let reason = "the variable 'w': only Packer has vault: give the variable with --var";
            let error = TemplateError::PackerOnly(reason.to_owned());
            assert_eq!(variables.value("w"), Err(error));
            assert_eq!(variables.value("f").unwrap().text, "<no value>");
        });
    }

    #[test]
    fn a_mistake_is_told_once_and_without_what_was_given() {
        let given = Variables::read(
            [],
            &["g={{s3cret}}".to_owned(), "t={{timestamp}}".to_owned()],
        );
        let defaults = json!({"a": "{{upper .X}}", "b": "{{user `g`}}", "n": null});
        with(&defaults, given, |variables| {
            let told = variables.mistakes().join("\n");
            assert_eq!(told.lines().count(), 4, "{told}");
            assert!(!told.contains("s3cret"), "{told}");
            for name in ["a", "b", "g", "n"] {
                assert_eq!(
                    variables.value(name),
                    Err(TemplateError::Reported),
                    "{name}"
                );
            }
            assert_eq!(variables.value("t").unwrap().text, "0");
        });
    }

    #[test]
    fn what_nobody_has_defined_is_a_mistake_in_a_variable_and_a_warning_elsewhere() {
        let defaults = json!({"slug": "acme/{{user `nme`}}web"});
        with(&defaults, Variables::default(), |variables| {
            assert_eq!(
                variables.mistakes(),
                ["error interpolating default value for 'slug': variable not set: nme"]
            );
            let rendered = variables.value("vresion").unwrap();
            assert_eq!(rendered.text, "");
            let warning = "it is not defined, and counts as empty";
            assert!(rendered.warnings.contains(warning), "{rendered:?}");
        });
    }

    #[test]
    fn a_value_that_holds_braces_is_interpolated_once_more_and_not_told_if_it_cannot() {
        let value = |text: &str| {
            with(
                &json!({"v": text, "w": "W"}),
                Variables::default(),
                |variables| {
                    let value = variables.value("v").map(|rendered| rendered.text);
                    value.map_err(|_| variables.mistakes().join("\n"))
                },
            )
        };
        let value = |environment: &str| value(&format!("{{{{env \"is {environment}\"}}}}-"));
        assert_eq!(value("{{timestamp}}"), Ok("0-".to_owned()));
        assert_eq!(value("{{user `w`}}"), Ok("W-".to_owned()));
        let told = "error interpolating default value for 'v': the value of 'v' contains braces, and cannot be interpolated again";
        for refused in ["{{s3cret}}", "{{env `is x`}}"] {
            assert_eq!(value(refused), Err(told.to_owned()), "{refused}");
        }
    }

    /// Returns the mistakes of chains of `number` variables; `text` makes a variable's text from the
    /// number of the next.
    fn mistakes_of(number: usize, text: impl Fn(usize) -> String) -> Vec<String> {
        let default = |n: usize| ["a", "b"].map(|name| (format!("{name}{n}"), json!(text(n + 1))));
        let mut defaults: serde_json::Map<_, _> = (0..number).flat_map(default).collect();
        for name in ["a", "b"] {
            defaults.insert(format!("{name}{number}"), "{{env `X`}}".into());
        }
        with(&defaults.into(), Variables::default(), |variables| {
            variables.mistakes()
        })
    }

    #[test]
    fn a_chain_is_as_deep_as_its_variables_and_their_parentheses_together() {
        let simple = |n: usize| format!("{{{{user `a{n}`}}}}");
        assert_eq!(mistakes_of(90, simple), Vec::<String>::new());
        let (open, close) = ("(print ".repeat(31), ")".repeat(31));
        let nested = |n: usize| format!("{{{{print {open}(user `a{n}`){close}}}}}");
        let mistakes = mistakes_of(90, nested).join("\n");
        assert!(mistakes.contains("nested too deeply"), "{mistakes}");
    }

    #[test]
    fn warnings_that_double_with_each_variable_are_soon_refused() {
        let both = |n: usize| format!("{{{{user `a{n}`}}}}{{{{user `b{n}`}}}}");
        let mistakes = mistakes_of(40, both).join("\n");
        assert!(mistakes.contains("becomes longer"), "{mistakes}");
    }

    #[test]
    fn what_doubles_with_each_variable_is_soon_refused() {
        let double = |n: usize| {
            (
                format!("v{n:02}"),
                json!(format!("{{{{user `v{0:02}`}}}}", n + 1).repeat(2)),
            )
        };
        let mut defaults: serde_json::Map<_, _> = (0..60).map(double).collect();
        defaults.insert("v60".to_owned(), json!("0123456789"));
        with(&defaults.into(), Variables::default(), |variables| {
            let mistakes = variables.mistakes();
            assert!(mistakes[0].contains("becomes longer"), "{mistakes:?}");
        });
    }

    #[test]
    fn where_a_file_cannot_be_read_nothing_is_said_of_what_it_may_hold() {
        let given = Variables::read([Path::new("/nowhere/x.json")], &[]);
        assert_eq!(given.errors.len(), 1);
        with(&json!({"n": null}), given, |variables| {
            assert!(variables.mistakes().is_empty());
            assert_eq!(variables.value("n"), Err(TemplateError::Reported));
            assert_eq!(variables.value("undefined"), Err(TemplateError::Reported));
        });
    }
}

//! Expectations of requests, written as text: `POST /api/v1/artifacts 200 exactly 1`.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use super::Request;
use super::method::METHODS;
use super::pattern::Pattern;

/// A list of expectations about the requests in the journal.
///
/// Each expectation is a line of words:
///
/// ```text
/// METHOD ROUTE [STATUS] [with FIELD]… [exactly N | at least N] [at most N]
/// ```
///
/// - `METHOD` is an HTTP method, or `*` for any.
/// - In `ROUTE`, `{…}` matches any one segment: `/api/v1/artifacts/acme/{name}`. An upload is
///   `PUT /_binstore/{upload}`.
/// - `FIELD` is a name in the body, JSON or a form: `artifact_version.metadata.os`.
/// - Without a number, `at least 1` applies.
///
/// ```
/// use mock_atlas::Expectations;
///
/// # fn body() -> Result<(), mock_atlas::ExpectError> {
/// let push = Expectations::new()
///     .expect("POST /api/v1/artifacts/acme/web/{type} 200 with artifact_version.id exactly 1")?
///     .expect("PUT /_binstore/{upload} 200")?
///     .in_order();
/// # Ok(())
/// # }
/// # body().unwrap();
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Expectations {
    #[serde(default)]
    pub(super) expect: Vec<Expectation>,
    #[serde(default)]
    pub(super) in_order: bool,
    #[serde(default)]
    pub(super) lint: bool,
}

impl Expectations {
    /// Creates an empty list.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds an expectation.
    ///
    /// # Errors
    /// When the text is not a valid expectation; the error says where.
    pub fn expect(mut self, text: &str) -> Result<Self, ExpectError> {
        self.expect.push(text.parse()?);
        Ok(self)
    }

    /// Requires the order of the list: each expected request must come after the one before it.
    /// Other requests may come in between, and expectations that allow zero requests are left out.
    #[must_use]
    pub fn in_order(mut self) -> Self {
        self.in_order = true;
        self
    }

    /// Requires that no request gives a reason for a [`Lint`](crate::Lint), too.
    #[must_use]
    pub fn lint(mut self) -> Self {
        self.lint = true;
        self
    }

    /// Parses `{"expect": ["…", …], "in_order": true, "lint": true}`.
    ///
    /// # Errors
    /// When the text has another form, or expects nothing and so could never fail.
    pub fn from_json(text: &str) -> Result<Self, ExpectError> {
        let read: Self =
            serde_json::from_str(text).map_err(|error| ExpectError(error.to_string()))?;
        if read.expect.is_empty() && !read.lint {
            let reason = "the document expects nothing: give at least one expectation, or lint";
            return Err(ExpectError(reason.to_owned()));
        }
        Ok(read)
    }
}

/// An error that says why a text is not a valid expectation.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct ExpectError(String);

/// A kind of request, and the expected number of such requests.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub(super) struct Expectation {
    /// The method; `None` accepts any.
    method: Option<String>,
    route: Pattern,
    status: Option<u16>,
    fields: Vec<String>,
    pub(super) at_least: u64,
    pub(super) at_most: Option<u64>,
}

/// The differences between a request and an expectation.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Difference {
    pub(super) reasons: Vec<String>,
    /// The sum of the differences, where each differing segment of the path counts as one.
    pub(super) weight: usize,
}

impl Expectation {
    pub(super) fn matches(&self, request: &Request) -> bool {
        self.difference(request).weight == 0
    }

    pub(super) fn difference(&self, request: &Request) -> Difference {
        let mut found = Difference::default();
        let mut add = |weight: usize, reason: String| {
            if weight > 0 {
                found.weight += weight;
                found.reasons.push(reason);
            }
        };
        let has_method = self
            .method
            .as_ref()
            .is_none_or(|method| *method == request.method);
        add(
            usize::from(!has_method),
            format!("its method is {}", request.method),
        );
        add(
            self.route.distance(&request.path),
            "its path differs".to_owned(),
        );
        let has_status = self.status.is_none() || self.status == request.status;
        let status = match request.status {
            Some(status) => format!("it was answered with {status}"),
            None => "it broke off".to_owned(),
        };
        add(usize::from(!has_status), status);
        for field in &self.fields {
            let has_field = request.fields.contains(field);
            add(usize::from(!has_field), format!("it has no field {field}"));
        }
        found
    }
}

impl FromStr for Expectation {
    type Err = ExpectError;

    fn from_str(text: &str) -> Result<Self, ExpectError> {
        let failed = |error: String| ExpectError(format!("{text:?}: {error}"));
        let mut words = text.split_whitespace();
        let (Some(method), Some(route)) = (words.next(), words.next()) else {
            return Err(failed("a method and a route are expected".to_owned()));
        };
        let mut expectation = Self {
            method: parse_method(method).map_err(failed)?,
            route: route.parse().map_err(failed)?,
            status: None,
            fields: Vec::new(),
            at_least: 1,
            at_most: None,
        };
        let mut at_least = None;
        while let Some(word) = words.next() {
            let taken = expectation.take(word, &mut words, &mut at_least);
            taken.map_err(failed)?;
        }
        // Without `at least`, the minimum is 0 if there is an `at most`, and 1 otherwise.
        let least = if expectation.at_most.is_some() { 0 } else { 1 };
        expectation.at_least = at_least.unwrap_or(least);
        match expectation.at_most {
            Some(most) if most < expectation.at_least => Err(failed(
                "the number after at least exceeds the number after at most".to_owned(),
            )),
            _ => Ok(expectation),
        }
    }
}

impl Expectation {
    /// Parses a word that follows the route, and the words that belong to it.
    fn take<'a>(
        &mut self,
        word: &str,
        words: &mut impl Iterator<Item = &'a str>,
        at_least: &mut Option<u64>,
    ) -> Result<(), String> {
        match word {
            "with" => self.fields.push(
                words
                    .next()
                    .ok_or("after with, a field is expected")?
                    .to_owned(),
            ),
            "exactly" => {
                let exactly = number(words.next())?;
                (*at_least, self.at_most) = (Some(exactly), Some(exactly));
            }
            "at" => match words.next() {
                Some("least") => *at_least = Some(number(words.next())?),
                Some("most") => self.at_most = Some(number(words.next())?),
                _ => return Err("after at, least or most is expected".to_owned()),
            },
            status => self.status = Some(parse_status(status)?),
        }
        Ok(())
    }
}

/// Parses a method. An unknown one is an error, since a misspelled method with `exactly 0` would
/// always pass.
fn parse_method(word: &str) -> Result<Option<String>, String> {
    let method = word.to_ascii_uppercase();
    match &*method {
        "*" => Ok(None),
        known if METHODS.contains(&known) => Ok(Some(method)),
        _ => Err(format!(
            "unknown method {word:?}: the methods are {}, and * for any",
            METHODS.join(", ")
        )),
    }
}

fn number(word: Option<&str>) -> Result<u64, String> {
    let number = word.and_then(|word| word.parse().ok());
    number.ok_or_else(|| format!("{:?} is not a number", word.unwrap_or_default()))
}

fn parse_status(word: &str) -> Result<u16, String> {
    let status = word.parse().ok();
    status
        .filter(|status| (100..1000).contains(status))
        .ok_or_else(|| {
            format!("{word:?} is neither a status nor with, exactly, at least or at most")
        })
}

impl TryFrom<String> for Expectation {
    type Error = ExpectError;

    fn try_from(text: String) -> Result<Self, ExpectError> {
        text.parse()
    }
}

impl From<Expectation> for String {
    fn from(expectation: Expectation) -> Self {
        expectation.to_string()
    }
}

impl fmt::Display for Expectation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{} {}",
            self.method.as_deref().unwrap_or("*"),
            self.route
        )?;
        if let Some(status) = self.status {
            write!(f, " {status}")?;
        }
        for field in &self.fields {
            write!(f, " with {field}")?;
        }
        match (self.at_least, self.at_most) {
            (least, Some(most)) if least == most => write!(f, " exactly {most}"),
            (0, Some(most)) => write!(f, " at most {most}"),
            (least, Some(most)) => write!(f, " at least {least} at most {most}"),
            (least, None) => write!(f, " at least {least}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn each_form_is_read_and_written() {
        for (text, written) in [
            ("get /a", "GET /a at least 1"),
            ("* /a/{b} 404", "* /a/{b} 404 at least 1"),
            ("PUT /a exactly 0", "PUT /a exactly 0"),
            ("PUT /a at most 2", "PUT /a at most 2"),
            ("PUT /a at least 2 at most 3", "PUT /a at least 2 at most 3"),
            (
                "POST /a with x.y exactly 1 200 with z",
                "POST /a 200 with x.y with z exactly 1",
            ),
        ] {
            let read: Expectation = text.parse().unwrap();
            assert_eq!(read.to_string(), written);
            assert_eq!(written.parse(), Ok(read));
        }
    }

    #[test]
    fn what_is_none_says_why() {
        for (text, reason) in [
            ("", "a method and a route"),
            ("PUT", "a method and a route"),
            ("PTU /a exactly 0", "unknown method \"PTU\""),
            ("PUT a", "is not a path"),
            ("PUT /a twice", "\"twice\" is neither"),
            ("PUT /a 20", "\"20\" is neither"),
            ("PUT /a with", "a field is expected"),
            ("PUT /a exactly", "\"\" is not a number"),
            ("PUT /a at 3", "least or most"),
            (
                "PUT /a at least 3 at most 2",
                "exceeds the number after at most",
            ),
        ] {
            let error = text.parse::<Expectation>().unwrap_err().to_string();
            assert!(error.contains(reason), "{error}");
            assert!(error.starts_with(&format!("{text:?}: ")), "{error}");
        }
    }

    #[test]
    fn json_is_a_list_of_texts() {
        let text = r#"{"expect": ["PUT /a"], "in_order": true, "lint": true}"#;
        let expected = Expectations::new().expect("PUT /a").unwrap();
        let expected = expected.in_order().lint();
        assert_eq!(Expectations::from_json(text), Ok(expected));
        for (text, reason) in [
            (r#"{"expect": ["PUT"]}"#, "\"PUT\": a method"),
            (r#"{"expected": []}"#, "unknown field"),
            (r#"{"expect": [], "in_order": true}"#, "expects nothing"),
            ("[1]", ""),
        ] {
            let error = Expectations::from_json(text).unwrap_err().to_string();
            assert!(error.contains(reason), "{error}");
        }
    }

    proptest! {
        #[test]
        fn any_text_is_an_expectation_or_an_error(text in "(\\*|PUT)? ?/?[a-z{}]* ?(with|at|least|exactly|[0-9]{1,3}| ){0,6}") {
            if let Ok(read) = text.parse::<Expectation>() {
                prop_assert_eq!(read.to_string().parse(), Ok(read));
            }
        }
    }
}
